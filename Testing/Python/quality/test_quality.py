"""Confidence that can be believed, and warnings only where something is wrong."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from LandmarkDetectionLib.core.doubts import DoubtKind
from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.core.protocol import LandmarkDefinition, Protocol
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.imaging.body.projection import project_body
from LandmarkDetectionLib.quality.calibration import Calibration, expected_calibration_error, reliability
from LandmarkDetectionLib.quality.plausibility import (
    mirror_warning,
    orientation_warning,
    plausibility_warnings,
    segment_lengths,
)

NAMES = ("neck", "shoulder_left", "shoulder_right", "hip_left", "hip_right", "wrist_left", "wrist_right")
PROTOCOL = Protocol(
    name="trunk",
    title="Trunk",
    version="1.0.0",
    region="trunk",
    landmarks=tuple(LandmarkDefinition(name=name, title=name, definition=name) for name in NAMES),
    pairs=tuple((f"{joint}_left", f"{joint}_right") for joint in ("shoulder", "hip", "wrist")),
    lines=(("neck", "shoulder_left"), ("neck", "shoulder_right"), ("hip_left", "hip_right")),
)
# RAS mm; the right side has the larger first coordinate.
POSITIONS = np.array(
    [[0, 0, 500], [-150, 0, 480], [150, 0, 480], [-90, 0, 0], [90, 0, 0], [-260, 0, -50], [260, 0, -50]],
    float,
)
RANGES = {
    "neck-shoulder_left": (80.0, 220.0),
    "neck-shoulder_right": (80.0, 220.0),
    "hip_left-hip_right": (100.0, 250.0),
}


def simulated(seed: int, count: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Scores, and whether landmarks were found with probability score squared: an overconfident network."""
    generator = np.random.default_rng(seed)
    scores = generator.random(count)
    return scores, generator.random(count) < scores**2


def test_calibration_recovers_the_share_found_at_every_score() -> None:
    calibration = Calibration.fit(*simulated(0))
    inner = np.linspace(0.05, 0.95, 19)
    assert calibration(inner) == pytest.approx(inner**2, abs=0.04)


def test_calibrated_confidence_is_right_on_data_it_was_not_fitted_to() -> None:
    calibration = Calibration.fit(*simulated(1))
    scores, found = simulated(2)
    assert expected_calibration_error(scores, found) > 0.1
    assert expected_calibration_error(calibration(scores), found) < 0.015


@given(st.integers(0, 2**32 - 1), st.integers(2, 300))
def test_calibration_never_falls_and_stays_a_probability(seed: int, count: int) -> None:
    generator = np.random.default_rng(seed)
    calibration = Calibration.fit(generator.random(count), generator.random(count) < 0.3)
    confidence = calibration(np.linspace(-1, 2, 200))
    assert np.diff(confidence).min() >= -1e-12
    assert confidence.min() >= 0
    assert confidence.max() <= 1


def test_calibration_survives_the_model_package() -> None:
    calibration = Calibration.fit(*simulated(3))
    restored = Calibration(**{k: np.array(v) for k, v in calibration.to_settings().items()})
    scores = np.linspace(0, 1, 50)
    assert restored(scores) == pytest.approx(calibration(scores), abs=1e-5)


def test_expected_calibration_error_of_a_worked_example() -> None:
    confidence = np.array([0.95, 0.95, 0.95, 0.95, 0.15, 0.15])
    found = np.array([True, True, True, False, False, False])
    assert expected_calibration_error(confidence, found) == pytest.approx((4 * 0.2 + 2 * 0.15) / 6)
    assert reliability(confidence, found) == [
        {"confidence": pytest.approx(0.15), "found": 0.0, "count": 2},
        {"confidence": pytest.approx(0.95), "found": 0.75, "count": 4},
    ]


def test_certainty_falls_into_the_last_bin() -> None:
    rows = reliability(np.array([1.0, 0.0]), np.array([True, False]))
    assert [row["count"] for row in rows] == [1, 1]
    assert expected_calibration_error(np.array([1.0, 0.0]), np.array([True, False])) == 0


def test_segment_lengths_follow_the_lines_and_skip_absent_landmarks() -> None:
    positions = np.stack([POSITIONS, POSITIONS])
    positions[1, 2] = np.nan
    lengths = segment_lengths(PROTOCOL, positions)
    arm = np.hypot(150, 20)
    np.testing.assert_allclose(lengths, [[arm, arm, 180], [arm, np.nan, 180]])


def test_a_plausible_body_gets_no_warning() -> None:
    assert plausibility_warnings(PROTOCOL, POSITIONS, RANGES) == []


def test_a_distance_no_body_has_is_named_with_its_length() -> None:
    positions = POSITIONS.copy()
    positions[4, 0] = 400
    (warning,) = plausibility_warnings(PROTOCOL, positions, RANGES)
    assert (warning.kind, warning.landmarks) == (DoubtKind.DISTANCE, ("hip_left", "hip_right"))
    assert "hip left and hip right are 490 mm apart" in warning.text
    assert "between 100 and 250 mm" in warning.text
    (in_pixels,) = plausibility_warnings(PROTOCOL, positions, RANGES, "pixels")
    assert in_pixels.text == warning.text.replace(" mm", " pixels")


def test_many_unusual_distances_are_told_in_one_sentence() -> None:
    protocol = PROTOCOL.model_copy(update={"lines": (*PROTOCOL.lines, ("neck", "hip_left"))})
    ranges = {f"{a}-{b}": (1.0, 2.0) for a, b in protocol.lines}
    (warning,) = plausibility_warnings(protocol, POSITIONS, ranges)
    assert warning.text.startswith("4 distances between landmarks are unusual; check the landmarks. neck and")
    assert set(warning.landmarks) == {name for line in protocol.lines for name in line}


def test_absent_landmarks_raise_no_warning() -> None:
    assert plausibility_warnings(PROTOCOL, np.full_like(POSITIONS, np.nan), RANGES) == []


def test_exchanged_sides_are_named_once_in_words() -> None:
    positions = POSITIONS[PROTOCOL.mirror_permutation()]
    (warning,) = plausibility_warnings(PROTOCOL, positions, RANGES)
    assert "Right and left look swapped (shoulder, hip)" in warning.text
    assert (warning.kind, warning.landmarks) == (DoubtKind.SIDE, ())


def test_crossed_hands_are_no_exchanged_sides() -> None:
    positions = POSITIONS.copy()
    positions[[5, 6]] = positions[[6, 5]]
    assert plausibility_warnings(PROTOCOL, positions, RANGES) == []


def test_orientation_warning_names_the_labelling_that_fits() -> None:
    turned = {"back to front": 6.0, "upside down": 24.5, "both": 3.0}
    warning = orientation_warning(5.0, turned)
    assert warning is not None
    assert warning.kind is DoubtKind.ORIENTATION
    assert "feet-first instead of head-first" in warning.text
    assert "24.5 instead of 5.0" in warning.text


@pytest.mark.parametrize(
    ("as_labelled", "best"), [(24.0, 24.5), (20.0, 28.0), (0.5, 1.5), (0.0, 0.0), (29.0, 12.0)]
)
def test_orientation_warning_needs_clear_evidence(as_labelled: float, best: float) -> None:
    turned = {"back to front": 0.0, "upside down": best, "both": 0.0}
    assert orientation_warning(as_labelled, turned) is None


def mirrored(volume: Volume, truth: LandmarkSet, swap: np.ndarray) -> tuple[Volume, np.ndarray]:
    """The volume with its voxels exchanged left to right, and where a rater would place the landmarks."""
    count = volume.voxels.shape[2]
    middle = volume.ijk_to_ras_points(np.array([[(count - 1) / 2, 0, 0]]))[0, 0]
    positions = truth.positions.copy()
    positions[:, 0] = 2 * middle - positions[:, 0]
    return replace(volume, voxels=np.ascontiguousarray(volume.voxels[:, :, ::-1])), positions[swap]


def test_a_mirrored_scan_is_noticed_by_its_lungs(
    phantom: tuple[Volume, LandmarkSet], whole_body: Protocol
) -> None:
    volume, truth = phantom
    wrong, positions = mirrored(volume, truth, whole_body.mirror_permutation())
    names = tuple(whole_body.names)
    views = project_body(volume, pixel_mm=8.0)
    assert mirror_warning(volume, views, truth.positions, names) is None
    warning = mirror_warning(wrong, project_body(wrong, pixel_mm=8.0), positions, names)
    assert warning is not None
    assert warning.kind is DoubtKind.MIRRORED

    # What cannot be judged is not judged: no shoulders, or no air in Hounsfield units.
    without = positions.copy()
    without[names.index("shoulder_left")] = np.nan
    assert mirror_warning(wrong, views, without, names) is None
    shifted = replace(wrong, voxels=wrong.voxels + np.int16(1024))
    assert mirror_warning(shifted, views, positions, names) is None


def test_a_few_bad_scores_among_many_good_ones_keep_their_own_share() -> None:
    generator = np.random.default_rng(4)
    good, bad = generator.uniform(0.9, 1, 5000), generator.uniform(0, 0.1, 60)
    scores, found = np.concatenate([good, bad]), np.concatenate([np.ones(5000, bool), np.zeros(60, bool)])
    calibration = Calibration.fit(scores, found)
    assert calibration(np.array([0.05]))[0] < 0.05
    assert calibration(np.array([0.95]))[0] > 0.99
