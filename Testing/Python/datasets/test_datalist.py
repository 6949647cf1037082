"""A datalist is read whole or refused with every wrong row named."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.cases import DatalistError, write_datalist
from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.markups import write_landmarks
from LandmarkDetectionLib.io.volumes import write_volume

POINTS = {"thumb": (30.0, 12.0, 3.0), "wrist": (10.0, 20.0, 2.0)}


def noise(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """An image like no other."""
    return np.random.default_rng(seed).integers(0, 1000, shape).astype(np.int16)


@pytest.fixture
def dataset(tmp_path: Path) -> Callable[..., Path]:
    """Writes three cases, after a change of their rows, and gives the datalist."""
    affine = np.eye(4)
    for seed, subject in enumerate(("anna", "bela", "carl")):
        write_volume(Volume(noise((6, 25, 40), seed), affine), tmp_path / f"{subject}.nrrd")
        write_points(tmp_path / f"{subject}.mrk.json", POINTS)

    def write(change: Callable[[list[dict[str, Any]]], None] = lambda rows: None) -> Path:
        rows: list[dict[str, Any]] = [
            {"image": f"{name}.nrrd", "landmarks": f"{name}.mrk.json", "subject": name}
            for name in ("anna", "bela", "carl")
        ]
        change(rows)
        write_datalist(rows, tmp_path / "data.json", "three people")
        return tmp_path / "data.json"

    return write


def write_points(path: Path, points: dict[str, tuple[float, ...]]) -> None:
    write_landmarks(LandmarkSet(tuple(Landmark(name, np.array(p)) for name, p in points.items())), path)


def problems(path: Path) -> tuple[str, ...]:
    with pytest.raises(DatalistError) as refusal:
        read_datalist(path)
    return refusal.value.problems


def test_a_sound_datalist_gives_its_cases_in_order(dataset: Callable[..., Path]) -> None:
    datalist = read_datalist(dataset())
    assert datalist.name == "three people"
    assert datalist.subjects == ("anna", "bela", "carl")
    assert datalist.landmark_names == ("thumb", "wrist")
    assert datalist.cases[1].read_landmarks()["wrist"].position.tolist() == [10.0, 20.0, 2.0]
    assert datalist.cases[1].read_volume().size == (40, 25, 6)


def test_a_case_may_have_several_channels_and_raters(dataset: Callable[..., Path], tmp_path: Path) -> None:
    write_points(tmp_path / "again.fcsv", {**POINTS, "thumb": (31.0, 12.0, 3.0)})

    def change(rows: list[dict[str, Any]]) -> None:
        rows[0]["image"] = ["anna.nrrd", "bela.nrrd"]
        rows[0]["landmarks"] = {"first": "anna.mrk.json", "second": "again.fcsv"}
        del rows[1:]

    case = read_datalist(dataset(change)).cases[0]
    assert case.raters == ("first", "second")
    assert [path.name for path in case.images] == ["anna.nrrd", "bela.nrrd"]
    assert case.read_landmarks("second")["thumb"].position.tolist() == [31.0, 12.0, 3.0]


def test_splits_are_kept(dataset: Callable[..., Path]) -> None:
    datalist = read_datalist(dataset(lambda rows: rows[2].update(split="test", side="left")))
    assert [case.subject for case in datalist.of_split("test")] == ["carl"]
    assert datalist.cases[2].side == "left"


def test_missing_files_are_named_with_their_rows(dataset: Callable[..., Path]) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        rows[0]["image"] = "gone.nrrd"
        rows[2]["landmarks"] = "gone.mrk.json"

    found = problems(dataset(change))
    assert len(found) == 2
    assert found[0].startswith("row 1 (gone.nrrd): there is no file")
    assert found[1].startswith("row 3 (carl.nrrd): there is no file")


def test_unequal_landmarks_are_refused(dataset: Callable[..., Path], tmp_path: Path) -> None:
    write_points(tmp_path / "bela.mrk.json", {"thumb": POINTS["thumb"], "elbow": POINTS["wrist"]})
    found = problems(dataset())
    assert found == (
        "row 2 (bela.nrrd): its landmarks lack wrist, which row 1 has",
        "row 2 (bela.nrrd): its landmarks have elbow, which row 1 lacks",
    )


def test_a_landmark_without_a_position_is_refused(dataset: Callable[..., Path], tmp_path: Path) -> None:
    absent = Landmark("wrist", np.zeros(3), Status.ABSENT)
    thumb = Landmark("thumb", np.array(POINTS["thumb"]))
    write_landmarks(LandmarkSet((thumb, absent)), tmp_path / "carl.mrk.json")
    assert problems(dataset()) == ("row 3 (carl.nrrd): its landmarks leave wrist without a position",)


def test_a_subject_in_two_splits_is_refused(dataset: Callable[..., Path]) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        rows[0]["split"], rows[1]["split"] = "train", "test"
        rows[1]["subject"] = "anna"

    assert problems(dataset(change)) == (
        "row 2 (bela.nrrd): subject anna is in the split 'test' here and in 'train' in row 1",
    )


def test_the_same_image_twice_is_refused(dataset: Callable[..., Path]) -> None:
    found = problems(dataset(lambda rows: rows[2].update(image="./anna.nrrd")))
    assert found == ("row 3 (anna.nrrd): its image anna.nrrd is that of row 1 already",)


def test_swapped_axes_are_told_from_landmarks_that_are_merely_outside(
    dataset: Callable[..., Path], tmp_path: Path
) -> None:
    write_points(tmp_path / "anna.mrk.json", {"thumb": (12.0, 30.0, 3.0), "wrist": (20.0, 10.0, 2.0)})
    write_points(tmp_path / "bela.mrk.json", {name: (-x, -y, z) for name, (x, y, z) in POINTS.items()})
    write_points(tmp_path / "carl.mrk.json", {**POINTS, "thumb": (300.0, 12.0, 3.0)})
    first, second, third = problems(dataset())
    assert first.startswith("row 1 (anna.nrrd)") and "x and y are exchanged" in first
    assert second.startswith("row 2 (bela.nrrd)") and "LPS taken for RAS" in second
    assert third == "row 3 (carl.nrrd): thumb lies outside the image"


def test_channels_of_unequal_size_are_refused(dataset: Callable[..., Path], tmp_path: Path) -> None:
    write_volume(Volume(noise((6, 25, 41), 9), np.eye(4)), tmp_path / "wide.nrrd")
    found = problems(
        dataset(lambda rows: [rows.pop(), rows.pop(), rows[0].update(image=["anna.nrrd", "wide.nrrd"])])
    )
    assert found == (
        "row 1 (anna.nrrd): its channels are of unequal size (40 x 25 x 6, 41 x 25 x 6); "
        "resample them onto one grid",
    )


def test_wrong_entries_are_named_with_their_rows(dataset: Callable[..., Path]) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        del rows[0]["subject"]
        rows[1]["image"] = 7
        rows[2]["colour"] = "grey"

    first, second, third = problems(dataset(change))
    assert first.startswith("row 1, subject:")
    assert second.startswith("row 2, image:")
    assert third.startswith("row 3, colour:")


def test_unreadable_landmarks_are_named_with_their_row(dataset: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "bela.mrk.json").write_text("{")
    (found,) = problems(dataset())
    assert found.startswith("row 2 (bela.nrrd): Cannot read") and "not valid JSON" in found


def test_what_is_no_datalist_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text(json.dumps({"cases": []}))
    with pytest.raises(InputError, match=r"cannot be used: cases: ") as refusal:
        read_datalist(tmp_path / "list.json")
    assert str(refusal.value).count("\n") == 0
