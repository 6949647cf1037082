"""One landmark found again near a click: between what the networks saw and where a person points."""

import numpy as np
import pytest

pytest.importorskip("anny", reason="the synthetic CT needs anny")

from dataclasses import replace

from LandmarkDetectionLib.detection import Detection, detection_from_record
from LandmarkDetectionLib.detectors import detect, locate_near
from LandmarkDetectionLib.detectors.silhouette import Evidence
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.landmarks import LandmarkSet
from LandmarkDetectionLib.model import Model, load_model
from LandmarkDetectionLib.volume import Volume


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model("whole-body-ct")


@pytest.fixture(scope="module")
def detection(phantom: tuple[Volume, LandmarkSet], model: Model) -> Detection:
    return detect(phantom[0], model, device="cpu")


@pytest.fixture(scope="module")
def truth(phantom: tuple[Volume, LandmarkSet]) -> LandmarkSet:
    return phantom[1]


@pytest.fixture(scope="module")
def errors(detection: Detection, truth: LandmarkSet) -> dict[str, float]:
    """Of the detection, in mm."""
    return {
        mark.name: float(np.linalg.norm(mark.position - truth[mark.name].position))
        for mark in detection.landmarks
        if mark.is_present and truth[mark.name].is_present
    }


def distance(landmark_position: np.ndarray, place: np.ndarray) -> float:
    return float(np.linalg.norm(landmark_position - place))


def test_a_click_near_the_truth_brings_wrong_landmarks_closer(
    detection: Detection, model: Model, truth: LandmarkSet, errors: dict[str, float]
) -> None:
    off = [name for name, error in errors.items() if error > 20]
    assert off
    rng = np.random.default_rng(0)
    for name in off:
        click = truth[name].position + rng.normal(0, 5, 3)
        found = locate_near(detection, model, name, click)
        assert distance(found.position, truth[name].position) < errors[name] - 3


def test_a_click_on_a_right_landmark_leaves_it_where_it_is(
    detection: Detection, model: Model, errors: dict[str, float]
) -> None:
    right = [
        name for name, error in errors.items() if error < 10 and detection.landmarks[name].confidence > 0.9
    ]
    assert len(right) > 5
    for name in right:
        found = locate_near(detection, model, name, detection.landmarks[name].position)
        assert distance(found.position, detection.landmarks[name].position) < 4
        assert found.confidence is not None
        assert found.confidence > 0.5


def test_a_rough_click_is_corrected_by_what_the_networks_saw(
    detection: Detection, model: Model, truth: LandmarkSet, errors: dict[str, float]
) -> None:
    right = [name for name, error in errors.items() if error < 10]
    rng = np.random.default_rng(1)
    clicks = {name: truth[name].position + rng.normal(0, 15, 3) for name in right}
    found = {name: locate_near(detection, model, name, click) for name, click in clicks.items()}
    of_clicks, of_found = (
        np.mean([distance(place, truth[name].position) for name, place in places.items()])
        for places in (clicks, {name: mark.position for name, mark in found.items()})
    )
    assert of_found < 0.7 * of_clicks


def test_a_click_on_the_other_side_resolves_a_mix_up(
    detection: Detection, model: Model, truth: LandmarkSet
) -> None:
    """As if the network had taken the right knee for the left one."""
    evidence = detection.evidence
    assert isinstance(evidence, Evidence)
    left, right = (model.protocol.index(name) for name in ("knee_left", "knee_right"))
    maps = evidence.maps.copy()
    maps[:, left] = evidence.maps[:, right]
    mixed_up = replace(detection, evidence=evidence._replace(maps=maps))
    place = truth["knee_left"].position
    assert distance(locate_near(mixed_up, model, "knee_left", place).position, place) < 20


def test_where_the_networks_saw_nothing_the_click_stands_with_little_confidence(
    detection: Detection, model: Model, truth: LandmarkSet
) -> None:
    place = truth["knee_left"].position
    found = locate_near(detection, model, "chin", place)
    assert distance(found.position[[0, 2]], place[[0, 2]]) < 8
    sure = locate_near(detection, model, "knee_left", place)
    assert found.confidence < sure.confidence


def test_the_covariance_is_that_of_a_click_at_most(
    detection: Detection, model: Model, truth: LandmarkSet
) -> None:
    for name in ("knee_left", "chin", "hip_right"):
        covariance = locate_near(detection, model, name, truth[name].position).covariance
        assert covariance is not None
        variances = np.linalg.eigvalsh(covariance)
        assert variances.min() > 0
        assert variances.max() <= 30.0**2 + 1e-6


def test_a_click_outside_the_scan_is_refused(detection: Detection, model: Model) -> None:
    with pytest.raises(InputError, match="outside the scan"):
        locate_near(detection, model, "chin", np.array([0.0, 0.0, 5000.0]))


def test_a_detection_that_was_read_from_a_file_has_nothing_to_look_at(
    detection: Detection, model: Model, truth: LandmarkSet
) -> None:
    with pytest.raises(InputError, match="move the point by hand"):
        locate_near(detection_from_record(detection.to_record()), model, "chin", truth["chin"].position)


def test_an_unknown_landmark_is_refused(detection: Detection, model: Model) -> None:
    with pytest.raises(InputError, match="knows no landmark"):
        locate_near(detection, model, "tail", np.zeros(3))


def test_the_evidence_is_small_and_never_written(detection: Detection) -> None:
    assert isinstance(detection.evidence, Evidence)
    assert detection.evidence.maps.nbytes < 8_000_000
    assert "evidence" not in detection.to_record()
    assert detection == replace(detection, evidence=None)
