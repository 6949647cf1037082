"""The hand model on real radiographs in all the ways they come: turned, inverted, collimated, marked, noisy.

Needs a folder with radiographs and ``landmarks_px.csv`` (see ``hand_radiographs.py``). Errors are given as
percentages of the hand's length, wrist centre to tip of the middle finger as annotated. The wrist centre is
the middle of the annotated landmarks 1 and 5, at the tips of the two styloid processes, whose distance the
data's authors take as 50 mm. The rule: the fingertips' mean error is at most 4 %, and every fingertip lies on
the right finger, nearer to its own annotated tip than to any other.

Exit code 1 when a copy breaks the rule, 0 when all keep it or there are no radiographs.

    python Testing/Benchmarks/hand_robustness.py
    python Testing/Benchmarks/hand_robustness.py --model my-hand-model --originals --markdown table.md
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.detectors.dispatch import detect
from LandmarkDetectionLib.errors import LandmarkDetectionError
from LandmarkDetectionLib.io.volumes import read_volume
from LandmarkDetectionLib.models import Model, load_model
from Testing.Benchmarks.disturbed_hands import copies

Array = np.ndarray
REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY.parent / "shared" / "data" / "hand_xray"
TABLE = "landmarks_px.csv"
LIMIT_PERCENT = 4.0
ON_THE_FINGER_PERCENT = 15.0

#: Annotated landmarks by the name in the protocol.
TIPS = {"thumb_tip": 20, "index_tip": 24, "middle_tip": 28, "ring_tip": 32, "little_tip": 36}
STYLOIDS = (1, 5)


@dataclass(frozen=True)
class Result:
    """One picture.

    Attributes
    ----------
    picture, copy
        Which radiograph, and how it was disturbed.
    percent
        (5,) error of every fingertip, thumb first, % of the hand's length; NaN where it was not found.
    right_finger
        (5,) bool: whether its own annotated tip is the nearest.
    warnings
        What the detector said.
    """

    picture: str
    copy: str
    percent: Array
    right_finger: Array
    warnings: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether every tip was found on the right finger and the mean error is within the limit."""
        return bool(self.percent.mean() <= LIMIT_PERCENT and self.right_finger.all())


def annotations(folder: Path) -> dict[str, Array]:
    """(37, 2) columns and rows in pixels by the name of the radiograph."""
    with (folder / TABLE).open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    return {row[0]: np.array(row[1:], float).reshape(-1, 2) for row in rows}


def tips_of(found: Detection, volume: Volume, to_annotated: Array) -> Array:
    """(5, 2) fingertips in the annotated pixels, which ``to_annotated`` (3, 3) gives from the volume's."""
    ras = np.array([found.landmarks[name].position for name in TIPS])
    pixels = volume.ras_to_ijk_points(ras)[:, :2]
    return np.asarray(pixels @ to_annotated[:2, :2].T + to_annotated[:2, 2])


def compare(tips: Array, truth: Array, picture: str, copy: str, warnings: tuple[str, ...]) -> Result:
    """Hold fingertips (5, 2) against annotations (37, 2)."""
    wanted = truth[list(TIPS.values())]
    length = np.linalg.norm(wanted[2] - truth[list(STYLOIDS)].mean(axis=0))
    percent = 100 * np.linalg.norm(tips[:, None] - wanted, axis=2) / length
    own = np.diag(percent)
    right = (np.argmin(percent, axis=1) == np.arange(5)) & (own < ON_THE_FINGER_PERCENT)
    return Result(picture, copy, own, right, warnings)


def results(folder: Path, model: Model, *, disturbed: bool) -> Iterator[Result]:
    """Detect in every radiograph of the folder that has annotations."""
    known = annotations(folder)
    for path in sorted(folder.glob("*.nrrd")):
        volume = read_volume(path)
        for copy in copies(volume.voxels[0]):
            shown = replace(volume, voxels=copy.image[None])
            try:
                found = detect(shown, model, device="cpu")
            except LandmarkDetectionError as problem:
                tips, warnings = np.full((5, 2), np.nan), (str(problem),)
            else:
                tips, warnings = tips_of(found, shown, copy.to_original), found.warnings
            yield compare(tips, known[path.stem], path.stem, copy.name, warnings)
            if not disturbed:
                break


def table(measured: list[Result]) -> str:
    """A Markdown table, and a summary below it."""
    heads = ("radiograph", "copy", *(name.removesuffix("_tip") for name in TIPS), "mean", "right fingers")
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for one in measured:
        numbers = [f"{n:.2f}" for n in (*one.percent, one.percent.mean())]
        lines.append(f"| {one.picture} | {one.copy} | {' | '.join(numbers)} | {one.right_finger.sum()} |")
    tips = np.array([one.percent for one in measured])
    lines += [
        "",
        f"Fingertips: mean {np.nanmean(tips):.2f} %, median {np.nanmedian(tips):.2f} %, largest "
        f"{np.nanmax(tips):.2f} % of the hand's length; {np.isnan(tips).sum()} of {tips.size} not found; "
        f"{sum(one.holds for one in measured)} of {len(measured)} pictures keep the rule.",
    ]
    return "\n".join(lines)


def main() -> int:
    """Measure, print, and say whether the rule holds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    parser.add_argument("--model", default="hand")
    parser.add_argument("--originals", action="store_true", help="leave the disturbed copies out")
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    if not (options.folder / TABLE).is_file():
        print(f"There are no annotated radiographs in {options.folder}; nothing was measured.")
        return 0
    measured = list(results(options.folder, load_model(options.model), disturbed=not options.originals))
    text = table(measured)
    print(text)
    for one in measured:
        for warning in one.warnings:
            print(f"{one.picture}, {one.copy}: {warning}")
    if options.markdown:
        options.markdown.write_text(text + "\n", encoding="utf-8")
    return int(not all(one.holds for one in measured))


if __name__ == "__main__":
    sys.exit(main())
