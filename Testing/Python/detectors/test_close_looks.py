"""Looking closely: what is in doubt is looked at where others expect it, and they choose among peaks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from LandmarkDetectionLib.detectors.bone_estimates import BodyEstimates
from LandmarkDetectionLib.detectors.close_looks import (
    AGAIN_MM,
    REACH_MM,
    grouped,
    look_again,
    look_closely,
)
from LandmarkDetectionLib.detectors.neighbours import Shape
from LandmarkDetectionLib.imaging.body.patches import SIZE
from LandmarkDetectionLib.networks.silhouette_arrays import HeatmapArrays, SilhouetteArrays, pixel_centres
from LandmarkDetectionLib.typing import Array

FINE = 2.5
ABSENT = np.array([False, False, False, False, True])
MIRROR = np.array([1, 0, 3, 2, 4])
# Two pairs close together, and one landmark that was not scanned; the same in a body that lies elsewhere.
BODY = np.array(
    [[61.3, 10.0, 110.7], [-58.1, 12.0, 108.2], [44.4, -9.3, 90.1], [-71.0, 3.3, 133.0], [0.0, 0.0, 0.0]]
)
OTHER = np.array([[3.0, -2.0, 1.0], [-4.0, 0.5, 2.0], [1.0, 3.0, -3.0], [2.0, -1.0, -4.0], [0.0, 0.0, 0.0]])
TRUTH = np.stack([BODY, BODY + OTHER + [30.2, 28.4, -133.1]])
#: Bodies alike to a centimetre, that lie anywhere.
SHAPE = Shape(BODY, 100.0 * np.eye(5)[:, :, None, None] * np.eye(3))


class KnowsClosely(SilhouetteArrays):
    """A network of regions that reads from its picture which scan is looked at, where, and if mirrored.

    ``also`` are offsets in mm at which it sees a landmark once more, and more clearly.
    """

    def __init__(
        self,
        lateral: bool,
        unsure: tuple[int, ...] = (),
        also: dict[int, tuple[float, float, float]] | None = None,
    ) -> None:
        self.level, self.lateral, self.unsure, self.also = 0, lateral, unsure, also or {}

    def features(self, image: Array) -> tuple[Array, Array]:
        return image, np.zeros((len(image), 1), np.float32)

    def maps(
        self, features: Array, overview: Array, image: Array, chosen: Array | None = None
    ) -> HeatmapArrays:
        assert chosen is not None
        turned = image[0, 2].sum() < 0 if self.lateral else image[0, 0, 0, 0] == 0
        marks = image[0, 0, 0, ::-1] if turned and not self.lateral else image[0, 0, 0]
        rows = MIRROR[chosen] if turned else chosen
        middle, scan = marks[:3], int(marks[3])
        axes = [1 if self.lateral else 0, 2]

        def place(truth: Array) -> Array:
            offset = (middle - truth)[..., axes] / FINE
            if turned and not self.lateral:
                offset[..., 0] *= -1
            return offset + (SIZE - 1) / 2

        places = place(TRUTH[scan, rows])
        inside = (np.abs(places - (SIZE - 1) / 2) <= SIZE / 2).all(axis=1)
        centres = pixel_centres(SIZE // self.stride, self.stride)

        def spots(at: Array) -> Array:
            squared = (centres - at[:, :1])[:, None, :] ** 2 + (centres - at[:, 1:])[:, :, None] ** 2
            return np.asarray(np.exp(-squared / (2 * (1.5 * self.stride) ** 2)))

        maps = spots(places) * inside[:, None, None]
        more = np.array([row in self.also for row in rows])
        if more.any():
            away = np.array([self.also.get(int(row), (0, 0, 0)) for row in rows])
            maps += 2 * spots(place(TRUTH[scan, rows] + away)) * more[:, None, None]
        absent = ABSENT[rows] | ~(inside | more) | np.isin(rows, self.unsure)
        logits = np.log(np.maximum(maps, 1e-9))
        return HeatmapArrays(
            logits[None].astype(np.float32),
            np.where(absent, 30.0, -30.0)[None].astype(np.float32),
            None,
            None,
        )


def networks(**more: Any) -> dict[str, Any]:
    return {"fine_coronal": KnowsClosely(False, **more), "fine_lateral": KnowsClosely(True, **more)}


class Watched:
    """Pictures in which nothing is to be seen but where they are, and what they were asked for."""

    def __init__(self) -> None:
        self.middles: list[Array] = []

    def __call__(self, middles: Array, scans: Array) -> tuple[Array, Array]:
        self.middles.append(middles)
        pictures = np.zeros((len(middles), 4, SIZE, SIZE), np.float32)
        pictures[:, 0, 0, :3], pictures[:, 0, 0, 3] = middles, scans
        # Bone behind the middle, which lies before it in the mirror image seen from the left.
        pictures[:, 2] = 1.0
        return pictures, pictures


def estimates(position: Array) -> BodyEstimates:
    """A first look that is sure of positions (B, L, 3) of what was scanned."""
    count = position.shape[:2]
    present = np.tile(np.where(ABSENT, 0.01, 0.9), (count[0], 1))
    covariance = np.tile(np.eye(3) * 64.0, (*count, 1, 1))
    return BodyEstimates(
        position, covariance, present, 0.5 * present, np.full(count, "first"), np.zeros((*count, 1, 1))
    )


def both_looks(first: BodyEstimates, look: Watched, shape: Shape | None = None, **more: Any) -> BodyEstimates:
    close, regions = look_closely(networks(**more), first, look, FINE, MIRROR, shape)
    return look_again(networks(**more), first, close, regions, look, FINE, MIRROR, shape)


def test_a_close_look_corrects_what_the_first_one_missed() -> None:
    first = estimates(TRUTH + np.array([6.0, -7.0, 5.0]))
    look = Watched()
    found = both_looks(first, look)
    np.testing.assert_allclose(found.position[:, ~ABSENT], TRUTH[:, ~ABSENT], atol=0.05)
    assert (found.kind[:, ~ABSENT] == "close").all()
    assert (found.near[:, ~ABSENT] > 0.8).all()
    # Neighbours share a picture, and one look was enough.
    assert [len(middles) for middles in look.middles] == [4]
    # What was not scanned is looked at no closer and stays as it was; so does what was given.
    np.testing.assert_array_equal(found.position[:, ABSENT], first.position[:, ABSENT])
    assert not (found.kind[:, ABSENT] == "close").any()
    np.testing.assert_array_equal(first.position, TRUTH + np.array([6.0, -7.0, 5.0]))


def test_a_region_that_lies_elsewhere_is_looked_at_once_more_about_what_was_found() -> None:
    off = np.zeros_like(TRUTH)
    off[0, [0, 2]] = (0.0, AGAIN_MM + 12.0, 0.0)
    look = Watched()
    found = both_looks(estimates(TRUTH + off), look)
    assert [len(middles) for middles in look.middles] == [4, 1]
    np.testing.assert_allclose(look.middles[1][0], TRUTH[0, [0, 2]].mean(axis=0), atol=2)
    np.testing.assert_allclose(found.position[:, ~ABSENT], TRUTH[:, ~ABSENT], atol=0.05)


def test_what_one_of_the_close_views_does_not_see_stays_as_the_first_look_had_it() -> None:
    first = estimates(TRUTH + 4.0)
    found = both_looks(first, Watched(), unsure=(2,))
    np.testing.assert_allclose(found.position[:, 2], first.position[:, 2], atol=0.01)
    np.testing.assert_array_equal(found.present[:, 2], first.present[:, 2])
    assert not (found.kind[:, 2] == "close").any()
    np.testing.assert_allclose(found.position[:, 0], TRUTH[:, 0], atol=0.05)


def test_of_two_places_that_look_alike_the_others_choose() -> None:
    also = {3: (0.0, 15.0, -60.0)}
    deceived = both_looks(estimates(TRUTH), Watched(), also=also)
    assert np.linalg.norm(deceived.position[:, 3] - TRUTH[:, 3], axis=1).min() > 50
    found = both_looks(estimates(TRUTH), Watched(), SHAPE, also=also)
    np.testing.assert_allclose(found.position[:, 3], TRUTH[:, 3], atol=1)
    # That it was expected makes it look no surer than it was seen, nor its place less spread.
    assert (found.near[:, 3] < 0.4).all()
    assert (found.covariance[:, 3, 2, 2] > 20.0**2).all()


def test_what_was_lost_is_looked_for_where_the_others_expect_it() -> None:
    off = np.zeros_like(TRUTH)
    off[:, 1] = (0.0, 0.0, 300.0)
    first = estimates(TRUTH + off)
    first.present[:, 1] = 0.6
    first.covariance[:, 1] = np.eye(3) * 150.0**2
    lost = both_looks(first, Watched())
    assert (np.linalg.norm(lost.position[:, 1] - TRUTH[:, 1], axis=1) > 250).all()
    found = both_looks(first, Watched(), SHAPE)
    np.testing.assert_allclose(found.position[:, 1], TRUTH[:, 1], atol=0.1)
    assert (found.kind[:, 1] == "close").all()


def test_what_nobody_sees_lies_between_the_first_look_and_what_others_expect() -> None:
    off = np.zeros_like(TRUTH)
    off[:, 1] = (0.0, 0.0, 90.0)
    first = estimates(TRUTH + off)
    first.covariance[:, 1] = np.eye(3) * 60.0**2
    found = both_looks(first, Watched(), SHAPE, unsure=(1,))
    assert (found.kind[:, 1] == "first").all()
    assert (np.linalg.norm(found.position[:, 1] - TRUTH[:, 1], axis=1) < 30).all()
    assert (found.present[:, 1] == first.present[:, 1]).all()


@given(st.lists(st.tuples(*[st.floats(-600, 600)] * 3), min_size=1, max_size=30), st.floats(5, 200))
def test_every_landmark_is_in_one_group_that_a_box_holds(
    places: list[tuple[float, float, float]], reach: float
) -> None:
    points = np.array(places)
    rows = np.arange(len(points))[::2]
    groups = grouped(points, rows, reach)
    assert sorted(np.concatenate(groups).tolist()) == rows.tolist()
    for group in groups:
        assert (np.ptp(points[group], axis=0) <= 2 * reach * (1 + 1e-9)).all()
    assert [len(group) for group in groups] == sorted((len(group) for group in groups), reverse=True)


def test_neighbours_share_a_picture() -> None:
    points = np.array([[0.0, 0, 0], [1.5, 0.5, 0.9], [4, 0, 0], [0.2, 0, 0.4]]) * REACH_MM
    assert [rows.tolist() for rows in grouped(points, np.arange(4))] == [[0, 1, 3], [2]]


@pytest.mark.parametrize("shape", [None, SHAPE], ids=["nobody expects anything", "others expect"])
def test_where_nothing_was_scanned_nothing_is_looked_at(shape: Shape | None) -> None:
    first = estimates(TRUTH)
    first.present[:] = 0.1
    look = Watched()
    found = both_looks(first, look, shape)
    assert look.middles == []
    np.testing.assert_array_equal(found.position, first.position)
