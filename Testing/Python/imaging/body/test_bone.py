"""Bone is seen where it is and as thick as it is, whatever the voxels; nothing else is taken for it."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.imaging.body import projection
from LandmarkDetectionLib.imaging.body.bone import (
    LEAST_THRESHOLD_HU,
    MOST_THRESHOLD_HU,
    USUAL_THRESHOLD_HU,
    bone_threshold,
)
from LandmarkDetectionLib.imaging.body.mask import estimate_air_threshold
from LandmarkDetectionLib.imaging.view import View
from LandmarkDetectionLib.io.markups import read_landmarks
from LandmarkDetectionLib.io.volumes import read_volume
from Testing.examples.body_phantom import BACK, curved_table, phantom
from Testing.examples.bone_phantom import bone_phantom

project_body = partial(projection.project_body, bones=True)


def bone_of(view: View) -> tuple[np.ndarray, np.ndarray]:
    assert view.bone is not None and view.bone_depth is not None
    return view.bone, view.bone_depth


def total_mm3(view: View) -> float:
    return float(bone_of(view)[0].sum() * np.prod(view.geometry.spacing))


def centre_of_bone(view: View) -> np.ndarray:
    bone, depth = bone_of(view)
    row, column = np.mgrid[: bone.shape[0], : bone.shape[1]]
    deep = np.isfinite(depth)
    along = np.average(depth[deep], weights=bone[deep])
    place = [np.average(column, weights=bone), np.average(row, weights=bone), along]
    return np.asarray(view.geometry.to_ras([place])[0])


@settings(max_examples=8)
@given(
    seed=st.integers(0, 10**6),
    oblique=st.booleans(),
    centre=st.tuples(*[st.floats(-20, 20)] * 3),
    spacing=st.tuples(*[st.floats(1.5, 4)] * 3),
)
def test_a_ball_of_bone_is_seen_at_its_centre_from_both_sides(seed, oblique, centre, spacing):
    turn = Rotation.random(random_state=seed).as_matrix() if oblique else None
    volume = bone_phantom((centre, 22.0, 1200.0), spacing=spacing, rotation=turn)
    views = project_body(volume)
    for view in (views.coronal, views.lateral):
        np.testing.assert_allclose(centre_of_bone(view), centre, atol=0.3)
    assert total_mm3(views.coronal) == pytest.approx(total_mm3(views.lateral), rel=1e-4)
    assert total_mm3(views.coronal) == pytest.approx(4 / 3 * np.pi * 22**3, rel=0.1)


@pytest.mark.parametrize(("above", "density"), [(225, 0.25), (450, 0.5), (900, 1)])
def test_thickness_follows_density_up_to_that_of_compact_bone(above: float, density: float):
    volume = bone_phantom(((0, 0, 0), 30.0, 100.0), noise=12)
    threshold = estimate_air_threshold(volume).bone
    assert threshold is not None
    volume = bone_phantom(((0, 0, 0), 30.0, threshold + above), noise=0)
    bone = bone_of(project_body(volume, pixel_mm=2.5).coronal)[0]
    # Four pixels about the middle look through nearly the whole diameter.
    assert np.sort(bone.ravel())[-4:].mean() == pytest.approx(60 * density, rel=0.03)


def test_metal_counts_as_the_densest_bone():
    bone = bone_of(project_body(bone_phantom(((0, 0, 0), 30.0, 28_000.0)), pixel_mm=2.5).coronal)[0]
    assert 60 <= bone.max() <= 66  # voxels at its surface are full of it, too


def test_depth_is_that_of_the_bone_and_not_of_the_body():
    views = project_body(bone_phantom(((20, 30, 10), 12.0, 1000.0)))
    for view, depth in ((views.coronal, -30), (views.lateral, 20)):
        bone, deep = bone_of(view)
        origin = view.geometry.origin @ view.geometry.depth_axis
        assert np.nanmedian(deep) + origin == pytest.approx(depth, abs=1)
        assert np.array_equal(np.isfinite(deep), bone >= 1)
        assert (bone[~view.silhouette] == 0).all()


def test_the_order_of_the_axes_and_the_stored_shift_change_nothing():
    volume = bone_phantom(((15, -5, 30), 20.0, 900.0), spacing=(3.0, 3.0, 4.0), noise=12)
    expected = project_body(volume).coronal
    matrix = volume.ijk_to_ras[:, [2, 1, 0, 3]]
    turned = replace(volume, voxels=volume.voxels.transpose(2, 1, 0), ijk_to_ras=matrix)
    shifted = replace(volume, voxels=(volume.voxels + 1024).clip(0).astype(np.uint16))
    for other in (turned, shifted):
        bone, depth = bone_of(project_body(other).coronal)
        np.testing.assert_allclose(bone, bone_of(expected)[0], atol=0.3)
        np.testing.assert_allclose(depth, bone_of(expected)[1], atol=0.5)


@pytest.mark.parametrize(
    ("gap", "hounsfield"), [(20.0, 2500.0), (0.0, 300.0)], ids=["metal under a mattress", "touching the back"]
)
def test_a_table_is_no_bone(gap: float, hounsfield: float):
    table = partial(curved_table, top=BACK - gap), hounsfield
    volume = phantom(table, spacing=(5.0, 5.0, 5.0), low=(-350, -200, -100), high=(350, 200, 300))
    views = project_body(volume)
    assert "table removed" in views.notes
    assert bone_of(views.coronal)[0].max() < 1
    assert bone_of(views.lateral)[0].mean() < 1


@pytest.mark.parametrize("kind", ["MR", "eight bits"])
def test_scans_without_ct_numbers_have_no_bone(kind: str):
    volume = bone_phantom(((0, 0, 0), 25.0, 1000.0), noise=12)
    if kind == "MR":
        other = Volume(volume.voxels + 1100, volume.ijk_to_ras, "MR", "head")
    else:
        grey = (volume.voxels.clip(-200, 500) + 200) * (255 / 700)
        other = Volume(grey.astype(np.uint8), volume.ijk_to_ras, "", "copy")
    views = project_body(other)
    assert views.coronal.bone is None and views.lateral.bone_depth is None
    assert views.cells is not None and views.cells.bone is None
    assert views.cells.body.any()


def test_the_cells_hold_what_the_views_show():
    views = project_body(bone_phantom(((20, -15, 40), 20.0, 900.0)))
    cells = views.cells
    assert cells is not None and cells.bone is not None
    assert cells.bone.shape == cells.body.shape
    assert not cells.bone[cells.body == 0].any()
    assert all(cells.body.any(axis=axes).all() for axes in ((1, 2), (0, 2), (0, 1)))  # cropped to the body
    total = cells.bone.sum() / 255 * cells.cell**3
    assert total == pytest.approx(total_mm3(views.coronal), rel=1e-4)
    s, a, r = (
        np.average(np.arange(n), weights=cells.bone.sum(axis=axes))
        for n, axes in zip(cells.bone.shape, ((1, 2), (0, 2), (0, 1)), strict=True)
    )
    np.testing.assert_allclose(
        cells.corner - (np.array([r, a, s]) + 0.5) * cells.cell, (20, -15, 40), atol=0.3
    )


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 0, 1)])
@pytest.mark.parametrize("oblique", [False, True])
def test_work_in_slabs_changes_nothing(monkeypatch, order: tuple[int, ...], oblique: bool):
    turn = Rotation.from_rotvec([0.3, -0.2, 0.4]).as_matrix() if oblique else None
    volume = bone_phantom(((20, -15, 40), 20.0, 900.0), spacing=(1.2, 2.5, 3.0), rotation=turn)
    matrix = volume.ijk_to_ras.copy()
    matrix[:, :3] = matrix[:, [2 - n for n in order[::-1]]]
    volume = replace(volume, voxels=volume.voxels.transpose(order).copy(), ijk_to_ras=matrix)
    cells = []
    for length in (10_000, 16):
        monkeypatch.setattr("LandmarkDetectionLib.imaging.body.bone.SLAB_CELLS", length)
        cells.append(project_body(volume).cells.bone)
    assert cells[0].max() > 200
    # Weights are kept in 1/128, which may round to the other side.
    np.testing.assert_allclose(cells[0].astype(int), cells[1].astype(int), atol=3)


def test_cropping_and_resampling_keep_the_bone():
    view = project_body(bone_phantom(((20, -15, 40), 20.0, 900.0))).coronal
    for changed in (view.cropped_to_object(2), view.resampled((160, 76))):
        assert total_mm3(changed) == pytest.approx(total_mm3(view), rel=1e-3)
        np.testing.assert_allclose(centre_of_bone(changed), (20, -15, 40), atol=0.5)


# --- where bone begins ------------------------------------------------------------------------------------


def tissue(rng: np.random.Generator, *parts: tuple[float, float, int]) -> np.ndarray:
    return np.concatenate([rng.normal(mean, deviation, count) for mean, deviation, count in parts])


AIR_AND_FAT = (-1000.0, 15.0, 40_000), (-100.0, 20.0, 15_000)
SPONGY = (250.0, 120.0, 3_000)


@pytest.mark.parametrize(
    ("soft", "low", "high"),
    [
        (((45.0, 15.0, 20_000),), 90, 90),
        (((45.0, 35.0, 20_000),), 105, 140),
        (((45.0, 15.0, 20_000), (110.0, 15.0, 12_000)), 130, 160),
        (((45.0, 90.0, 20_000),), 190, 200),
    ],
    ids=["usual", "noisy", "organs full of contrast agent", "very noisy"],
)
def test_bone_begins_above_soft_tissue(soft, low: float, high: float):
    hounsfield = tissue(np.random.default_rng(0), *AIR_AND_FAT, SPONGY, *soft)
    assert low <= bone_threshold(hounsfield) <= high


@given(st.integers(0, 10**6), st.floats(-50, 300), st.floats(1, 200), st.integers(0, 20_000))
def test_the_threshold_stays_within_its_limits(seed: int, mean: float, deviation: float, count: int):
    threshold = bone_threshold(tissue(np.random.default_rng(seed), (mean, deviation, count)))
    assert LEAST_THRESHOLD_HU <= threshold <= MOST_THRESHOLD_HU


def test_too_little_soft_tissue_tells_nothing():
    assert bone_threshold(np.full(10_000, -1000.0)) == USUAL_THRESHOLD_HU


# --- real scans -------------------------------------------------------------------------------------------


def test_a_real_skeleton_is_seen_and_its_table_is_not(real_data):
    volume = read_volume(real_data / "whole_body" / "female_ct.nii.gz")
    views = project_body(volume)
    heads = read_landmarks(real_data / "whole_body" / "female_bony_landmarks.mrk.json")
    for name in ("femoral_head_right", "femoral_head_left", "humeral_head_right", "humeral_head_left"):
        for view in (views.coronal, views.lateral):
            bone, deep = bone_of(view)
            column, row, depth = view.geometry.from_ras([heads[name].position])[0]
            place = round(row), round(column)
            assert bone[place] > 5
            if view is views.coronal:
                assert deep[place] == pytest.approx(depth, abs=20)  # with its socket
    bone, _ = bone_of(views.coronal)
    assert np.median(bone[views.coronal.silhouette]) < 1  # muscle and organs are none
    assert bone[~views.coronal.silhouette].max() < 1
