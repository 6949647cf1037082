"""Solids made of rings are closed, and rays through them measure what geometry says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from LandmarkDetectionLib.synthesis.bone_thickness import projected_thickness
from LandmarkDetectionLib.synthesis.radiograph.head.teeth import Arch, teeth
from LandmarkDetectionLib.synthesis.radiograph.solids import (
    Solid,
    ellipsoid,
    inner,
    joined,
    sagittal_cut,
    tube,
)

RADII = st.tuples(*[st.floats(3.0, 40.0)] * 3)


def volume(solid: Solid) -> float:
    return float(np.linalg.det(solid.vertices[solid.faces].astype(float)).sum() / 6)


def is_closed(solid: Solid) -> bool:
    edges = np.concatenate([solid.faces[:, [0, 1]], solid.faces[:, [1, 2]], solid.faces[:, [2, 0]]])
    there = {tuple(edge) for edge in edges.tolist()}
    return len(there) == len(edges) and {(b, a) for a, b in there} == there


@given(RADII)
@settings(max_examples=25, deadline=None)
def test_an_ellipsoid_is_closed_turned_outwards_and_nearly_as_large_as_a_round_one(
    radii: tuple[float, float, float],
) -> None:
    solid = ellipsoid((5.0, -3.0, 2.0), radii, 40)
    assert is_closed(solid)
    assert volume(solid) == pytest.approx(4 / 3 * np.pi * np.prod(radii), rel=0.05)


@given(RADII, st.floats(-0.8, 0.8))
@settings(max_examples=15, deadline=None)
def test_a_ray_through_an_ellipsoid_measures_its_chord(radii: tuple[float, float, float], off: float) -> None:
    vertices, surfaces = joined([ellipsoid((0, 0, 0), radii, 64)])
    # Seen along x: column is y, row is -z, and depth grows with -x.
    seen = np.stack([vertices[:, 1] + 50, 50 - vertices[:, 2], -vertices[:, 0]], axis=1)[None]
    length = projected_thickness(seen.astype(np.float32), surfaces, np.ones((1, 1), np.float32), (101, 101))
    column = round(off * radii[1])
    expected = 2 * radii[0] * np.sqrt(max(1 - (column / radii[1]) ** 2, 0))
    assert length[0, 50, 50 + column] == pytest.approx(expected, abs=0.06 * radii[0] + 0.3)
    assert length.min() > -1e-2


def test_what_is_under_a_cortex_is_smaller_by_its_thickness() -> None:
    solid = ellipsoid((0, 0, 0), (20, 20, 20), 48)
    assert np.abs(np.linalg.norm(inner(solid, 3.0).vertices[: 48 * 20], axis=1) - 17).max() < 0.7


def test_a_cut_lies_in_its_plane_and_on_the_surface() -> None:
    cut = sagittal_cut(ellipsoid((0, 0, 0), (20, 20, 20), 60), 5.0)
    assert np.allclose(cut[:, 0], 5.0)
    assert np.abs(np.hypot(cut[:, 1], cut[:, 2]) - np.sqrt(375)).max() < 0.8


def test_a_tube_is_closed() -> None:
    assert is_closed(tube(np.array([[0, 0, 0], [0, 1, 5], [0, 3, 9.0]]), np.full((3, 2), 2.0)))


@pytest.mark.parametrize("upper", [True, False])
def test_sixteen_teeth_are_closed_and_turned_outwards_and_incisors_stand_in_front(upper: bool) -> None:
    whole, crowns = teeth(Arch(np.array([0.0, 70.0, 0.0]), np.array([27.0, 28.0, 4.0]), upper))
    assert len(whole) == len(crowns) == 16
    for solid in (*whole, *crowns):
        assert is_closed(solid)
        assert volume(solid) > 0
    assert max(solid.vertices[:, 1].max() for solid in whole) == whole[0].vertices[:, 1].max()
    edge = whole[0].vertices[:, 2].min() if upper else whole[0].vertices[:, 2].max()
    assert edge == pytest.approx(0.0, abs=1.0)
