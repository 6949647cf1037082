"""Generated heads: landmarks lie where the shapes say, no two are alike, and the set is a sound datalist."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.errors import Cancelled
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.synthesis.head.model import draw_head
from LandmarkDetectionLib.synthesis.head.volumes import _draw_pose, make_head, write_volume_set


def values_at(volume: Volume, positions: np.ndarray) -> np.ndarray:
    """Values of the nearest voxels."""
    k, j, i = np.rint(volume.ras_to_ijk_points(positions)).astype(int).T[::-1]
    return np.asarray(volume.voxels[k, j, i])


@pytest.fixture(scope="module")
def heads() -> list[tuple[Volume, LandmarkSet]]:
    return [make_head(seed, 64, "ct") for seed in range(4)]


def test_every_landmark_of_the_protocol_is_inside_the_field_of_view(
    heads: list[tuple[Volume, LandmarkSet]],
) -> None:
    for volume, landmarks in heads:
        assert landmarks.names == load_protocol("synthetic-head").names
        ijk = volume.ras_to_ijk_points(landmarks.positions)
        assert (ijk > 1).all() and (ijk < 62).all()


def test_landmarks_lie_in_the_tissue_that_they_are_defined_by(
    heads: list[tuple[Volume, LandmarkSet]],
) -> None:
    for volume, landmarks in heads:
        eyes = values_at(volume, np.stack([landmarks["eye_right"].position, landmarks["eye_left"].position]))
        assert (np.abs(eyes - 9) < 60).all()
        assert values_at(volume, landmarks["incisors"].position[None])[0] > 1200
        canals = np.stack([landmarks[f"ear_canal_{side}"].position for side in ("right", "left")])
        assert (values_at(volume, canals) < 100).all()
        # In front of the nose is air.
        assert values_at(volume, landmarks["nose_tip"].position[None] + [0, 12, 0])[0] < -700


def test_the_eyeball_s_centre_is_the_centre_of_its_voxels() -> None:
    """Of a finely sampled head, from the picture alone."""
    volume, landmarks = make_head(1, 80, "mr")
    for side in ("right", "left"):
        eye = landmarks[f"eye_{side}"].position
        k, j, i = np.indices(volume.shape)
        ras = volume.ijk_to_ras_points(np.stack([i, j, k], -1).reshape(-1, 3))
        near = np.linalg.norm(ras - eye, axis=1) < 9
        values = volume.voxels.reshape(-1)[near].astype(float)
        # The lens in front is brighter; the rest is dark and round about the centre.
        dark = values < np.median(values) * 1.35
        assert np.linalg.norm(ras[near][dark].mean(axis=0) - eye) < volume.spacing[0]


@settings(max_examples=30)
@given(st.integers(0, 100_000))
def test_points_travel_into_the_head_s_frame_and_back(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pose = _draw_pose(rng)
    points = np.array(list(draw_head(rng).landmarks.values()), float)
    np.testing.assert_allclose(pose.to_head(pose.from_head(points)), points, atol=1e-6)


@settings(max_examples=30)
@given(st.integers(0, 100_000))
def test_surface_landmarks_lie_on_the_surface_of_a_shape(seed: int) -> None:
    head = draw_head(np.random.default_rng(seed))
    for name in ("nose_tip", "chin", "inion", "frontal_horn_right", "frontal_horn_left"):
        point = head.landmarks[name][None].astype(np.float32)
        assert min(abs(float(shape.distance(point)[0])) for _, shape in head.parts) < 0.01, name


@settings(max_examples=8)
@given(st.integers(0, 100_000))
def test_a_shape_s_box_holds_all_of_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.uniform((-100, -130, -200), (100, 130, 130), (4000, 3)).astype(np.float32)
    for tissue, shape in draw_head(rng).parts:
        outside = np.setdiff1d(np.arange(len(points)), shape.near(points, 0.01))
        assert (shape.distance(points[outside]) > -1e-3).all(), tissue


def test_the_same_seed_gives_the_same_head_and_another_seed_another() -> None:
    (first, marks), (second, same), (third, other) = (make_head(seed, 24) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.voxels, second.voxels)
    np.testing.assert_array_equal(marks.positions, same.positions)
    assert not np.array_equal(first.voxels, third.voxels)
    assert np.abs(marks.positions - other.positions).max() > 5


def test_heads_differ_in_pose_shape_and_field_of_view(heads: list[tuple[Volume, LandmarkSet]]) -> None:
    spacings = [float(volume.spacing[0]) for volume, _ in heads]
    widths = [
        float(np.linalg.norm(marks["eye_right"].position - marks["eye_left"].position)) for _, marks in heads
    ]
    tilts = [
        float(
            np.degrees(
                np.arctan2(*(marks["ear_canal_right"].position - marks["ear_canal_left"].position)[[2, 0]])
            )
        )
        for _, marks in heads
    ]
    assert np.ptp(spacings) > 0.3 and np.ptp(widths) > 5 and np.ptp(tilts) > 5


def test_left_is_left(heads: list[tuple[Volume, LandmarkSet]]) -> None:
    for _, marks in heads:
        for name in ("eye", "ear_canal", "frontal_horn"):
            assert marks[f"{name}_right"].position[0] > marks[f"{name}_left"].position[0]


@pytest.mark.parametrize(("size", "contrast"), [(8, "ct"), (64, "pet")])
def test_an_impossible_head_is_refused(size: int, contrast: str) -> None:
    with pytest.raises(ValueError, match="no head of"):
        make_head(0, size, contrast)  # type: ignore[arg-type]


def test_the_command_writes_a_sound_datalist_and_a_sheet(cli: Callable, tmp_path: Path) -> None:  # type: ignore[type-arg]
    folder, sheet = tmp_path / "heads", tmp_path / "sheet.png"
    answer = cli("synthesize", "--volumes", folder, "--count", 6, "--size", 24, "--out", sheet, "--json")
    assert answer.code == 0, answer.err
    assert json.loads(answer.out)["files"] == [str(folder), str(sheet)]
    datalist = read_datalist(folder / "datalist.json")
    assert len(datalist) == 6 and len(datalist.of_split("test")) == 1
    assert datalist.landmark_names == load_protocol("synthetic-head").names
    volume, landmarks = make_head(3, 24, "mr")
    case = datalist.cases[3]
    np.testing.assert_array_equal(case.read_volume().voxels, volume.voxels)
    np.testing.assert_allclose(case.read_landmarks().positions, landmarks.positions, atol=1e-5)
    assert sheet.stat().st_size > 10_000


def test_a_cancelled_set_leaves_no_folder(tmp_path: Path) -> None:
    asked = iter([False, True])
    with pytest.raises(Cancelled):
        write_volume_set(tmp_path / "heads", 3, size=16, cancelled=lambda: next(asked))
    assert not list(tmp_path.iterdir())
