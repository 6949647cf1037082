"""One landmark found again near a click: between what the networks saw and where a person points."""

import numpy as np
import pytest

pytest.importorskip("anny", reason="the synthetic CT needs anny")

from dataclasses import replace

from LandmarkDetectionLib.core.detection import Detection, detection_from_record
from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.detectors.dispatch import detect, locate_near
from LandmarkDetectionLib.detectors.evidence import Evidence
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.models import Model, load_model
from Testing.examples.hand_phantom import hand_phantom
from Testing.examples.hand_radiograph import TIPS, as_volume, drawn_radiograph


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
    seen = evidence.maps
    assert seen is not None
    maps = seen.maps.copy()
    maps[:, left] = seen.maps[:, right]
    mixed_up = replace(detection, evidence=evidence._replace(maps=seen._replace(maps=maps)))
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
    assert detection.evidence.maps is not None
    assert detection.evidence.maps.maps.nbytes < 8_000_000
    assert "evidence" not in detection.to_record()
    assert detection == replace(detection, evidence=None)


# --- hands ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hand() -> tuple[Volume, Model, Detection]:
    radiograph, model = as_volume(drawn_radiograph()), load_model("hand")
    return radiograph, model, detect(radiograph, model, device="cpu")


def in_plane(radiograph: Volume, pixel: np.ndarray) -> np.ndarray:
    return radiograph.ijk_to_ras_points(np.array([[*pixel, 0.0]]))[0]


@pytest.mark.parametrize("finger", TIPS)
def test_a_click_on_a_fingertip_of_a_radiograph_finds_it_again(
    hand: tuple[Volume, Model, Detection], finger: str
) -> None:
    radiograph, model, detection = hand
    there = detection.landmarks[f"{finger}_tip"].position
    found = locate_near(detection, model, f"{finger}_tip", there + np.array([2.0, -2.0, 0.0]))
    assert distance(found.position, there) < 3
    assert found.confidence > 0.5
    plane = radiograph.ras_to_ijk_points(found.position)[2]
    assert abs(plane) < 1e-6


def test_a_click_on_another_finger_is_believed(hand: tuple[Volume, Model, Detection]) -> None:
    radiograph, model, detection = hand
    click = in_plane(radiograph, TIPS["ring"])
    found = locate_near(detection, model, "index_tip", click)
    assert distance(found.position, click) < 12
    assert found.confidence < detection.landmarks["index_tip"].confidence


def test_a_click_before_or_behind_a_radiograph_is_meant_in_its_plane(
    hand: tuple[Volume, Model, Detection],
) -> None:
    radiograph, model, detection = hand
    there = detection.landmarks["index_tip"].position
    ahead = radiograph.ijk_to_ras[:3, 2] * 30
    found = locate_near(detection, model, "index_tip", there + ahead)
    assert distance(found.position, there) < 3


@pytest.mark.parametrize("pixel", [(-50.0, 10.0), (10.0, -50.0), (400.0, 10.0), (10.0, 500.0)])
def test_a_click_beside_a_radiograph_is_refused(
    hand: tuple[Volume, Model, Detection], pixel: tuple[float, float]
) -> None:
    radiograph, model, detection = hand
    with pytest.raises(InputError, match="outside the scan"):
        locate_near(detection, model, "index_tip", in_plane(radiograph, np.array(pixel)))


def test_in_a_volume_of_a_hand_depth_is_found_as_well() -> None:
    phantom, model = hand_phantom("CT"), load_model("hand")
    detection = detect(phantom.volume, model, device="cpu")
    place = phantom.landmarks["middle_pip"]
    found = locate_near(detection, model, "middle_pip", place + np.array([3.0, -6.0, 3.0]))
    assert distance(found.position, place) < 9
    assert np.linalg.eigvalsh(found.covariance).min() > 0
