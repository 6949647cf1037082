"""A BIDS data set goes in and a derivative comes out, by the words that every BIDS App takes."""

import csv
import json
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import typer

from LandmarkDetectionLib.cli.app import app
from LandmarkDetectionLib.cohort import read_cohort
from LandmarkDetectionLib.cohort.results.derivatives import describe, write_derivatives
from LandmarkDetectionLib.cohort.run.batch import Request, prospect_of, run
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.io.volumes import write_volume

IMAGES = (
    "sub-01/ses-a/ct/sub-01_ses-a_ct.nii.gz",
    "sub-02/ct/sub-02_ct.nii.gz",
    "sub-02/ct/sub-02_pd.nii.gz",
)
DAMAGED = "sub-03/ct/sub-03_ct.nii.gz"


@pytest.fixture(scope="module")
def data_set(bodies: list[Volume], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three images of two participants."""
    folder = tmp_path_factory.mktemp("data") / "bids"
    for body, name in zip(bodies, IMAGES, strict=False):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_volume(body, folder / name)
    description = {"Name": "Bodies", "BIDSVersion": "1.9.0", "DatasetDOI": "doi:10.1/made.up"}
    (folder / "dataset_description.json").write_text(json.dumps(description))
    return folder


@pytest.fixture
def bids(data_set: Path, tmp_path: Path) -> Path:
    """The data set, to be changed."""
    shutil.copytree(data_set, tmp_path / "bids")
    return tmp_path / "bids"


@pytest.fixture(scope="module")
def derived(data_set: Path, workers: Any, detector: Path) -> Path:
    """Its derivative."""
    out = data_set.parent / "out"
    assert set(derive(data_set, out, workers, detector)) == set(IMAGES)
    return out


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


def names(out: Path) -> set[str]:
    """Files below participants."""
    return {path.relative_to(out).as_posix() for path in out.glob("sub-*/**/*") if path.is_file()}


def derive(bids: Path, out: Path, workers: Any, detector: Path) -> dict[str, tuple[Path, ...]]:
    """What the level of participants does, with workers that are there already."""
    out.mkdir(exist_ok=True)
    models = (str(detector),)
    request = Request(bids, out / ".work", models, identifiers=True, moved=True, device="cpu", pictures=False)
    run(request, lambda: nullcontext(workers), lambda event: None)
    describe(bids, out)
    jobs = prospect_of(request, lambda event: None).jobs
    images = {job.key: job.case.identity for job in jobs}
    return write_derivatives(read_cohort(out / ".work"), images, out)


def test_a_damaged_image_fails_by_name_and_the_others_are_written(
    bids: Path, detector: Path, cli: Callable, tmp_path: Path
) -> None:
    """The whole command once, as a container is called: also that only what was chosen is done."""
    (bids / DAMAGED).parent.mkdir(parents=True)
    (bids / DAMAGED).write_bytes(b"no image")
    out = tmp_path / "out"
    options = [
        "--model",
        detector,
        "--device",
        "cpu",
        "--workers",
        1,
        "--no-pictures",
        "--skip_bids_validator",
    ]
    answer = cli("bids", bids, out, "participant", "--participant_label", "01", "sub-03", *options)
    assert answer.code == 3
    assert "1 of 2 images could not be done" in answer.err and "failures.csv" in answer.err
    work = out / ".landmark-detection" / "sub-01_sub-03"
    assert "sub-03_ct.nii.gz" in (work / "failures.csv").read_text()
    stem = "sub-01/ses-a/ct/sub-01_ses-a_desc-ctTinyModel"
    assert names(out) == {
        f"{stem}_{ending}"
        for ending in ("landmarks.tsv", "landmarks.json", "landmarks.mrk.json", "detection.json")
    }
    manifest = json.loads((out / "landmarks-sub-01_sub-03.manifest.json").read_text())
    assert manifest["command"] == "bids"
    description = json.loads((out / "dataset_description.json").read_text())
    assert description["DatasetType"] == "derivative"
    assert description["GeneratedBy"][0]["Name"] == "landmark-detection"
    assert description["SourceDatasets"] == [{"DOI": "doi:10.1/made.up"}]
    assert (out / description["DatasetLinks"]["source"]).resolve() == bids.resolve()


def test_every_image_has_a_table_in_ras_mm_that_says_what_its_columns_are(derived: Path) -> None:
    out = derived
    # Two contrasts of a session do not write over one another.
    assert {
        "sub-02/ct/sub-02_desc-ctTinyModel_landmarks.tsv",
        "sub-02/ct/sub-02_desc-pdTinyModel_landmarks.tsv",
    } <= (names(out))
    stem = out / "sub-01/ses-a/ct/sub-01_ses-a_desc-ctTinyModel"
    record = json.loads(Path(f"{stem}_detection.json").read_text())
    rows = table(Path(f"{stem}_landmarks.tsv"))
    assert [row["name"] for row in rows] == ["head_top", "knee_left", "knee_right"]
    for row, known in zip(rows, record["landmarks"], strict=True):
        assert [float(row[axis]) for axis in "xyz"] == pytest.approx(known["position"], abs=6e-4)
    sidecar = json.loads(Path(f"{stem}_landmarks.json").read_text())
    assert sidecar["Sources"] == [f"bids:source:{IMAGES[0]}"]
    assert sidecar["Model"]["Name"] == "tiny-model"
    assert {axis: sidecar[axis]["Units"] for axis in "xyz"} == dict.fromkeys("xyz", "mm")
    assert set(rows[0]) <= set(sidecar)


def test_of_a_data_set_that_was_moved_what_can_no_longer_be_read_is_taken_away(
    bids: Path, derived: Path, workers: Any, detector: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(derived, out)
    (bids / IMAGES[1]).write_bytes(b"no image")
    derive(bids, out, workers, detector)
    assert not [name for name in names(out) if name.startswith("sub-02/ct/sub-02_desc-ct")]
    assert "sub-02/ct/sub-02_desc-pdTinyModel_landmarks.tsv" in names(out)


def test_the_group_has_the_rows_of_all_participants(
    data_set: Path, derived: Path, cli: Callable, tmp_path: Path
) -> None:
    bids, out = data_set, tmp_path / "out"
    shutil.copytree(derived, out)
    assert cli("bids", bids, out, "group").code == 0
    rows = table(out / "group_landmarks.tsv")
    assert len(rows) == 3 * len(IMAGES)
    assert [(row["participant_id"], row["session_id"], row["image"]) for row in rows[::3]] == [
        ("sub-01", "ses-a", IMAGES[0]),
        ("sub-02", "n/a", IMAGES[1]),
        ("sub-02", "n/a", IMAGES[2]),
    ]
    own = table(out / "sub-01/ses-a/ct/sub-01_ses-a_desc-ctTinyModel_landmarks.tsv")
    assert [{column: row[column] for column in own[0]} for row in rows[:3]] == own
    assert cli("bids", bids, out, "group", "--participant-label", "02").code == 0
    assert {row["participant_id"] for row in table(out / "group_landmarks.tsv")} == {"sub-02"}


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("{bids}", "{out}", "group"), 3, "holds no results of participants"),
        (("{bids}", "{bids}", "participant"), 5, "is the data set that is read"),
        (("{bids}/sub-01", "{out}", "participant"), 3, "is no BIDS data set"),
        (("{bids}/none", "{out}", "participant"), 3, "does not exist"),
        (("{bids}", "{out}", "participant", "--participant_label", "04"), 3, "no participant 04; it has 01"),
        (("{bids}", "{out}", "participant", "--participant_label", "*"), 2, "is no label"),
        (("{bids}", "{other}", "participant"), 5, "holds another data set"),
        (("{bids}", "{out}", "session"), 2, "session"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_sentence(
    words: tuple[str, ...], code: int, sentence: str, data_set: Path, cli: Callable, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "dataset_description.json").write_text('{"Name": "x", "GeneratedBy": [{"Name": "fmriprep"}]}')
    places = {"bids": data_set, "out": tmp_path / "out", "other": other}
    answer = cli("bids", *(word.format(**places) for word in words))
    assert answer.code == code
    assert sentence in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.parametrize(
    ("words", "labels"),
    [
        ("B O participant --participant_label 01 02", ["01", "02"]),
        ("B O participant --participant-label 01 02 --device cpu", ["01", "02"]),
        ("--participant_label 01 B O participant", ["01"]),
        ("--participant-label 01 --participant-label 02 B O participant", ["01", "02"]),
        ("B O participant --participant_label=01", ["01"]),
    ],
)
def test_labels_are_given_as_to_other_apps(words: str, labels: list[str]) -> None:
    command: Any = typer.main.get_command(app)
    context = command.commands["bids"].make_context("bids", words.split())
    assert context.params["participant_label"] == labels
    assert context.params["out"] == Path("O")
