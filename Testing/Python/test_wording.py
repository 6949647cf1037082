"""Numbers and nouns agree, and whoever counts in a sentence asks the library for the words."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from LandmarkDetectionLib.wording import counted

#: What sentences count; of voxels and pixels there are hardly ever one.
NOUNS = {
    *("annotations", "cases", "files", "images", "landmarks", "levels", "measurements", "models", "points"),
    *("problems", "reports", "results", "reviews", "rows", "scans", "slices", "specimens", "subjects"),
    *("visits", "warnings", "workers"),
}
#: What may stand between number and noun.
KINDS = {"anatomical", "annotated", "corrected", "different", "more", "other", "saved", "training"}
#: Modules where a number is known to be more than one, by the condition under which it is said.
SEVERAL = {
    "LandmarkDetectionLib/alignment/visits.py": {"len(values)"},
    "LandmarkDetectionLib/cli/visits.py": {"len(landmarks)"},
    "LandmarkDetectionLib/cli/measure.py": {"count"},
    "LandmarkDetectionLib/cohort/sources/folder.py": {"number"},  # every so many files
    "LandmarkDetectionLib/core/measurement_kinds.py": {"number"},
    "LandmarkDetectionLib/correction/tensors.py": {"landmarks"},
    "LandmarkDetectionLib/datasets/importers/tps.py": {"' and '.join(map(str, counts))"},
    "LandmarkDetectionLib/detectors/base.py": {"len(landmarks)"},
    "LandmarkDetectionLib/io/dicom.py": {"len(frames)", "len(ordered)"},
    "LandmarkDetectionLib/mcp_server/tasks.py": {"count"},
    "LandmarkDetectionLib/measurement/frame.py": {"volume.shape[0]"},
    "LandmarkDetectionLib/study/report.py": {
        "config.images_per_epoch",
        "config.neighbour_images",
        "synthetic",
    },
    "LandmarkDetectionLib/study/run.py": {"count"},
    # Of the protocols that ship, each with many landmarks.
    "LandmarkDetectionLib/detectors/hand.py": {"len(confidence)"},
    "LandmarkDetectionLib/heatmaps/column.py": {"max(ladder.landmarks) + 1"},
    "LandmarkDetectionLib/networks/chain_unet.py": {"landmarks", "levels"},
    "LandmarkDetectionLib/quality/plausibility.py": {"as_labelled"},  # with one decimal
    "LandmarkDetectionLib/synthesis/radiograph/sheet.py": {"len(colours)"},
    "LandmarkDetectionLib/training/synthetic/bone_package.py": {"len(names)", "len(protocol.names)"},
    "LandmarkDetectionLib/training/synthetic/hand_card.py": {"len(protocol.names)"},
    "LandmarkDetectionLib/training/synthetic/hand_package.py": {"len(protocol.names)"},
    "LandmarkDetectionLib/training/synthetic/package.py": {"len(names)", "len(protocol.names)"},
    "LandmarkDetectionViewer/cases.py": {"len(beside)"},
}


@pytest.mark.parametrize(
    ("number", "words", "said"),
    [
        (0, ["case"], "0 cases"),
        (1, ["case"], "1 case"),
        (2, ["case"], "2 cases"),
        (1, ["image was", "images were"], "1 image was"),
        (3, ["image was", "images were"], "3 images were"),
    ],
)
def test_one_is_said_otherwise_than_many(number: int, words: list[str], said: str) -> None:
    assert counted(number, *words) == said


def unguarded(code: str) -> Iterator[str]:
    """Values of f-strings that stand before a plural, whatever they are."""
    before = rf" (?:(?:{'|'.join(sorted(KINDS))}) )?(\w+)"
    for text in ast.walk(ast.parse(code)):
        if not isinstance(text, ast.JoinedStr):
            continue
        for value, words in zip(text.values, text.values[1:], strict=False):
            if isinstance(value, ast.FormattedValue) and isinstance(words, ast.Constant):
                noun = re.match(before, str(words.value))
                if noun and noun[1] in NOUNS and not _is_constant(value.value):
                    yield ast.unparse(value.value)


def _is_constant(value: ast.expr) -> bool:
    """Whether a number is one of the program's own, which is seen to be more than one."""
    names = [node.attr for node in ast.walk(value) if isinstance(node, ast.Attribute)]
    names += [] if names else [node.id for node in ast.walk(value) if isinstance(node, ast.Name)]
    return all(name.isupper() for name in names)


def test_a_count_before_a_plural_is_seen() -> None:
    assert list(unguarded("f'{len(cases)} cases of {people} other subjects'")) == ["len(cases)", "people"]
    assert not list(
        unguarded("f'{LEAST_CASES} cases, {3 * LEAST} subjects, {package.MAX} files, {n} as images'")
    )


def test_no_sentence_says_1_cases(repository: Path) -> None:
    found = {}
    for folder in ("LandmarkDetectionLib", "LandmarkDetection", "LandmarkDetectionViewer"):
        for module in sorted((repository / folder).rglob("*.py")):
            name = module.relative_to(repository).as_posix()
            if values := set(unguarded(module.read_text(encoding="utf-8"))):
                found[name] = values
    assert found == SEVERAL
