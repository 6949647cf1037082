"""Several raters: one of them, their mean, or each, and what is known of landmarks that are not there."""

from pathlib import Path

import numpy as np
import pytest

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.cases import write_datalist
from LandmarkDetectionLib.datasets.datalist import list_cases, read_datalist
from LandmarkDetectionLib.datasets.raters import case_annotations, case_landmarks
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.markups import write_landmarks
from LandmarkDetectionLib.io.records import write_detection
from LandmarkDetectionLib.io.volumes import write_volume

NAMES = ("chin", "nose", "ear")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two raters: the second did not mark the nose and says that the ear is not in the image."""
    pixels = np.random.default_rng(0).integers(0, 9, (1, 30, 40)).astype(np.uint8)
    write_volume(Volume(pixels, np.eye(4)), tmp_path / "a.nrrd")
    first = LandmarkSet((Landmark("chin", np.array([10.0, 4, 0])), Landmark("nose", np.array([20.0, 6, 0]))))
    second = LandmarkSet(
        (Landmark("ear", np.zeros(3), Status.MISSING), Landmark("chin", np.array([12.0, 8, 0])))
    )
    write_landmarks(first, tmp_path / "first.csv")
    write_landmarks(second, tmp_path / "second.mrk.json")
    write_detection(Detection(second, "", ""), tmp_path / "second.json")
    row = {
        "image": "a.nrrd",
        "landmarks": {"first": "first.csv", "second": "second.mrk.json"},
        "subject": "a",
    }
    other = {"image": "b.nrrd", "landmarks": "ear.csv", "rater": "first", "subject": "b"}
    write_volume(Volume(pixels + 1, np.eye(4)), tmp_path / "b.nrrd")
    write_landmarks(LandmarkSet((Landmark("ear", np.array([1.0, 2, 0])),)), tmp_path / "ear.csv")
    write_datalist([row, other], tmp_path / "data.json")
    return tmp_path / "data.json"


@pytest.mark.parametrize("suffix", [".mrk.json", ".fcsv"])
def test_what_a_description_says_is_not_learned_and_what_the_record_beside_it_says_is(
    data: Path, suffix: str
) -> None:
    """Both files describe the chin as accepted and the nose as looked for and missing."""
    said = LandmarkSet(
        (
            Landmark("chin", np.array([10.0, 4, 0]), Status.ACCEPTED, 0.9),
            Landmark("nose", np.full(3, np.nan), Status.MISSING),
        )
    )
    file = data.parent / f"told{suffix}"
    write_landmarks(said, file)
    row = {"image": "a.nrrd", "landmarks": file.name, "subject": "a"}
    write_datalist([row], data)
    (case,) = list_cases(data)
    chin, nose = case.read_landmarks()
    assert (chin.status, chin.confidence) == (Status.DETECTED, None)
    by_slicer = suffix == ".fcsv"  # whose column says "missing" of itself
    assert nose.status is (Status.MISSING if by_slicer else Status.ABSENT)
    (known,) = case_annotations(case, ("chin", "nose"))
    assert known.known.tolist() == [True, by_slicer]

    write_detection(Detection(said, "", ""), data.parent / "told.json")
    assert [mark.status for mark in case.read_landmarks()] == [Status.ACCEPTED, Status.MISSING]


def test_names_are_those_of_all_cases_as_they_first_occur(data: Path) -> None:
    datalist = read_datalist(data, missing="allow")
    assert datalist.landmark_names == NAMES
    assert datalist.raters == ("first", "second")


def test_missing_landmarks_are_refused_unless_they_are_allowed(data: Path) -> None:
    with pytest.raises(InputError, match="lack nose"):
        read_datalist(data)


def test_the_mean_is_that_of_the_raters_who_placed_a_landmark(data: Path) -> None:
    case = read_datalist(data, missing="allow").cases[0]
    (mean,) = case_annotations(case, NAMES, "mean")
    np.testing.assert_allclose(mean.positions[:2], [[11, 6, 0], [20, 6, 0]])
    assert np.isnan(mean.positions[2]).all()
    # Nobody placed the ear, and one person said that it is not there.
    assert mean.known.tolist() == [True, True, True]


def test_the_mean_may_need_every_rater(data: Path) -> None:
    case = read_datalist(data, missing="allow").cases[0]
    (mean,) = case_annotations(case, NAMES, "mean", mean_of="all")
    np.testing.assert_allclose(mean.positions[0], [11, 6, 0])
    assert np.isnan(mean.positions[1:]).all()
    assert mean.known.tolist() == [True, False, False]


def test_all_raters_are_targets_of_their_own(data: Path) -> None:
    case = read_datalist(data, missing="allow").cases[0]
    first, second = case_annotations(case, NAMES, "all")
    assert (first.rater, second.rater) == ("first", "second")
    assert first.known.tolist() == [True, True, False]
    assert second.known.tolist() == [True, False, True]
    assert np.isnan(second.positions[1:]).all()


def test_one_rater_can_be_chosen_and_must_exist(data: Path) -> None:
    datalist = read_datalist(data, missing="allow")
    (positions,) = case_landmarks(datalist.cases[0], ("nose", "chin"), "first")
    np.testing.assert_allclose(positions, [[20, 6, 0], [10, 4, 0]])
    with pytest.raises(InputError, match=r"Row 2 \(b.nrrd\) has no landmarks by second, only by first"):
        case_landmarks(datalist.cases[1], NAMES, "second")


def test_a_rater_who_marked_only_some_cases_is_warned_about(data: Path) -> None:
    warnings = [str(one) for one in read_datalist(data, missing="allow").warnings]
    assert "second marked nothing in row 2 (b.nrrd)" in warnings
