"""Close pictures of synthetic bodies: landmarks lie where the picture shows them, and none is forgotten."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("anny", reason="synthetic bodies need anny")

from LandmarkDetectionLib.imaging.body.patches import DEPTH_MM, SIZE
from LandmarkDetectionLib.synthesis.body.bone_views import DenseBodies
from LandmarkDetectionLib.synthesis.body.model import load_body_model
from LandmarkDetectionLib.synthesis.body.regions import (
    WITHIN_MM,
    RegionBatch,
    RegionStream,
    Scans,
    group_landmarks,
)
from LandmarkDetectionLib.synthesis.body.scanner import FieldOfView
from LandmarkDetectionLib.synthesis.bone_thickness import Surfaces
from LandmarkDetectionLib.typing import Array

PLACE = st.tuples(*[st.floats(-600, 600)] * 3)
NO_SURFACES = Surfaces(np.zeros((0, 3), np.int32), np.zeros(1, np.int64), np.zeros(1, np.int64))
PIXEL = 2.5


@settings(deadline=None)
@given(st.lists(PLACE, min_size=1, max_size=16), st.floats(5, 200))
def test_every_landmark_is_in_one_region_that_a_box_holds(
    places: list[tuple[float, ...]], reach: float
) -> None:
    names = tuple(f"landmark_{n}" for n in range(len(places)))
    positions = np.array(places)
    groups = group_landmarks(names, positions[None], (reach, reach, reach))
    assert sorted(name for group in groups for name in group) == sorted(names)
    for group in groups:
        inside = positions[[names.index(name) for name in group]]
        assert (np.abs(inside - inside.mean(axis=0)) <= reach + 1e-6).all()
    assert [len(group) for group in groups] == sorted((len(group) for group in groups), reverse=True)


def test_neighbours_share_a_region() -> None:
    positions = np.array([[0.0, 0, 0], [0.5, 0.5, 0.9], [3, 0, 0], [0.2, 0, 0.4]]) * np.array(WITHIN_MM)
    assert group_landmarks(("a", "b", "c", "d"), positions[None]) == (("a", "b", "d"), ("c",))


def test_landmarks_that_part_in_some_postures_do_not_share_a_region() -> None:
    """As an elbow and a hip, which lie side by side while the arms hang down."""
    bodies = np.zeros((20, 2, 3))
    bodies[::4, 1, 2] = 400.0
    assert group_landmarks(("hip", "elbow"), bodies) == (("hip",), ("elbow",))
    bodies[:, 1, 2] = 20.0
    assert group_landmarks(("hip", "elbow"), bodies) == (("hip", "elbow"),)


def test_ends_of_limbs_are_looked_at_by_themselves() -> None:
    names = ("thumb_left", "wrist_left", "big_toe_left")
    assert group_landmarks(names, np.zeros((3, 3, 3))) == (
        ("thumb_left",),
        ("wrist_left",),
        ("big_toe_left",),
    )


def scans(places: Array, half: float = 5.0, low: float = -2000.0, high: float = 2000.0) -> Scans:
    """The mean body without bones, and a dense ball at every place (L, 3)."""
    model = load_body_model()
    parts = np.array([[[*place, half, half, half, 1.0] for place in places]], np.float32)
    nothing = np.zeros((1, 0, 3), np.float32)
    box = np.full((1, 3), 2000, np.float32)
    box_low, box_high = -box, box.copy()
    box_low[0, 2], box_high[0, 2] = low, high
    return Scans(
        model.template[None].astype(np.float32),
        DenseBodies(nothing, NO_SURFACES, np.zeros((1, 0), np.float32), parts, {}),
        np.array([places], np.float32),
        FieldOfView(box_low, box_high, np.zeros(1, int)),
        disturbance=0.0,
    )


def look(seen: Scans, centre: Array, lateral: bool) -> tuple[Array, Array]:
    """Channels (4, SIZE, SIZE) and landmarks (L, 3) of one region about a place."""
    one = np.zeros(1, int)
    pictures, marks = seen.pictures(one, centre[None], np.array([PIXEL]), np.zeros(1), one, lateral)
    return pictures[0], marks[0]


def chest() -> Array:
    """A place in the middle of the mean body's trunk."""
    model = load_body_model()
    return np.asarray(model.joints_template[model.bone("spine02")], float) + np.array([0.0, 30.0, 0.0])


@settings(max_examples=15)
@given(st.tuples(*[st.floats(-35, 35)] * 3), st.booleans())
def test_a_landmark_is_marked_where_the_picture_shows_it(offset: tuple[float, ...], lateral: bool) -> None:
    middle = chest()
    seen = scans((middle + offset)[None])
    (_, amount, depth, _), marks = look(seen, middle, lateral)
    row, column = np.unravel_index(amount.argmax(), amount.shape)
    weight = amount**2
    centre = [(weight.sum(axis=axis) * np.arange(SIZE)).sum() / weight.sum() for axis in (0, 1)]
    np.testing.assert_allclose(marks[0, :2], centre, atol=0.15)
    assert marks[0, 2] == pytest.approx(depth[row, column], abs=0.5 / DEPTH_MM)
    # From the geometry of a slab: columns to the left or to the back, rows down, depth to the back or right.
    right, anterior, superior = offset
    across, behind = (-anterior, right) if lateral else (-right, -anterior)
    expected = (across / PIXEL + (SIZE - 1) / 2, -superior / PIXEL + (SIZE - 1) / 2, behind / DEPTH_MM)
    np.testing.assert_allclose(marks[0], expected, atol=1e-3)


def test_what_lies_before_or_behind_the_slab_is_not_shown() -> None:
    middle = chest()
    for lateral, axis in ((False, 1), (True, 0)):
        for sign in (1.0, -1.0):
            offset = np.zeros(3)
            offset[axis] = sign * (DEPTH_MM + 6)
            (silhouette, amount, _, inside), marks = look(scans((middle + offset)[None]), middle, lateral)
            assert not amount.any()
            assert abs(marks[0, 2]) > 1
            assert silhouette.any()
            assert inside.all()


def test_what_was_not_scanned_is_neither_body_nor_inside() -> None:
    middle = chest()
    seen = scans(middle[None], high=float(middle[2]) + 20.0)
    for lateral in (False, True):
        silhouette, amount, _, inside = look(seen, middle, lateral)[0]
        above = (np.arange(SIZE) - (SIZE - 1) / 2) * -PIXEL > 20
        assert not silhouette[above].any()
        assert not amount[above].any()
        np.testing.assert_array_equal(inside.astype(bool), np.broadcast_to(~above[:, None], inside.shape))


@pytest.fixture(scope="module")
def stream(own_skeleton: Path) -> RegionStream:
    return RegionStream(("femoral_head_right", "knee_right", "vertebra_l3", "chin"), seed=3, batch_size=16)


@pytest.fixture(scope="module")
def batch(stream: RegionStream) -> RegionBatch:
    return stream.batch(2)


def arrays(batch: RegionBatch) -> list[Array]:
    return [
        np.asarray(one)
        for field in fields(batch)
        for value in [getattr(batch, field.name)]
        for one in (value if isinstance(value, tuple) else (value,))
    ]


def test_the_same_seed_gives_the_same_regions(stream: RegionStream, batch: RegionBatch) -> None:
    for mine, again in zip(arrays(batch), arrays(stream.batch(2)), strict=True):
        assert mine.tobytes() == again.tobytes()
    assert not np.array_equal(batch.centre, replace(stream, seed=4).batch(2).centre)


def test_visible_landmarks_lie_in_both_pictures_and_in_the_slab(batch: RegionBatch) -> None:
    assert batch.visible.any(axis=1).mean() > 0.4
    for pictures, marks in (batch.coronal, batch.lateral):
        assert pictures.shape == (16, 4, SIZE, SIZE)
        assert np.isfinite(pictures).all()
        seen = marks[batch.visible]
        assert ((seen[:, :2] >= 0) & (seen[:, :2] <= SIZE - 1)).all()
        assert (np.abs(seen[:, 2]) <= 1).all()
    # Both pictures share their rows, and the depth of one is the column of the other.
    np.testing.assert_allclose(batch.coronal[1][..., 1], batch.lateral[1][..., 1], atol=1e-3)
    assert (batch.coronal[0][:, 1].max(axis=(1, 2)) > 0).mean() > 0.7
