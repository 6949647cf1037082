"""Whole spines of the real skeleton: corners lie where annotators mark them, however a spine is bent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.synthesis.bone_thickness import projected_thickness
from LandmarkDetectionLib.synthesis.radiograph.projection import Setup
from LandmarkDetectionLib.synthesis.radiograph.sheet import write_spine_sheet
from LandmarkDetectionLib.synthesis.radiograph.spine.corners import corners
from LandmarkDetectionLib.synthesis.radiograph.spine.exposure import draw_densities
from LandmarkDetectionLib.synthesis.radiograph.spine.shapes import COUNT, draw_shape, no_difference, shaped
from LandmarkDetectionLib.synthesis.radiograph.spine.stream import SpineStream, turned_body
from LandmarkDetectionLib.synthesis.radiograph.spine.trunk import LEVELS, MARKED, Trunk, make_trunk
from LandmarkDetectionLib.typing import Array
from Testing.examples.small_skeleton import small_skeleton

PIXEL = 0.5


def straight_on(points: Array, trunk: Trunk, behind: bool = False) -> Setup:
    """Rays from very far away, one pixel every half mm."""
    axis = points[trunk.rims].reshape(-1, 3).mean(axis=0)
    turn = turned_body(0.0, 0.0, 0.0, behind)
    return Setup(turn, axis, 1e6, 0.0, PIXEL, np.array([400.0, 600.0]))


def marked(trunk: Trunk, points: Array) -> Array:
    """Corners (17, 4, 2) mm in the picture: upper left, upper right, lower left, lower right."""
    seen = straight_on(points, trunk).projected(points)
    return corners(trunk, seen).reshape(17, 4, 2) * PIXEL


def slopes(corner: Array, end: int) -> Array:
    """Slope (17,) of upper (0) or lower (1) end plates in the picture, radians, down to the right."""
    along = corner[:, 2 * end + 1] - corner[:, 2 * end]
    return np.asarray(np.arctan2(along[:, 1], along[:, 0]))


def test_a_skeleton_without_a_bone_of_the_trunk_is_refused_in_one_sentence() -> None:
    skeleton = small_skeleton()
    names = tuple("Tail" if name == "Sacrum" else name for name in skeleton.names)
    with pytest.raises(InputError, match="has no Sacrum; a trunk needs BodyParts3D's spine"):
        make_trunk(replace(skeleton, names=names))


def test_a_skeleton_that_stands_elsewhere_is_refused_in_one_sentence() -> None:
    with pytest.raises(InputError, match="do not lie where BodyParts3D has them"):
        make_trunk(small_skeleton())


def test_the_skeletons_own_vertebrae_have_an_adults_sizes(trunk: Trunk) -> None:
    corner = marked(trunk, shaped(trunk, no_difference()))
    width = (corner[:, [1, 3]] - corner[:, [0, 2]])[..., 0].mean(axis=1)
    height = (corner[:, 2:] - corner[:, :2])[..., 1].mean(axis=1)
    assert (width[:10] > 22).all() and (width[:10] < 40).all()
    assert (width[12:] > 36).all() and (width[12:] < 56).all()
    assert (height > 12).all() and (height < 32).all()


def test_corners_lie_on_the_outline_of_the_bodies(trunk: Trunk) -> None:
    """At end plates of L2 and L3, where no rib is, bone lies between the corners and not beyond."""
    points = shaped(trunk, no_difference())
    seen = straight_on(points, trunk).projected(points)
    for n, k in enumerate(MARKED):
        if not LEVELS[k].startswith(("Second_lumbar", "Third_lumbar")):
            continue
        own = np.array([name == LEVELS[k] and kind == "vertebra" for name, kind in _parts(trunk)])
        bone = projected_thickness(seen[None], trunk.surfaces, own[None].astype(np.float32), (1200, 800))[0]
        for corner, inward in zip(corners(trunk, seen)[4 * n : 4 * n + 4], (1, -1, 1, -1), strict=True):
            column, row = np.rint(corner).astype(int)
            across = bone[row - 4 : row + 5].max(axis=0)
            assert across[column + inward * 6] > 2 and across[column - inward * 8] < 2, (LEVELS[k], corner)


def _parts(trunk: Trunk) -> list[tuple[str, str]]:
    return list(zip(trunk.names, trunk.kinds, strict=True))


@pytest.mark.parametrize("angle", [0.1, -0.3, 0.6])
def test_end_plates_are_tilted_as_the_vertebrae_are(trunk: Trunk, angle: float) -> None:
    """The Cobb angle of the picture is that of the bend, where nothing is turned or bent forwards."""
    tilt = angle * np.sin(np.linspace(0, np.pi * 1.5, COUNT))
    before = marked(trunk, shaped(trunk, no_difference()))
    after = marked(trunk, shaped(trunk, replace(no_difference(), tilt=tilt)))
    for end in (0, 1):
        # To the patient's right is to the left of the picture, where a tilted end plate goes down.
        change = slopes(after, end) - slopes(before, end)
        assert np.abs(change + tilt[list(MARKED)]).max() < np.radians(3.0)


def test_discs_stay_between_vertebrae_however_a_spine_is_bent(trunk: Trunk) -> None:
    for seed in range(12):
        points = shaped(trunk, draw_shape(trunk, np.random.default_rng(seed)))
        middle = points[trunk.rims].mean(axis=2)  # (17, 2, 3)
        gap = np.linalg.norm(middle[1:, 0] - middle[:-1, 1], axis=1)
        assert gap.min() > 0.5 and gap.max() < 22
        body = np.linalg.norm(middle[:, 1] - middle[:, 0], axis=1)
        assert (body > gap.mean()).all()


def test_left_and_right_are_those_of_the_picture_wherever_the_rays_come_from(trunk: Trunk) -> None:
    points = shaped(trunk, draw_shape(trunk, np.random.default_rng(3)))
    for behind in (False, True):
        corner = corners(trunk, straight_on(points, trunk, behind).projected(points)).reshape(17, 4, 2)
        assert (corner[:, [0, 2], 0] < corner[:, [1, 3], 0]).all()
        assert (corner[:, :2, 1] < corner[:, 2:, 1]).all()


def test_the_heart_lies_to_the_right_of_the_picture_of_a_body_that_faces_the_viewer(trunk: Trunk) -> None:
    points = shaped(trunk, no_difference())
    density = np.array([{"skin": 1.0, "lung": -1.0, "dome": 1.0}.get(kind, 0.0) for kind in trunk.kinds])
    seen = straight_on(points, trunk).projected(points)
    tissue = projected_thickness(seen[None], trunk.surfaces, density[None].astype(np.float32), (1200, 800))[0]
    middle = corners(trunk, seen)[4 * 8 : 4 * 9].mean(axis=0).round().astype(int)  # T9
    right, left = (tissue[middle[1], middle[0] + side * 100] for side in (1, -1))
    assert right > left + 20


def test_air_takes_away_no_more_than_there_is(trunk: Trunk) -> None:
    for seed in range(4):
        rng = np.random.default_rng(seed)
        shape = draw_shape(trunk, rng)
        points = shaped(trunk, shape)
        density = draw_densities(trunk, shape, rng)
        density[[kind == "gas" for kind in trunk.kinds]] = 0.0
        setup = straight_on(points, trunk)
        setup = replace(setup, pixel_mm=2.0, centre=np.array([150.0, 150.0]))
        total = projected_thickness(setup.projected(points)[None], trunk.surfaces, density[None], (300, 300))
        assert total.min() > -0.15 and total.max() > 2


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(real_skeleton: Path) -> None:
    def drawn(seed: int, number: int) -> Array:
        return SpineStream(seed, 2, (256, 96), path=str(real_skeleton)).batch(number).images

    assert drawn(3, 5).tobytes() == drawn(3, 5).tobytes()
    assert drawn(3, 5).tobytes() != drawn(4, 5).tobytes()
    assert drawn(3, 5).tobytes() != drawn(3, 6).tobytes()


def test_pictures_hold_their_corners_nearly_always(real_skeleton: Path) -> None:
    batch = SpineStream(1, 24, (256, 96), path=str(real_skeleton)).batch(0)
    assert batch.images.shape == (24, 256, 96) and batch.points.shape == (24, 68, 2)
    assert np.isfinite(batch.points).all() and np.isfinite(batch.images).all()
    assert batch.present.mean() > 0.95
    assert batch.images.min() >= 0 and batch.images.max() <= 1
    vertebra = batch.points.reshape(24, 17, 4, 2).mean(axis=2)
    assert (np.diff(vertebra[..., 1], axis=1) > 0).all()


def test_vertebrae_are_brighter_than_the_lungs_beside_them(real_skeleton: Path) -> None:
    stream = SpineStream(2, 12, (512, 192), disturbance=0.0, path=str(real_skeleton))
    batch = stream.batch(0)
    brighter = []
    for image, points in zip(batch.images, batch.points, strict=True):
        t6 = points[20:24]
        inside = image[tuple(np.rint(t6.mean(axis=0)).astype(int)[::-1])]
        row, column = int(t6[:, 1].mean()), int(t6[:, 0].min() - 20)
        if column > 0:
            brighter.append(abs(inside - image[row, column]) > 0.08)
    assert len(brighter) > 6 and np.mean(brighter) > 0.8


def test_a_sheet_is_written(real_skeleton: Path, tmp_path: Path) -> None:
    from PIL import Image

    write_spine_sheet(tmp_path / "sheet.png", count=2, columns=2, skeleton=str(real_skeleton))
    assert Image.open(tmp_path / "sheet.png").height > 500
