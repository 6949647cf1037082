"""Every command that writes a result leaves a manifest beside it, and no reader takes that for a result."""

import inspect
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import pytest

from LandmarkDetectionLib.cli import app as program
from LandmarkDetectionLib.cli.commands import OUTPUT_OPTIONS
from LandmarkDetectionLib.cli.recording import UNTOLD, WORDS
from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.protocol import LandmarkDefinition, Protocol
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.files import is_manifest, resource_path, sha256_of
from LandmarkDetectionLib.io.markups import read_landmarks, write_landmarks
from LandmarkDetectionLib.io.protocols import write_protocol
from LandmarkDetectionLib.io.records import write_detection
from LandmarkDetectionLib.io.volumes import write_volume
from LandmarkDetectionLib.provenance import manifest_of
from Testing.examples.measurement_cases import FACE, in_picture
from Testing.examples.shipped_models import SKIN

#: Whatever these write is no result of an image: models, data sets, which keep their own records, and bodies
#: made from a seed.
OTHERS = {"demo", "synthesize", "train", "finetune", "skeleton", "mcp"}
PATIENT = "Mustermann"


def commands() -> Iterator[tuple[str, dict[str, Any]]]:
    """Commands of the program with the types of their options; those of groups are about data and models."""
    for one in program.app.registered_commands:
        assert one.callback is not None
        name = one.name or one.callback.__name__
        hints = get_type_hints(one.callback, include_extras=False)
        yield name, {key: hints[key] for key in inspect.signature(one.callback).parameters}


def literals(hint: Any) -> bool:
    return get_origin(hint) is Literal or any(literals(one) for one in get_args(hint))


def test_every_command_that_writes_a_result_records_how() -> None:
    writing = {name for name, options in commands() if OUTPUT_OPTIONS & set(options)} - OTHERS
    recording = {name for name, options in commands() if "no_manifest" in options}
    assert writing <= recording
    assert recording - writing == {"cohort-report", "mcp"}, "the one writes into the folder it reads"


def test_every_choice_is_told_and_no_word_that_may_name_a_person() -> None:
    recorded = [options for _, options in commands() if "no_manifest" in options]
    choices = {name for options in recorded for name, hint in options.items() if literals(hint)}
    assert choices <= WORDS | UNTOLD
    private = {
        "series",
        "reviewer",
        "reviewed_at",
        "when",
        "pattern",
        "exclude",
        "reference",
        "rater",
        "model",
    }
    assert private <= {name for options in recorded for name in options}
    assert not private & WORDS


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    return Path(
        shutil.copy(resource_path("SampleData", "synthetic-body-ct.nrrd"), tmp_path / f"{PATIENT}.nrrd")
    )


def told(result: Path) -> dict[str, Any]:
    """What the manifest of a result tells; it is of this very file and names nobody."""
    text = manifest_of(result).read_text()
    assert PATIENT not in text and str(result.parent) not in text
    record: dict[str, Any] = json.loads(text)
    files = [result] if result.is_file() else [one for one in result.rglob("*") if one.is_file()]
    assert record["outputs"] and {one["sha256"] for one in record["outputs"]} <= {
        sha256_of(one) for one in files
    }
    return record


def placed(path: Path) -> Path:
    """Three landmarks of a body, as a person places them."""
    places = {"head_top": (0, 0, 300), "knee_left": (-80, 0, -300), "knee_right": (80, 10, -310)}
    marks = (Landmark(name, np.array(at, float), Status.CORRECTED) for name, at in places.items())
    write_landmarks(LandmarkSet(tuple(marks)), path)
    return path


def test_one_manifest_lies_beside_the_first_of_several_results(
    scan: Path, cli: Callable, tmp_path: Path
) -> None:
    record, points, new = (tmp_path / name for name in ("a.json", "a.mrk.json", "new.json"))
    answer = cli("detect", scan, "-m", SKIN, "-o", record, "-o", points, "--threshold", -300)
    assert answer.code == 0, answer.err
    assert answer.out.count("Wrote") == 3 and "a.json.manifest.json" in answer.out
    made = json.loads(manifest_of(record).read_text())
    assert [one["sha256"] for one in made["outputs"]] == [sha256_of(record), sha256_of(points)]
    assert made["options"] == {"side": "auto", "device": "auto", "threshold": -300.0}
    assert made["models"][0]["name"] == SKIN
    assert [path.name for path in tmp_path.iterdir() if is_manifest(path)] == ["a.json.manifest.json"]
    answer = cli("refine", scan, record, "--at", "knee_left=-80,0,-300", "-o", new, "--json")
    assert answer.code == 0, answer.err
    said = json.loads(answer.out)
    assert (said["files"], said["manifest"]) == ([str(new)], str(manifest_of(new)))
    assert told(new)["options"]["at"] == ["knee_left=-80,0,-300"]
    assert [one["role"] for one in told(new)["inputs"]] == ["image", "detection"]


def test_what_is_only_printed_leaves_none(cli: Callable, tmp_path: Path) -> None:
    points = placed(tmp_path / "points.csv")
    answer = cli("measure", points, "--protocol", "whole-body", "--json")
    assert answer.code == 0 and "manifest" not in json.loads(answer.out)
    assert list(tmp_path.iterdir()) == [points]


def test_it_is_left_out_when_that_is_said(cli: Callable, tmp_path: Path) -> None:
    points = placed(tmp_path / "points.csv")
    words = ("measure", points, "--protocol", "whole-body", "-o", tmp_path / "all.csv")
    answer = cli(*words, "--no-manifest", "--json")
    assert answer.code == 0 and "manifest" not in json.loads(answer.out)
    assert {path.name for path in tmp_path.iterdir()} == {"points.csv", "all.csv"}


def test_measuring_cropping_and_reporting_are_recorded(scan: Path, cli: Callable, tmp_path: Path) -> None:
    points = placed(tmp_path / "case.mrk.json")
    box, table, pages = tmp_path / "box.nii.gz", tmp_path / "all.csv", tmp_path / "pages"
    for result, *words in (
        (box, "crop", scan, points, "-o", box),
        (table, "measure", points, "--protocol", "whole-body", "-o", table),
        (pages, "report", points, "--protocol", "whole-body", "-o", pages, "--format", "html"),
    ):
        answer = cli(*words)
        assert answer.code == 0, answer.err
        record = told(result)
        assert record["command"] == words[0]
        assert sha256_of(points) in {one["sha256"] for one in record["inputs"]}


def test_frames_alignments_and_second_opinions_are_recorded(
    scan: Path, cli: Callable, tmp_path: Path
) -> None:
    points = placed(tmp_path / "case.mrk.json")
    moved = placed(tmp_path / "moved.mrk.json")
    transform, opinion, rules = tmp_path / "t.tfm", tmp_path / "o.json", tmp_path / "rules.json"
    labels = tmp_path / "labels.nii.gz"
    voxels = np.zeros((50, 12, 30), np.uint8)
    voxels[2:6, 4:8, 4:8] = 7
    matrix = np.diag([20.0, 20.0, 20.0, 1.0])
    matrix[:3, 3] = (-300, -100, -500)
    write_volume(Volume(voxels, matrix), labels)
    names = ("head_top", "knee_left", "knee_right")
    write_protocol(
        Protocol.model_validate(
            {
                "name": "rules",
                "title": "Rules",
                "version": "1.0.0",
                "region": "whole-body",
                "landmarks": [LandmarkDefinition(name=one, title=one, definition=one) for one in names],
                "label_rules": [{"landmark": "knee_left", "labels": [7], "kind": "centroid"}],
            }
        ),
        rules,
    )
    answer = cli("align", points, moved, "-o", transform)
    assert answer.code == 0, answer.err
    assert [one["role"] for one in told(transform)["inputs"]] == ["moving", "fixed"]
    answer = cli("second-opinion", points, labels, "--protocol", rules, "-o", opinion)
    assert answer.code == 0, answer.err
    assert told(opinion)["protocol"]["name"] == "rules"


def test_a_manifest_is_no_result_for_whoever_reads_a_folder(
    scan: Path, cli: Callable, tmp_path: Path
) -> None:
    folder, images = tmp_path / "cases", tmp_path / "images"
    folder.mkdir()
    images.mkdir()
    for name in ("a", "b"):
        marks = read_landmarks(placed(tmp_path / "points.csv"))
        write_detection(Detection(marks, "a-model", "1.0.0"), folder / f"{name}.json")
        shutil.copy(scan, images / f"{name}.nrrd")
        # The second sorts before the image, as that of another result may.
        for manifest in (folder / f"{name}.json.manifest.json", images / f"{name}.csv.manifest.json"):
            manifest.write_text(json.dumps({"landmarks": [], "model": {}}))
    (folder / "run.manifest.json").write_text("{}")
    answer = cli("measure", folder, "--protocol", "whole-body", "--image", images, "--json")
    assert answer.code == 0, answer.err
    assert [one["case"] for one in json.loads(answer.out)["cases"]] == ["a", "b"]
    answer = cli("next-case", folder, "--json")
    assert {Path(one["case"]).name for one in json.loads(answer.out)} == {"a.json", "b.json"}


def test_a_manifest_is_no_case_of_a_rater(cli: Callable, tmp_path: Path) -> None:
    pytest.importorskip("pingouin", reason="needs pingouin")
    for rater in ("anna", "bela"):
        (tmp_path / rater).mkdir()
        for number in range(3):
            points = in_picture(FACE, 0.8 + 0.01 * number)
            write_landmarks(points, tmp_path / rater / f"case-{number}.mrk.json")
        (tmp_path / rater / "run.manifest.json").write_text("{}")
    answer = cli("agreement", tmp_path / "anna", tmp_path / "bela", "--out", tmp_path / "out", "--json")
    assert answer.code == 0, answer.err
    assert json.loads(answer.out)["cases"] == 3
    assert [one["files"] for one in told(tmp_path / "out")["inputs"]] == [3, 3]


def test_a_manifest_never_takes_the_place_of_what_is_read(
    cli: Callable, tmp_path: Path, tiny_model: Path
) -> None:
    points = placed(tmp_path / "points.csv")
    (tmp_path / "all.csv.manifest.json").symlink_to(points)
    before = points.read_bytes()
    answer = cli("measure", points, "--protocol", "whole-body", "-o", tmp_path / "all.csv")
    assert answer.code == 5 and "would be lost" in answer.err
    assert points.read_bytes() == before and not (tmp_path / "all.csv").exists()


def test_names_of_manifests_are_no_names_of_results(cli: Callable, tmp_path: Path) -> None:
    points = placed(tmp_path / "points.csv")
    answer = cli("measure", points, "--protocol", "whole-body", "-o", tmp_path / "a.manifest.json")
    assert answer.code == 5 and answer.err.count("\n") == 1
    answer = cli("measure", points, "--protocol", "whole-body", "-o", tmp_path / f"{'x' * 240}.csv")
    assert answer.code == 5 and "--no-manifest" in answer.err
