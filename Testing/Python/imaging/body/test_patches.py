"""Slabs show what lies in them where it lies, and side by side they add up to the whole."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from LandmarkDetectionLib.core.geometry import Affine
from LandmarkDetectionLib.imaging.body import projection
from LandmarkDetectionLib.imaging.body.cells import BodyCells, ScannedBox
from LandmarkDetectionLib.imaging.body.patches import SlabView, slab_views
from Testing.examples.bone_phantom import bone_phantom

WIDE = (80.0, 80.0, 80.0)
NO_BOX = ScannedBox(Affine(np.eye(4)), (6, 5, 4))

project_body = partial(projection.project_body, bones=True)


def cells_of(*balls, **how) -> BodyCells:
    cells = project_body(bone_phantom(*balls, **how)).cells
    assert cells is not None
    return cells


def centre_of_bone(view: SlabView) -> np.ndarray:
    row, column = np.mgrid[: view.bone.shape[0], : view.bone.shape[1]]
    deep = np.isfinite(view.bone_depth)
    place = [
        np.average(column, weights=view.bone),
        np.average(row, weights=view.bone),
        np.average(view.bone_depth[deep], weights=view.bone[deep]),
    ]
    return np.asarray(view.geometry.to_ras([place])[0])


@settings(max_examples=8)
@given(
    seed=st.integers(0, 10**6),
    oblique=st.booleans(),
    centre=st.tuples(*[st.floats(-20, 20)] * 3),
    off=st.tuples(*[st.floats(-25, 25)] * 3),
    spacing=st.tuples(*[st.floats(1.5, 4)] * 3),
    pixel=st.sampled_from([2.0, 2.5, 3.0]),
)
def test_a_ball_of_bone_is_found_at_its_centre(seed, oblique, centre, off, spacing, pixel):
    turn = Rotation.random(random_state=seed).as_matrix() if oblique else None
    cells = cells_of((centre, 18.0, 1200.0), spacing=spacing, rotation=turn)
    for view in slab_views(cells, np.add(centre, off), (100.0, 100.0, 50.0), pixel):
        np.testing.assert_allclose(centre_of_bone(view), centre, atol=0.3)


@pytest.fixture(scope="module")
def cells() -> BodyCells:
    return cells_of(((20, -15, 40), 20.0, 900.0), ((-40, 10, -30), 15.0, 600.0))


places = st.tuples(*[st.floats(-150, 150)] * 3)


@given(places, st.tuples(st.floats(1, 100), st.floats(1, 100), st.floats(1, 100)), st.floats(1, 5))
def test_the_middle_of_a_patch_is_the_place_asked_for(centre, half, pixel):
    empty = np.zeros((4, 5, 6), np.uint8)
    elsewhere = BodyCells(empty, empty, np.array([9000.0, 0, 0]), 2.5, NO_BOX)
    for view in slab_views(elsewhere, np.array(centre), half, pixel, (32, 48)):
        assert not (view.bone.any() or view.silhouette.any())
        one = view.geometry
        rows, columns = one.shape
        np.testing.assert_allclose(one.to_ras([[(columns - 1) / 2, (rows - 1) / 2, 0]])[0], centre, atol=1e-9)
        np.testing.assert_allclose(
            one.from_ras([centre])[0], [(columns - 1) / 2, (rows - 1) / 2, 0], atol=1e-9
        )


@given(places, st.floats(5, 30), st.integers(2, 6))
def test_slabs_side_by_side_add_up_to_the_whole(cells: BodyCells, centre, half: float, count: int):
    whole = slab_views(cells, np.array(centre), (200.0, 200.0, half * count))
    for n, (total, depth_axis) in enumerate(zip(whole, ([0, -1, 0], [1, 0, 0]), strict=True)):
        parts = [
            slab_views(
                cells,
                np.add(centre, np.multiply(depth_axis, half * (2 * m + 1 - count))),
                (200.0, 200.0, half),
            )[n]
            for m in range(count)
        ]
        np.testing.assert_allclose(sum(part.bone for part in parts), total.bone, atol=1e-3)


def test_a_patch_that_holds_all_bone_holds_as_much_as_the_cells(cells: BodyCells):
    total = cells.bone.sum() / 255 * cells.cell**3
    for view in slab_views(cells, np.array([0.7, 3.1, -1.9]), (200.0, 200.0, 200.0), size=(100, 100)):
        assert view.bone.sum() * 2.5**2 == pytest.approx(total, rel=1e-4)


@pytest.mark.parametrize(
    ("half", "seen"), [((200, 40, 200), (0, 1)), ((35, 200, 200), (0,)), ((200, 200, 35), (1,))]
)
def test_what_lies_farther_away_than_asked_for_is_left_out(half, seen: tuple[int, ...]):
    # The other ball lies 60 mm to the left, 25 mm to the back and 70 mm higher.
    both = cells_of(((20, -15, 40), 20.0, 900.0), ((-40, 10, -30), 15.0, 600.0))
    alone = cells_of(((-40, 10, -30), 15.0, 600.0))
    for n in seen:
        views = (slab_views(cells, np.array([-40.0, 10, -30]), half)[n] for cells in (both, alone))
        shown, expected = (view.bone for view in views)
        assert expected.max() > 10
        np.testing.assert_allclose(shown, expected, atol=0.3)


def test_the_skin_and_the_scanned_space_are_those_of_the_slab():
    cells = cells_of()
    coronal, lateral = slab_views(cells, np.array([0, 60.0, 0]), (200.0, 200.0, 10.0), size=(100, 100))
    thin, _ = slab_views(cells, np.array([0, 0.0, 0]), (200.0, 200.0, 10.0), size=(100, 100))
    assert 0 < coronal.silhouette.sum() < 0.5 * thin.silhouette.sum()  # the body's front is narrower
    assert thin.silhouette.max() == 1 and lateral.silhouette.max() == 1
    assert not (thin.silhouette.astype(bool) & ~thin.field_of_view).any()
    assert thin.field_of_view.sum() == pytest.approx(220 * 240 / 2.5**2, rel=0.05)
    beside, _ = slab_views(cells, np.array([0, 120.0, 0]), (80.0, 80.0, 10.0))
    assert not beside.field_of_view.any() and not beside.bone.any()


@pytest.mark.parametrize("place", [(0.0, 0, 0), (70.0, 10, 0), (0.0, -60, 30), (10.0, 0, 90)])
def test_a_slab_within_the_scan_is_all_seen_and_one_at_its_end_in_part(place):
    """Rays that need not be followed give what following them does."""
    cells = cells_of()
    for one in slab_views(cells, np.array(place), (80.0, 80.0, 50.0), size=(32, 32)):
        corners = [[c, r, d] for c in (0, 31) for r in (0, 31) for d in (-50.0, 50.0)]
        within = cells.scanned.depth_of(one.geometry.to_ras(np.array(corners))).min() > 0
        assert one.field_of_view.all() or not within
        row, column = np.mgrid[:32, :32].reshape(2, -1)
        met = [
            cells.scanned.depth_of(one.geometry.to_ras(np.stack([column, row, np.full(1024, d)], 1))) > 0
            for d in np.linspace(-50, 50, 41)
        ]
        # Between the depths that are tried here, a corner may be grazed.
        assert (np.any(met, axis=0) != one.field_of_view.ravel()).mean() < 0.02


def test_cells_without_bone_are_refused():
    empty = np.zeros((4, 5, 6), np.uint8)
    cells = BodyCells(None, empty, np.zeros(3), 2.5, NO_BOX)
    with pytest.raises(ValueError, match="CT numbers"):
        slab_views(cells, np.zeros(3), WIDE)
