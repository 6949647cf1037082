"""Registering images to a template: known affine maps are found, points travel there and back."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.imaging.registration import (
    AffineAlignment,
    register_to_template,
    resample_to_template,
)
from LandmarkDetectionLib.imaging.template import choose_template, crop_around
from LandmarkDetectionLib.io.volumes import read_volume

# Ellipsoids in mm about (60, 60, 60): centre, radii, grey value. Without any symmetry.
PARTS = (
    ((0, 0, 0), (46, 38, 42), 60),
    ((0, 0, 0), (40, 32, 36), 110),
    ((18, 8, 10), (9, 12, 8), 220),
    ((-17, -12, 4), (11, 7, 13), 25),
    ((5, -18, -15), (12, 6, 9), 170),
    ((-12, 14, -12), (6, 6, 6), 240),
)
MARKS = np.array([[18, 8, 10], [-17, -12, 4], [5, -18, -15], [-12, 14, -12], [0, 0, 40], [42, 0, 0]], float)


def rendered(
    matrix: np.ndarray, size: tuple[int, int, int] = (60, 60, 60), spacing: float = 2.0, noise: float = 3.0
) -> tuple[Volume, np.ndarray]:
    """The parts seen through an affine map (4, 4) of their space, and where the marks are; RAS mm."""
    i, j, k = np.meshgrid(*(np.arange(n) for n in size), indexing="ij")
    ijk_to_ras = np.diag([-spacing, -spacing, spacing, 1.0])
    volume = Volume(np.zeros(size[::-1], np.float32), ijk_to_ras)
    ras = volume.ijk_to_ras_points(np.stack([i, j, k], -1).reshape(-1, 3))
    offset = np.array([-60, -60, 60 if size[2] > 1 else 0])
    inverse = np.linalg.inv(matrix)
    points = (ras @ inverse[:3, :3].T + inverse[:3, 3]) - offset
    values = np.zeros(len(points), np.float32)
    for centre, radii, grey in PARTS:
        if size[2] == 1:
            centre = (*centre[:2], 0)
        distance = (((points - centre) / radii) ** 2).sum(1)
        share = np.clip((1.05 - distance) / 0.1, 0, 1)
        values = values * (1 - share) + grey * share
    values += np.random.default_rng(0).normal(0, noise, len(values))
    marks = MARKS + offset
    if size[2] == 1:
        marks = marks * [1, 1, 0]
    voxels = values.reshape(size).transpose(2, 1, 0).astype(np.float32)
    return Volume(voxels, ijk_to_ras, name="rendered"), marks @ matrix[:3, :3].T + matrix[:3, 3]


def affine(
    angles: tuple[float, float, float], scales: tuple[float, float, float], shift: tuple[float, float, float]
) -> np.ndarray:
    """Turned and scaled about the middle of the rendered images, then moved."""
    turn = np.eye(3)
    for axis, angle in enumerate(angles):
        one, (a, b) = np.eye(3), [n for n in range(3) if n != axis]
        one[a, a] = one[b, b] = np.cos(angle)
        one[a, b], one[b, a] = -np.sin(angle), np.sin(angle)
        turn = turn @ one
    matrix = np.eye(4)
    matrix[:3, :3] = turn @ np.diag(scales)
    middle = np.array([-60.0, -60, 60])
    matrix[:3, 3] = middle - matrix[:3, :3] @ middle + shift
    return matrix


FLAT = (120, 120, 1)


def flat(matrix: np.ndarray) -> np.ndarray:
    """The map restricted to the plane of radiographs."""
    result = matrix.copy()
    result[2], result[:, 2] = [0, 0, 1, 0], [0, 0, 1, 0]
    middle = np.array([-60.0, -60])
    shift = matrix[:3, :3] @ [-60.0, -60, 60] + matrix[:3, 3] - [-60, -60, 60]
    result[:2, 3] = middle - result[:2, :2] @ middle + shift[:2]
    return result


def to_template(alignment: AffineAlignment, points: np.ndarray) -> np.ndarray:
    """(N, 3) RAS mm of the image in RAS mm of the template."""
    return points @ alignment.matrix[:3, :3].T + alignment.matrix[:3, 3]


def to_image(alignment: AffineAlignment, points: np.ndarray) -> np.ndarray:
    """The inverse of ``to_template``."""
    return np.linalg.solve(alignment.matrix[:3, :3], (points - alignment.matrix[:3, 3]).T).T


@pytest.mark.parametrize(
    ("angles", "scales", "shift"),
    [
        ((0, 0, 0), (1, 1, 1), (9, -7, 0)),
        ((0, 0, 0.15), (1.1, 0.95, 1), (-6, 8, 0)),
        ((0, 0, -0.2), (0.88, 0.9, 1), (4, 3, 0)),
        ((0, 0, 0.4), (1.05, 1, 1), (8, -10, 0)),
        ((0, 0, -0.4), (0.95, 1, 1), (-10, 6, 0)),
    ],
)
def test_a_known_map_between_radiographs_is_found(
    angles: tuple[float, float, float], scales: tuple[float, float, float], shift: tuple[float, float, float]
) -> None:
    whole, marks = rendered(np.eye(4), FLAT, 1.0)
    template = crop_around(whole, marks)
    image, moved = rendered(flat(affine(angles, scales, shift)), FLAT, 1.0)
    alignment = register_to_template(image, template)
    assert alignment.succeeded, alignment.warning
    assert alignment.quality > alignment.start_quality
    # A third of a pixel of 1 mm.
    assert np.linalg.norm(to_template(alignment, moved) - marks, axis=1).mean() < 0.35


@pytest.mark.parametrize(
    ("angles", "scales", "shift"),
    [((0.1, -0.08, 0.12), (1.08, 0.95, 1.02), (6, -5, 8)), ((0, 0.15, 0), (0.9, 0.9, 0.92), (-8, 4, -6))],
)
def test_a_known_map_between_volumes_is_found(
    angles: tuple[float, float, float], scales: tuple[float, float, float], shift: tuple[float, float, float]
) -> None:
    whole, marks = rendered(np.eye(4))
    template = crop_around(whole, marks)
    image, moved = rendered(affine(angles, scales, shift))
    alignment = register_to_template(image, template)
    assert alignment.succeeded, alignment.warning
    # Half a voxel of 2 mm.
    assert np.linalg.norm(to_template(alignment, moved) - marks, axis=1).mean() < 1.0


def test_axis_order_and_a_far_origin_make_no_difference() -> None:
    whole, marks = rendered(np.eye(4))
    template = crop_around(whole, marks)
    image, moved = rendered(affine((0.05, 0, 0.1), (1.05, 1, 1), (3, 3, 3)))
    # The same image stored with k to the left and a scanner's origin half a metre away.
    turned = image.ijk_to_ras[:, [2, 1, 0, 3]].copy()
    turned[:3, 3] += [500, -300, 900]
    stored = Volume(image.voxels.transpose(2, 1, 0), turned)
    alignment = register_to_template(stored, template)
    assert alignment.succeeded, alignment.warning
    found = to_template(alignment, moved + np.array([500, -300, 900]))
    assert np.linalg.norm(found - marks, axis=1).mean() < 1.0


def test_the_image_resampled_to_the_template_looks_like_it() -> None:
    whole, marks = rendered(np.eye(4), noise=0)
    template = crop_around(whole, marks)
    image, _ = rendered(affine((0.1, 0, 0), (1.1, 0.95, 1), (5, 0, -4)), noise=0)
    alignment = register_to_template(image, template)
    resampled = resample_to_template(image, template, alignment)
    assert resampled.shape == template.shape
    np.testing.assert_array_equal(resampled.ijk_to_ras, template.ijk_to_ras)
    alike = np.corrcoef(resampled.voxels.ravel(), template.voxels.ravel())[0, 1]
    assert alike > 0.98


@pytest.mark.parametrize("size", [FLAT, (60, 60, 60)])
def test_resampling_puts_values_where_the_matrix_says(size: tuple[int, int, int]) -> None:
    """A ramp is reproduced exactly by linear interpolation, also when blocks are averaged first."""
    spacing = np.array([0.5, 0.5, 0.5 if size[2] > 1 else 1.0])
    image = Volume(np.zeros(size[::-1], np.float32), np.diag([*spacing, 1.0]))
    k, j, i = np.meshgrid(*(np.arange(n) for n in size[::-1]), indexing="ij")
    ras = image.ijk_to_ras_points(np.stack([i, j, k], -1).reshape(-1, 3))
    slope = np.array([2.0, -1.0, 0.5 if size[2] > 1 else 0.0])
    image = Volume((ras @ slope).reshape(size[::-1]).astype(np.float32), image.ijk_to_ras)
    matrix = np.eye(4)
    matrix[:3, 3] = [3, 2, 1 if size[2] > 1 else 0]
    matrix[0, 1] = 0.05
    count = 5 if size[2] > 1 else 1
    grid = np.diag([2.0, 2.0, 2.0, 1.0])
    grid[:3, 3] = [12, 10, 9 if size[2] > 1 else 0]
    template = Volume(np.zeros((count, 5, 6), np.float32), grid)
    alignment = AffineAlignment(matrix, 1, 0, 0)
    result = resample_to_template(image, template, alignment)
    k, j, i = np.meshgrid(*(np.arange(n) for n in template.shape), indexing="ij")
    at = template.ijk_to_ras_points(np.stack([i, j, k], -1).reshape(-1, 3))
    np.testing.assert_allclose(result.voxels.ravel(), to_image(alignment, at) @ slope, atol=1e-3)


def test_the_same_seed_gives_the_same_matrix() -> None:
    whole, marks = rendered(np.eye(4), FLAT, 1.0)
    template = crop_around(whole, marks)
    image, _ = rendered(flat(affine((0, 0, 0.1), (1.05, 1, 1), (3, -4, 0))), FLAT, 1.0)
    first, second = (register_to_template(image, template, seed=7) for _ in range(2))
    np.testing.assert_array_equal(first.matrix, second.matrix)
    assert first.quality == second.quality


def test_noise_is_not_registered_but_said_to_fail() -> None:
    whole, marks = rendered(np.eye(4), FLAT, 1.0)
    noise = np.random.default_rng(1).normal(100, 30, (1, 120, 120)).astype(np.float32)
    alignment = register_to_template(Volume(noise, whole.ijk_to_ras, name="noise"), crop_around(whole, marks))
    assert not alignment.succeeded
    assert "noise could not be registered" in alignment.warning
    np.testing.assert_array_equal(alignment.matrix, np.eye(4))


def test_an_image_far_too_small_is_said_to_fail() -> None:
    whole, marks = rendered(np.eye(4), FLAT, 1.0)
    tiny, _ = rendered(flat(affine((0, 0, 0), (0.42, 0.42, 1), (0, 0, 0))), FLAT, 1.0)
    alignment = register_to_template(tiny, crop_around(whole, marks))
    assert not alignment.succeeded
    assert np.abs(np.linalg.svd(alignment.matrix[:3, :3])[1] - 1).max() < 1e-9


def test_a_volume_is_not_registered_to_a_radiograph() -> None:
    radiograph, _ = rendered(np.eye(4), FLAT, 1.0)
    volume, _ = rendered(np.eye(4))
    with pytest.raises(InputError, match="rendered is a volume and the template is a radiograph"):
        register_to_template(volume, radiograph)


def test_an_image_of_one_grey_value_is_refused() -> None:
    template, _ = rendered(np.eye(4), FLAT, 1.0)
    empty = Volume(np.full((1, 50, 50), 7, np.uint8), np.eye(4), name="blank")
    with pytest.raises(InputError, match="blank is one grey value only"):
        register_to_template(empty, template)


def test_the_real_head_is_brought_back_from_a_known_map(real_data: Path) -> None:
    head = read_volume(real_data / "head" / "chris_t1.nii.gz")
    middle = head.ijk_to_ras_points([(np.array(head.size) - 1) / 2])[0]
    box = middle + np.array([[-60, -80, -60], [60, 80, 70.0]])
    matrix = affine((0.1, 0.05, -0.1), (1.08, 0.95, 1.0), (15, -20, 12))
    moved = Volume(head.voxels, matrix @ head.ijk_to_ras)
    alignment = register_to_template(moved, crop_around(head, box, 0.0))
    assert alignment.succeeded, alignment.warning
    corners = box[[0, 1, 0]] * [[1, 1, 1], [1, 1, 1], [1, 1, -1]]
    mapped = corners @ matrix[:3, :3].T + matrix[:3, 3]
    assert np.linalg.norm(to_template(alignment, mapped) - corners, axis=1).max() < 1.5


# --- the template -----------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([2, 3]))
def test_the_template_is_the_case_nearest_to_the_mean_shape_wherever_cases_lie(seed: int, d: int) -> None:
    rng = np.random.default_rng(seed)
    mean = rng.normal(0, 30, (7, d))
    one, two = rng.normal(0, 3, (2, 7, d))
    shapes = []
    for shape in (mean + one, mean - two, mean + 0.01 * one, mean - one, mean + two):
        turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
        turn[:, 0] *= np.sign(np.linalg.det(turn))
        shapes.append(rng.uniform(0.7, 1.4) * shape @ turn.T + rng.normal(0, 200, d))
    assert choose_template(np.array(shapes)) == 2


def test_a_case_that_lacks_a_landmark_is_no_template() -> None:
    shapes = np.random.default_rng(0).normal(size=(3, 5, 2))
    shapes[1] = (shapes[0] + shapes[2]) / 2
    shapes[1, 3] = np.nan
    assert choose_template(shapes) != 1
    shapes[:, 3] = np.nan
    with pytest.raises(ValueError, match="no case has all landmarks"):
        choose_template(shapes)


@given(st.integers(0, 10_000))
def test_a_crop_holds_all_landmarks_and_keeps_every_voxel_in_its_place(seed: int) -> None:
    rng = np.random.default_rng(seed)
    volume = Volume(rng.integers(0, 99, (9, 11, 13)), np.diag([-2.0, 1.5, 3.0, 1.0]))
    ijk = rng.uniform(0, 1, (4, 3)) * (np.array(volume.size) - 1)
    crop = crop_around(volume, volume.ijk_to_ras_points(ijk), 0.1)
    found = crop.ras_to_ijk_points(volume.ijk_to_ras_points(ijk))
    assert (found >= -1e-9).all() and (found <= np.array(crop.size) - 1 + 1e-9).all()
    where = np.rint(found).astype(int)
    there = np.rint(volume.ras_to_ijk_points(crop.ijk_to_ras_points(where))).astype(int)
    np.testing.assert_array_equal(crop.voxels[tuple(where.T[::-1])], volume.voxels[tuple(there.T[::-1])])


def test_landmarks_of_another_image_are_refused() -> None:
    volume = Volume(np.zeros((1, 10, 10)), np.eye(4), name="film")
    with pytest.raises(InputError, match="None of the landmarks lies in film"):
        crop_around(volume, np.array([[400.0, 400, 0]]))
