"""One landmark found again near a click: between what the networks saw and where a person points."""

import numpy as np
import pytest

pytest.importorskip("anny", reason="the synthetic CT needs anny")

from dataclasses import replace

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.core.options import DetectOptions
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.detectors.analysis import Analysis
from LandmarkDetectionLib.detectors.dispatch import analyse
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.models import Model, load_model
from Testing.examples.hand_phantom import hand_phantom
from Testing.examples.hand_radiograph import TIPS, as_volume, drawn_radiograph


@pytest.fixture(scope="module")
def analysis(phantom: tuple[Volume, LandmarkSet], body_model: Model) -> Analysis:
    return analyse(phantom[0], body_model, DetectOptions(device="cpu"))


@pytest.fixture(scope="module")
def detection(analysis: Analysis) -> Detection:
    return analysis.detection


@pytest.fixture(scope="module")
def truth(phantom: tuple[Volume, LandmarkSet]) -> LandmarkSet:
    return phantom[1]


@pytest.fixture(scope="module")
def errors(detection: Detection, truth: LandmarkSet) -> dict[str, float]:
    """Of the detection, in mm."""
    return {
        mark.name: float(np.linalg.norm(mark.position - truth[mark.name].position))
        for mark in detection.landmarks
        if mark.is_present and mark.name in truth and truth[mark.name].is_present
    }


def distance(landmark_position: np.ndarray, place: np.ndarray) -> float:
    return float(np.linalg.norm(landmark_position - place))


def test_a_click_near_the_truth_brings_wrong_landmarks_closer(
    analysis: Analysis, truth: LandmarkSet, errors: dict[str, float]
) -> None:
    off = [name for name, error in errors.items() if error > 20]
    assert off
    rng = np.random.default_rng(0)
    for name in off:
        click = truth[name].position + rng.normal(0, 5, 3)
        found = analysis.locate_near(name, click)
        assert distance(found.position, truth[name].position) < errors[name] - 3


def test_a_click_on_a_right_landmark_leaves_it_where_it_is(
    analysis: Analysis, detection: Detection, errors: dict[str, float]
) -> None:
    right = [
        name for name, error in errors.items() if error < 10 and detection.landmarks[name].confidence > 0.9
    ]
    assert len(right) > 5
    for name in right:
        found = analysis.locate_near(name, detection.landmarks[name].position)
        assert distance(found.position, detection.landmarks[name].position) < 4
        assert found.confidence is not None
        assert found.confidence > 0.5


def test_a_rough_click_is_corrected_by_what_the_networks_saw(
    analysis: Analysis, truth: LandmarkSet, errors: dict[str, float]
) -> None:
    right = [name for name, error in errors.items() if error < 10]
    rng = np.random.default_rng(1)
    clicks = {name: truth[name].position + rng.normal(0, 15, 3) for name in right}
    found = {name: analysis.locate_near(name, click) for name, click in clicks.items()}
    of_clicks, of_found = (
        np.mean([distance(place, truth[name].position) for name, place in places.items()])
        for places in (clicks, {name: mark.position for name, mark in found.items()})
    )
    assert of_found < 0.7 * of_clicks


def mixed_up(analysis: Analysis) -> Analysis:
    """As if the network had taken the right knee for the left one."""
    seen = analysis.state.maps
    assert seen is not None
    left, right = (analysis.detection.landmarks.names.index(name) for name in ("knee_left", "knee_right"))
    maps = seen.maps.copy()
    maps[:, left] = seen.maps[:, right]
    return replace(analysis, state=analysis.state._replace(maps=seen._replace(maps=maps)))


def test_a_click_on_the_other_side_resolves_a_mix_up(analysis: Analysis, truth: LandmarkSet) -> None:
    place = truth["knee_left"].position
    found = mixed_up(analysis).locate_near("knee_left", place).position
    assert distance(found[[0, 2]], place[[0, 2]]) < 20


def test_a_network_that_sees_depth_everywhere_tells_it_at_a_click_on_the_other_side(
    phantom: tuple[Volume, LandmarkSet], skin_model: Model, truth: LandmarkSet
) -> None:
    analysis = analyse(phantom[0], skin_model, DetectOptions(device="cpu"))
    place = truth["knee_left"].position
    assert distance(mixed_up(analysis).locate_near("knee_left", place).position, place) < 20


def test_where_the_networks_saw_nothing_the_click_stands_with_little_confidence(
    analysis: Analysis, truth: LandmarkSet
) -> None:
    place = truth["knee_left"].position
    found = analysis.locate_near("chin", place)
    assert distance(found.position[[0, 2]], place[[0, 2]]) < 8
    sure = analysis.locate_near("knee_left", place)
    assert found.confidence < sure.confidence


def test_the_covariance_is_that_of_a_click_at_most(analysis: Analysis, truth: LandmarkSet) -> None:
    for name in ("knee_left", "chin", "hip_right"):
        covariance = analysis.locate_near(name, truth[name].position).covariance
        assert covariance is not None
        variances = np.linalg.eigvalsh(covariance)
        assert variances.min() > 0
        assert variances.max() <= 30.0**2 + 1e-6


def test_a_click_outside_the_scan_is_refused(analysis: Analysis) -> None:
    with pytest.raises(InputError, match="outside the scan"):
        analysis.locate_near("chin", np.array([0.0, 0.0, 5000.0]))


def test_an_unknown_landmark_is_refused(analysis: Analysis) -> None:
    with pytest.raises(InputError, match="knows no landmark"):
        analysis.locate_near("tail", np.zeros(3))


def test_what_the_networks_saw_is_small(analysis: Analysis) -> None:
    assert analysis.state.maps is not None
    assert analysis.state.maps.maps.nbytes < 250_000 * len(analysis.detection.landmarks)


# --- hands ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hand() -> tuple[Volume, Analysis]:
    radiograph = as_volume(drawn_radiograph())
    return radiograph, analyse(radiograph, load_model("hand"), DetectOptions(device="cpu"))


def in_plane(radiograph: Volume, pixel: np.ndarray) -> np.ndarray:
    return radiograph.ijk_to_ras_points(np.array([[*pixel, 0.0]]))[0]


@pytest.mark.parametrize("finger", TIPS)
def test_a_click_on_a_fingertip_of_a_radiograph_finds_it_again(
    hand: tuple[Volume, Analysis], finger: str
) -> None:
    radiograph, analysis = hand
    there = analysis.detection.landmarks[f"{finger}_tip"].position
    found = analysis.locate_near(f"{finger}_tip", there + np.array([2.0, -2.0, 0.0]))
    assert distance(found.position, there) < 3
    assert found.confidence > 0.5
    plane = radiograph.ras_to_ijk_points(found.position)[2]
    assert abs(plane) < 1e-6


def test_a_click_on_another_finger_is_believed(hand: tuple[Volume, Analysis]) -> None:
    radiograph, analysis = hand
    click = in_plane(radiograph, TIPS["ring"])
    found = analysis.locate_near("index_tip", click)
    assert distance(found.position, click) < 12
    assert found.confidence < analysis.detection.landmarks["index_tip"].confidence


def test_a_click_before_or_behind_a_radiograph_is_meant_in_its_plane(
    hand: tuple[Volume, Analysis],
) -> None:
    radiograph, analysis = hand
    there = analysis.detection.landmarks["index_tip"].position
    ahead = radiograph.ijk_to_ras[:3, 2] * 30
    found = analysis.locate_near("index_tip", there + ahead)
    assert distance(found.position, there) < 3


@pytest.mark.parametrize("pixel", [(-50.0, 10.0), (10.0, -50.0), (400.0, 10.0), (10.0, 500.0)])
def test_a_click_beside_a_radiograph_is_refused(
    hand: tuple[Volume, Analysis], pixel: tuple[float, float]
) -> None:
    radiograph, analysis = hand
    with pytest.raises(InputError, match="outside the scan"):
        analysis.locate_near("index_tip", in_plane(radiograph, np.array(pixel)))


def test_in_a_volume_of_a_hand_depth_is_found_as_well() -> None:
    phantom = hand_phantom("CT")
    analysis = analyse(phantom.volume, load_model("hand"), DetectOptions(device="cpu"))
    place = phantom.landmarks["middle_pip"]
    found = analysis.locate_near("middle_pip", place + np.array([3.0, -6.0, 3.0]))
    assert distance(found.position, place) < 9
    assert np.linalg.eigvalsh(found.covariance).min() > 0
