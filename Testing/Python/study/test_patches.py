"""The common domain: cropped, scaled, normalised, and back again."""

from pathlib import Path

import numpy as np
import pytest

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.imaging.view import View, ViewGeometry
from LandmarkDetectionLib.study.patches import Patches, from_targets, to_targets, unit_patch
from LandmarkDetectionLib.study.regions import SyntheticSource, find_region


def patches() -> Patches:
    rng = np.random.default_rng(0)
    silhouettes = rng.random((3, 8, 6)) < 0.5
    return Patches(
        names=("a", "b"),
        silhouettes=silhouettes,
        front=np.where(silhouettes, rng.normal(200, 30, (3, 8, 6)), np.nan).astype(np.float32),
        points=rng.uniform(0, 6, (3, 2, 3)).astype(np.float32),
        spacing=np.full((3, 2), 2.0, np.float32),
        cases=("one", "two", "three"),
        subjects=("x", "x", "y"),
    )


def square(side: int) -> View:
    """A view of 2 mm pixels that shows a square 50 mm deep, its first pixel at column 10 and row 20."""
    silhouette = np.zeros((60, 50), bool)
    silhouette[20 : 20 + side, 10 : 10 + side] = True
    depth = np.where(silhouette, 50, np.nan).astype(np.float32)
    geometry = ViewGeometry(
        origin=np.zeros(3),
        column_axis=np.array([-1.0, 0.0, 0.0]),
        row_axis=np.array([0.0, 0.0, -1.0]),
        depth_axis=np.array([0.0, -1.0, 0.0]),
        spacing=(2.0, 2.0),
        shape=silhouette.shape,
    )
    return View(
        silhouette=silhouette,
        front=depth,
        back=depth,
        thickness=silhouette.astype(np.float32),
        field_of_view=np.ones_like(silhouette),
        geometry=geometry,
    )


def test_an_object_fills_its_patch_and_landmarks_move_with_it() -> None:
    view = square(24)
    corner, middle = (10.0, 20.0, 50.0), (21.5, 31.5, 50.0)
    silhouette, front, points, spacing = unit_patch(
        view, view.geometry.to_ras(np.array([corner, middle])), (12, 48)
    )
    assert silhouette.all() and np.allclose(front, 50)
    # Two rows become one, a column two: 4 mm per row, 1 mm per column.
    assert spacing.tolist() == [1.0, 4.0]
    assert np.allclose(points[1], [23.5, 5.5, 50.0])
    assert np.allclose(points[0], [0.5, -0.25, 50.0])


def test_targets_are_the_papers_units_and_come_back() -> None:
    points = np.array([[[24.0, 6.0], [0.0, 0.0], [48.0, 12.0]]], np.float32)
    targets = to_targets(points, (12, 48))
    assert targets.tolist() == [[0.0, 0.0, -0.5, -0.5, 0.5, 0.5]]
    assert np.allclose(from_targets(targets, (12, 48)), points)


def test_depth_is_normalised_on_the_object_and_three_off_it() -> None:
    some = patches()
    for image, silhouette in zip(some.depth_images(2.0), some.silhouettes, strict=True):
        assert abs(image[silhouette].mean()) < 1e-4
        assert image[silhouette].std() == pytest.approx(1, abs=1e-4)
        assert (image[~silhouette] == 3).all()
    assert np.allclose(some.depths_of(some.depth_targets(2.0), 2.0), some.points[..., 2], atol=1e-3)


def test_patches_are_stored_whole(tmp_path: Path) -> None:
    some = patches()
    some.save(tmp_path / "patches.npz")
    again = Patches.load(tmp_path / "patches.npz")
    assert (again.names, again.cases, again.subjects) == (some.names, some.cases, some.subjects)
    assert np.array_equal(again.front, some.front, equal_nan=True)
    assert np.array_equal(again.take([2, 0]).points, some.points[[2, 0]])
    assert again.take([2, 0]).cases == ("three", "one")


def test_radiographs_have_no_depth() -> None:
    some = patches()
    flat = Patches(**{**vars(some), "front": np.full_like(some.front, np.nan)})
    assert some.has_depth and not flat.has_depth


def test_an_unknown_region_is_refused() -> None:
    with pytest.raises(InputError, match="region 'foot' is unknown"):
        find_region("foot")


@pytest.mark.parametrize("name", ["hand", "body"])
def test_synthetic_batches_are_in_the_common_domain(name: str) -> None:
    pytest.importorskip("anny", reason="synthetic images need anny")
    region = find_region(name)
    names = region.ordered(region.landmarks)
    source = SyntheticSource(region, names, 3, 4, (32, 32), per_epoch=2)
    images, targets = source.batch(0)
    assert images.shape == (4, 32, 32) and set(np.unique(images)) == {0, 1}
    assert targets.shape == (4, 2 * len(names)) and np.abs(targets).max() < 0.7
    depth, depths = SyntheticSource(region, names, 3, 4, (32, 32), per_epoch=2, depth=True).batch(0)
    # The same objects, seen as depth.
    assert np.array_equal(depth == 3, images == 0)
    assert depths.shape == (4, len(names)) and np.isfinite(depths).all()


def test_epochs_repeat_their_images_only_when_asked() -> None:
    pytest.importorskip("anny", reason="synthetic images need anny")
    region = find_region("body")
    fresh, repeated = (
        SyntheticSource(region, ("head_top",), 3, 4, (32, 16), per_epoch=2, repeat=repeat)
        for repeat in (False, True)
    )
    assert np.array_equal(repeated.batch(2)[0], repeated.batch(0)[0])
    assert not np.array_equal(fresh.batch(2)[0], fresh.batch(0)[0])


def test_landmarks_are_put_into_the_protocols_order() -> None:
    region = find_region("hand")
    assert region.ordered(["little_tip", "thumb_tip"]) == ("thumb_tip", "little_tip")
    with pytest.raises(InputError, match="have no landmark elbow"):
        region.ordered(["elbow"])
