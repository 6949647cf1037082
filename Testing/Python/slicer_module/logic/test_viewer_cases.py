"""What the page in the browser opens: images, records, cohorts and stores, each as cases."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.annotations import AnnotationStore
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.records import write_detection
from LandmarkDetectionLib.io.shared_review import NONE
from LandmarkDetectionLib.io.volumes import write_volume
from Testing.examples.cohort_cases import make_results, write_results
from Testing.examples.store_cases import PROTOCOL, blob_cases, predicted


@pytest.fixture
def open_cases(host: Any) -> Callable[..., Any]:
    """The function, where Slicer's side can be imported."""
    from LandmarkDetectionViewer.cases import open_cases

    return open_cases


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A scan, and what was found in it beside."""
    write_volume(Volume(np.zeros((4, 5, 6), np.int16), np.eye(4)), tmp_path / "ct.nii.gz")
    marks = (Landmark("chin", [1.0, 2.0, 3.0], Status.DETECTED, 0.5),)
    write_detection(Detection(LandmarkSet(marks, name="body"), "some-model", "1"), tmp_path / "ct.json")
    return tmp_path / "ct.nii.gz"


@pytest.mark.parametrize("opened", ["ct.nii.gz", "ct.json"])
def test_an_image_and_its_record_find_each_other(open_cases, image: Path, opened: str) -> None:
    cases = open_cases(image.with_name(opened))
    (entry,) = cases.entries()
    case = cases.case(entry, "Anna")
    assert (entry.key, entry.done, entry.total) == ("ct", 0, 1) and case.place.path == image
    assert case.read().prediction.model == "some-model"


def test_a_review_of_an_image_lies_beside_it_and_leaves_the_record_alone(open_cases, image: Path) -> None:
    before = image.with_name("ct.json").read_bytes()
    cases = open_cases(image)
    case = cases.case(cases.entries()[0], "Anna")
    case.write(case.read().accept("chin"), NONE)
    assert image.with_name("ct.json").read_bytes() == before
    assert image.with_name("ct-review.mrk.json").is_file()
    assert open_cases(image).entries()[0].done == 1


def test_an_image_without_landmarks_opens_too(open_cases, image: Path) -> None:
    image.with_name("ct.json").unlink()
    cases = open_cases(image)
    assert cases.case(cases.entries()[0], "").read() is None


def test_a_record_without_its_image_says_so(open_cases, image: Path) -> None:
    image.unlink()
    with pytest.raises(InputError, match=r"There is no image named ct beside ct\.json"):
        open_cases(image.with_name("ct.json"))


def test_what_does_not_exist_says_so(open_cases, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist; check the name"):
        open_cases(tmp_path / "nothing")


def test_cases_of_a_cohort_come_worst_first_and_failures_last(open_cases, tmp_path: Path) -> None:
    write_results(tmp_path / "results", make_results(6, seed=2, share_failed=0.3))
    entries = open_cases(tmp_path / "results").entries()
    assert [bool(one.reason) for one in entries] == sorted(bool(one.reason) for one in entries)
    doubts = [one.doubt for one in entries if not one.reason]
    assert doubts == sorted(doubts, reverse=True)


def test_an_image_of_a_store_opens_and_is_kept_as_another_annotation(open_cases, tmp_path: Path) -> None:
    from LandmarkDetectionLib.io.volumes import read_volume

    one = blob_cases(tmp_path / "data", 1)[0]
    path = one.image_files[0]
    first = predicted(one)
    store = AnnotationStore(tmp_path / "store")
    store.save(
        first.accept(first.landmarks.names[0]), read_volume(path), path, protocol=PROTOCOL, reviewer="A"
    )
    cases = open_cases(tmp_path / "store")
    case = cases.case(cases.entries()[0], "Anna")
    case.keep(case.read().accept(first.landmarks.names[1]), "Anna", 3.0)
    assert sorted(kept.reviewer for kept in store.standing()) == ["A", "Anna"]
