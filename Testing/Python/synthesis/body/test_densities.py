"""How dense bones are drawn, and ellipsoids that are as dense as bone against their closed form."""

from __future__ import annotations

import numpy as np
import pytest

from LandmarkDetectionLib.synthesis.body.binding import Binding
from LandmarkDetectionLib.synthesis.body.densities import (
    MOST,
    add_dense_parts,
    draw_dense_parts,
    draw_densities,
)
from LandmarkDetectionLib.typing import Array

SIZE, PIXEL = 60, 2.0


def look(parts: list[tuple[float, ...]], lateral: bool, near: float, far: float) -> tuple[Array, Array]:
    """Thickness and moment (SIZE, SIZE) of ellipsoids: centre, half axes, density."""
    thickness, moment = np.zeros((2, 1, SIZE, SIZE), np.float32)
    add_dense_parts(
        np.array([parts], np.float32),
        lateral,
        np.full((1, 2), -PIXEL * (SIZE - 1) / 2, np.float32),
        np.full((1, 2), PIXEL, np.float32),
        np.array([near], np.float32),
        np.array([far], np.float32),
        thickness,
        moment,
    )
    return thickness[0], moment[0]


@pytest.mark.parametrize("lateral", [False, True])
@pytest.mark.parametrize(
    ("near", "far"), [(-100.0, 100.0), (-8.0, 100.0), (-100.0, 3.0), (-5.0, 4.0), (40.0, 60.0)]
)
def test_an_ellipsoid_counts_with_its_chord_within_the_slab(lateral: bool, near: float, far: float) -> None:
    x, y, z, rx, ry, rz, density = 6.0, -4.0, 9.0, 20.0, 14.0, 30.0, 0.4
    thickness, moment = look([(x, y, z, rx, ry, rz, density)], lateral, near, far)
    place = (np.arange(SIZE) - (SIZE - 1) / 2) * PIXEL
    across, deep, half_across, half_deep = (4.0, 6.0, ry, rx) if lateral else (-6.0, 4.0, rx, ry)
    square = 1 - ((place[None] - across) / half_across) ** 2 - ((place[:, None] + z) / rz) ** 2
    half = half_deep * np.sqrt(np.maximum(square, 0))
    enter, leave = np.clip(deep - half, near, far), np.clip(deep + half, near, far)
    np.testing.assert_allclose(thickness, density * (leave - enter), atol=2e-3)
    expected = density * ((leave - near) ** 2 - (enter - near) ** 2) / 2
    np.testing.assert_allclose(moment, expected, atol=0.5, rtol=1e-3)


def test_what_is_not_there_adds_nothing_and_the_rest_adds_up() -> None:
    one, other = (0.0, 0.0, 0.0, 9.0, 9.0, 9.0, 0.5), (8.0, 1.0, 2.0, 12.0, 6.0, 4.0, 1.0)
    nothing = (0.0, 0.0, 0.0, 30.0, 30.0, 30.0, 0.0)
    both = look([one, nothing, other], False, -50, 50)
    for whole, first, second in zip(
        both, look([one], False, -50, 50), look([other], False, -50, 50), strict=True
    ):
        np.testing.assert_allclose(whole, first + second, atol=1e-3)


def test_bones_are_denser_than_their_marrow_and_discs_seldom_show(small_binding: Binding) -> None:
    density = draw_densities(small_binding, 200, np.random.default_rng(0))
    bones = len(small_binding.names)
    assert density.shape == (200, bones + len(small_binding.cavity_of))
    assert density.dtype == np.float32
    assert 0 <= density[:, :bones].min()
    assert density[:, :bones].max() < 1.6
    # A cavity takes away some of its bone, and never more than there is.
    assert (density[:, bones:] <= 0).all()
    assert (density[:, small_binding.cavity_of] + density[:, bones:] >= 0).all()
    discs = [n for n, name in enumerate(small_binding.names) if "disk" in name]
    # In some bodies discs show, as dense as the inside of bones at most.
    shown = density[:, discs].any(axis=1)
    assert 0.2 < shown.mean() < 0.6
    assert density[:, discs].max() < 0.35
    femur, rib = (small_binding.names.index(name) for name in ("Right_femur", "Left_sixth_rib"))
    assert density[:, femur].mean() > density[:, rib].mean() + 0.2
    spine = [n for n, name in enumerate(small_binding.names) if name.endswith("vertebra") and n not in discs]
    assert 0 < (density[:, spine] == 0).mean() < 0.03  # too faint to be seen


def test_bones_of_one_body_are_strong_or_weak_together(small_binding: Binding) -> None:
    density = draw_densities(small_binding, 300, np.random.default_rng(1))
    kinds = ("Third_lumbar_vertebra", "Left_tibia", "Right_hip_bone")
    chosen = density[:, [small_binding.names.index(name) for name in kinds]]
    assert np.corrcoef(chosen.T)[np.triu_indices(3, 1)].min() > 0.3


def test_dense_parts_are_finite_and_of_a_size_that_bodies_hold(small_binding: Binding) -> None:
    points = np.zeros((40, len(small_binding.bone_index), 3), np.float32)
    points[:, :, 2] = np.linspace(0, 1600, points.shape[1])
    points[:, small_binding.point("vertebra_t1"), 2] = 1400
    points[:, small_binding.point("vertebra_l5"), 2] = 960
    parts = draw_dense_parts(small_binding, points, np.random.default_rng(2))
    assert parts.shape == (40, MOST, 7)
    assert np.isfinite(parts).all()
    there = parts[..., 6] > 0
    assert 0.3 < there.any(axis=1).mean() < 0.95
    assert parts[there][:, 3:6].min() > 0
    assert parts[there][:, 3:6].max() < 120
    assert parts[there][:, 6].max() <= 1
    assert not parts[~there].any()
