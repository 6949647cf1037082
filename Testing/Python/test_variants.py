"""The variants that the robustness benchmark makes keep, or change, exactly what they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from LandmarkDetectionLib.core.volume import Volume
from Testing.Benchmarks import variants
from Testing.examples.body_phantom import flat_table, phantom

ORDERS = list(variants.all_orders())


@pytest.fixture(scope="module")
def trunk() -> Volume:
    """Chest and arms over two flat plates."""
    return phantom(flat_table, spacing=(6.0, 6.0, 8.0), low=(-350, -200, 0), high=(350, 200, 500))


def ramp() -> Volume:
    """An oblique volume with another value in every voxel, no two axes alike."""
    matrix = np.eye(4)
    matrix[:3, :3] = variants.rotation((1, 2, 3), 25) * (1.5, 2.0, 3.0)
    matrix[:3, 3] = (-40, 10, 7)
    return Volume(np.arange(7 * 6 * 5, dtype=np.int16).reshape(7, 6, 5), matrix)


def value_at(volume: Volume, ras: np.ndarray) -> np.ndarray:
    i, j, k = np.rint(volume.ras_to_ijk_points(ras)).astype(int).T
    return volume.voxels[k, j, i]


@given(st.sampled_from(ORDERS))
def test_every_axis_order_keeps_every_voxel_at_its_place(order_and_flips):
    first = ramp()
    other = variants.reordered(first, *order_and_flips)
    ijk = np.stack(np.meshgrid(*map(np.arange, first.size), indexing="ij"), -1).reshape(-1, 3)
    ras = first.ijk_to_ras_points(ijk)
    assert other.size == tuple(first.size[n] for n in order_and_flips[0])
    assert np.array_equal(value_at(other, ras), value_at(first, ras))


def test_there_are_48_axis_orders_and_the_first_is_the_volume_itself():
    assert len(set(ORDERS)) == 48
    assert np.array_equal(variants.reordered(ramp(), *ORDERS[0]).voxels, ramp().voxels)


@given(st.sampled_from([(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, -1, 2)]), st.floats(-30, 30))
def test_an_oblique_copy_shows_the_same_thing_at_the_same_place(axis, degrees):
    # A linear ramp is interpolated exactly, so values tell positions.
    kji = np.indices((12, 11, 10))
    first = Volume((3.0 * kji[0] + 5 * kji[1] - kji[2]).astype(np.float32), np.diag([2.0, 2.5, 4.0, 1.0]))
    copy = variants.oblique(first, axis, degrees)
    middle = np.array([[9.0, 12.5, 22.0], [7.0, 10.0, 25.0]])
    ijk = np.floor(copy.ras_to_ijk_points(middle))
    ras = copy.ijk_to_ras_points(ijk)
    i, j, k = first.ras_to_ijk_points(ras).T
    np.testing.assert_allclose(value_at(copy, ras), 3 * k + 5 * j - i, atol=1e-3)


@pytest.mark.parametrize("spacing", [12.0, (5.0, 4.0, 3.0), (13.0, 6.0, 20.0)])
def test_resampling_keeps_the_body_in_its_place(spacing):
    body = phantom(spacing=(6.0, 6.0, 8.0), low=(-350, -200, 0), high=(350, 200, 500))
    copy = variants.resampled(body, spacing)
    np.testing.assert_allclose(copy.spacing, spacing)
    before, after = (
        volume.ijk_to_ras_points(np.argwhere(volume.voxels > -400)[:, ::-1]).mean(axis=0)
        for volume in (body, copy)
    )
    assert np.abs(before - after).max() < 2


def test_the_table_goes_and_the_body_stays(trunk):
    bare = variants.table_removed(trunk)
    body_only = phantom(spacing=(6.0, 6.0, 8.0), low=(-350, -200, 0), high=(350, 200, 500))
    extra = (bare.voxels > -400) & ~(body_only.voxels > -400)
    missing = (body_only.voxels > -400) & ~(bare.voxels > -400)
    body = (body_only.voxels > -400).sum()
    assert missing.sum() < 0.002 * body
    assert extra.sum() < 0.03 * body  # of the plate that touches the back


def test_a_moved_table_has_moved(trunk):
    moved = variants.table_moved(trunk, (0, -18, 0))
    # Between pelvis and hand there is nothing but table.
    plate, shifted = (volume.voxels[:10, :, 25].mean(axis=0) > -600 for volume in (trunk, moved))
    rows = np.flatnonzero(plate).min(), np.flatnonzero(shifted).min()
    assert abs(rows[0] - rows[1]) == 3
    assert plate.sum() == pytest.approx(shifted.sum(), abs=2)


def test_a_crop_keeps_positions_and_says_what_it_holds(trunk):
    part = variants.cropped(variants.reordered(trunk, (2, 0, 1), (0,)), 100, 200)
    heights = part.ijk_to_ras_points([[0, 0, 0], np.array(part.size) - 1])[:, 2]
    assert 100 <= heights.min() and heights.max() <= 200 and np.ptp(heights) > 80
    points = np.array([[0.0, 0, 150], [0, 0, 350], [np.nan] * 3])
    assert variants.contains(part, points).tolist() == [True, False, False]
    assert value_at(part, points[:1]) == value_at(trunk, points[:1])
    with pytest.raises(ValueError, match="no slice"):
        variants.cropped(trunk, 5000, 6000)


def test_a_mirror_image_keeps_its_header_and_a_relabelled_copy_its_voxels(trunk):
    mirror, turned = variants.mirrored(trunk), variants.relabelled(trunk, "A")
    assert np.array_equal(mirror.ijk_to_ras, trunk.ijk_to_ras)
    assert np.array_equal(mirror.voxels[:, :, ::-1], trunk.voxels)
    assert np.array_equal(turned.voxels, trunk.voxels)
    np.testing.assert_allclose(
        turned.ijk_to_ras[:3, :3], np.diag([-1, 1, -1]) @ trunk.ijk_to_ras[:3, :3], atol=1e-9
    )


def test_a_series_written_and_read_back_is_the_same_scan(trunk, tmp_path):
    back = variants.through_dicom(trunk, tmp_path / "series")
    points = trunk.ijk_to_ras_points([[30, 20, 10], [60, 40, 50]])
    assert np.array_equal(value_at(back, points), value_at(trunk, points))


def test_a_thicker_table_reaches_down_by_what_was_asked(trunk):
    thicker = variants.table_thickened(trunk, 6.0)
    plate, grown = (volume.voxels[:10, :, 25].mean(axis=0) > -600 for volume in (trunk, thicker))
    assert np.flatnonzero(plate).min() - np.flatnonzero(grown).min() == 1
    assert (grown & plate == plate).all()
