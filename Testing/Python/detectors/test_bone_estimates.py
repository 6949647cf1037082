"""Looking twice: networks that say where a landmark is in pictures give back where it is in space."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from LandmarkDetectionLib.detectors.bone_estimates import (
    AGAIN_MM,
    LEAST_MM,
    BodyEstimates,
    BodyView,
    body_image,
    first_look,
    joined,
    look_closely,
)
from LandmarkDetectionLib.imaging.body.patches import SIZE
from LandmarkDetectionLib.networks.silhouette_arrays import HeatmapArrays, SilhouetteArrays, pixel_centres
from LandmarkDetectionLib.typing import Array

ROWS, COLUMNS, SIDE, PIXEL = 128, 64, 48, 8.0
FINE = 2.5
ABSENT = np.array([False, False, False, False, True])
MIRROR = np.array([1, 0, 3, 2, 4])
# Two pairs close together, and one landmark that was not scanned.
TRUTH = np.array(
    [
        [[61.3, 10.0, 110.7], [-58.1, 12.0, 108.2], [44.4, -9.3, 90.1], [-71.0, 3.3, 133.0], [0.0, 0.0, 0.0]],
        [[90.2, 40.4, -20.5], [-101.9, 35.1, -33.0], [70.7, 61.3, -3.9], [-83.3, 22.2, -50.0], [0, 0, 0]],
    ]
)
REGIONS = (np.array([0, 2]), np.array([1, 3]), np.array([4]))


def heatmaps(place: Array, absent: Array, shape: tuple[int, int], stride: int) -> HeatmapArrays:
    """Normal distributions about pixels (B, L, 2), and nothing but absence where absent."""
    y, x = pixel_centres(shape[0] // stride, stride), pixel_centres(shape[1] // stride, stride)
    squared = (x - place[..., :1])[..., None, :] ** 2 + (y - place[..., 1:])[..., None] ** 2
    logits = 8.0 - squared / (2 * (1.5 * stride) ** 2)
    return HeatmapArrays(
        logits.astype(np.float32), np.where(absent, 30.0, -30.0).astype(np.float32), None, None
    )


class Knows(SilhouetteArrays):
    """A network of whole views that knows the answer, also of mirror images, which it tells by a mark."""

    def __init__(self, place: Array, level: int = 0) -> None:
        self.level, self.place = level, place

    def __call__(self, image: Array, chosen: Array | None = None) -> HeatmapArrays:
        place = self.place.copy()
        if image[0, 0, 0, -1] == 1:  # mirrored
            place[..., 0] = image.shape[3] - 1 - place[..., 0]
            place = place[:, MIRROR]
        return heatmaps(place, np.tile(ABSENT, (len(image), 1)), image.shape[2:], self.stride)


class KnowsClosely(SilhouetteArrays):
    """A network of regions that reads from its picture which scan is looked at, where, and if mirrored."""

    def __init__(self, truth: Array, lateral: bool, unsure: tuple[int, ...] = ()) -> None:
        self.level, self.truth, self.lateral, self.unsure = 0, truth, lateral, unsure

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
        offset = (middle - self.truth[scan, rows])[:, [1 if self.lateral else 0, 2]] / FINE
        if turned and not self.lateral:
            offset[:, 0] *= -1
        place = offset + (SIZE - 1) / 2
        absent = ABSENT[rows] | (np.abs(offset) > SIZE / 2).any(axis=1) | np.isin(rows, self.unsure)
        return heatmaps(place[None], absent[None], (SIZE, SIZE), self.stride)


def look(middles: Array, scans: Array) -> tuple[Array, Array]:
    """Pictures in which nothing is to be seen but where they are."""
    pictures = np.zeros((len(middles), 4, SIZE, SIZE), np.float32)
    pictures[:, 0, 0, :3], pictures[:, 0, 0, 3] = middles, scans
    pictures[:, 2] = (
        1.0  # bone behind the middle, which lies before it in the mirror image seen from the left
    )
    return pictures, pictures


def whole_views(level: int = 0) -> tuple[dict[str, Any], BodyView, BodyView]:
    """Networks and views of both scans; the first pixel of each lies elsewhere."""
    origins = np.array([[-250.0, -520.0], [-263.5, -488.0]])
    sides = np.array([[-190.0, -520.0], [-181.0, -488.0]])
    views, networks = [], {}
    for name, axis, origin, width in (("coronal", 0, origins, COLUMNS), ("lateral", 1, sides, SIDE)):
        image = np.zeros((2, 6, ROWS, width), np.float32)
        image[:, 0, 0, 0] = 1  # the mark
        place = (-TRUTH[..., [axis, 2]] - origin[:, None]) / PIXEL
        networks[name] = Knows(place, level)
        views.append(BodyView(image, origin))
    return networks, views[0], views[1]


def estimates(position: Array) -> BodyEstimates:
    """A first look that is sure of positions (B, L, 3) of what was scanned."""
    count = position.shape[:2]
    present = np.tile(np.where(ABSENT, 0.01, 0.9), (count[0], 1))
    covariance = np.tile(np.eye(3) * 64.0, (*count, 1, 1))
    return BodyEstimates(
        position, covariance, present, 0.5 * present, np.full(count, "first"), np.zeros((*count, 1, 1))
    )


@pytest.mark.parametrize("level", [0, 1])
def test_the_first_look_finds_where_landmarks_are_in_space(level: int) -> None:
    networks, coronal, lateral = whole_views(level)
    found = first_look(networks, coronal, lateral, PIXEL, MIRROR)
    np.testing.assert_allclose(found.position[:, ~ABSENT], TRUTH[:, ~ABSENT], atol=0.3)
    assert (found.present[:, ~ABSENT] > 0.99).all()
    assert (found.present[:, ABSENT] < 0.01).all()
    assert not (found.kind == "close").any()
    deviation = np.sqrt(np.einsum("blii->bli", found.covariance))[:, ~ABSENT]
    spread = 1.5 * 2 ** (level + 1) * PIXEL
    np.testing.assert_allclose(deviation[..., :2], np.hypot(spread, LEAST_MM), rtol=0.05)
    # Both views tell the height.
    np.testing.assert_allclose(deviation[..., 2], np.hypot(spread, LEAST_MM) / 2**0.5, rtol=0.05)


def test_a_close_look_corrects_what_the_first_one_missed() -> None:
    networks = {"fine_coronal": KnowsClosely(TRUTH, False), "fine_lateral": KnowsClosely(TRUTH, True)}
    first = estimates(TRUTH + np.array([6.0, -7.0, 5.0]))
    found = look_closely(networks, first, REGIONS, look, FINE, MIRROR)
    np.testing.assert_allclose(found.position[:, ~ABSENT], TRUTH[:, ~ABSENT], atol=0.05)
    assert (found.kind[:, ~ABSENT] == "close").all()
    assert (found.near[:, ~ABSENT] > 0.8).all()
    # What was not scanned is looked at no closer and stays as it was; so does what was given.
    np.testing.assert_array_equal(found.position[:, ABSENT], first.position[:, ABSENT])
    assert not (found.kind[:, ABSENT] == "close").any()
    np.testing.assert_array_equal(first.position, TRUTH + np.array([6.0, -7.0, 5.0]))


def test_a_region_that_lies_elsewhere_is_looked_at_once_more_about_what_was_found() -> None:
    networks = {"fine_coronal": KnowsClosely(TRUTH, False), "fine_lateral": KnowsClosely(TRUTH, True)}
    seen: list[Array] = []

    def watched(middles: Array, scans: Array) -> tuple[Array, Array]:
        seen.append(middles)
        return look(middles, scans)

    off = np.zeros_like(TRUTH)
    off[0, REGIONS[0]] = (0.0, AGAIN_MM + 12.0, 0.0)
    found = look_closely(networks, estimates(TRUTH + off), REGIONS, watched, FINE, MIRROR)
    assert [len(middles) for middles in seen] == [4, 1]
    np.testing.assert_allclose(seen[1][0], TRUTH[0, REGIONS[0]].mean(axis=0), atol=2)
    np.testing.assert_allclose(found.position[:, ~ABSENT], TRUTH[:, ~ABSENT], atol=0.05)


def test_what_one_of_the_close_views_does_not_see_stays_as_the_first_look_had_it() -> None:
    networks = {"fine_coronal": KnowsClosely(TRUTH, False), "fine_lateral": KnowsClosely(TRUTH, True, (2,))}
    first = estimates(TRUTH + 4.0)
    found = look_closely(networks, first, REGIONS, look, FINE, MIRROR)
    np.testing.assert_array_equal(found.position[:, 2], first.position[:, 2])
    np.testing.assert_array_equal(found.present[:, 2], first.present[:, 2])
    assert not (found.kind[:, 2] == "close").any()
    np.testing.assert_allclose(found.position[:, 0], TRUTH[:, 0], atol=0.05)


NUMBERS = st.floats(-500, 500)
VARIANCES = st.floats(0, 400)


@given(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS), st.tuples(*[VARIANCES] * 4), st.floats(-0.9, 0.9))
def test_views_are_joined_by_how_sure_they_are(
    places: tuple[float, ...], variances: tuple[float, ...], tilt: float
) -> None:
    front, left = np.array(places[:2]), np.array(places[2:])
    covariances = []
    for a, b in (variances[:2], variances[2:]):
        covariances.append(np.array([[a, tilt * (a * b) ** 0.5], [tilt * (a * b) ** 0.5, b]]))
    position, covariance = joined(front, covariances[0], left, covariances[1])
    a, b = (one[1, 1] + LEAST_MM**2 for one in covariances)
    expected = [-front[0], -left[0], -(front[1] / a + left[1] / b) / (1 / a + 1 / b)]
    np.testing.assert_allclose(position, expected, atol=1e-9)
    assert min(front[1], left[1]) - 1e-9 <= -position[2] <= max(front[1], left[1]) + 1e-9
    np.testing.assert_allclose(covariance, covariance.T)
    # Heights that differ make the joint one less sure; the same heights, as sure as two looks can be.
    _, agreed = joined(front, covariances[0], np.array([left[0], front[1]]), covariances[1])
    assert agreed[2, 2] == pytest.approx(1 / (1 / a + 1 / b))
    assert covariance[2, 2] >= agreed[2, 2] - 1e-9
    if abs(front[1] - left[1]) > 1:
        assert covariance[2, 2] > agreed[2, 2]
    assert np.linalg.eigvalsh(covariance).min() > 0


def test_a_view_without_bone_has_empty_channels_of_it() -> None:
    front = np.full((1, 8, 8), np.nan, np.float32)
    front[0, 2:6, 2:6] = 100
    inside = np.ones((1, 8, 8), bool)
    bone = np.where(np.isfinite(front), 9.0, 0).astype(np.float32)
    with_bone = body_image(front, front + 50, inside, bone, front + 20)
    without = body_image(front, front + 50, inside, None, None)
    assert with_bone.shape == without.shape == (1, 6, 8, 8)
    np.testing.assert_array_equal(with_bone[:, :4], without[:, :4])
    assert not without[:, 4:].any()
    assert with_bone[:, 4].max() > 0
