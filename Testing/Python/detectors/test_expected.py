"""Found landmarks tell where the others are: what contradicts them is not believed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from LandmarkDetectionLib.correction import JointGaussian, Observed, of_shapes, propagate
from LandmarkDetectionLib.detectors.bone_estimates import BodyEstimates
from LandmarkDetectionLib.detectors.expected import AXES, expected, less_likely, of_people, with_expected
from LandmarkDetectionLib.imaging.body.patches import SIZE
from LandmarkDetectionLib.networks.silhouette_arrays import HeatmapArrays, SilhouetteArrays, pixel_centres
from LandmarkDetectionLib.typing import Array

COUNT, PIXEL, MARK = 24, 2.5, 7.0
REGIONS = (np.arange(0, 8), np.arange(8, 16), np.arange(16, 24))
MIRROR = np.arange(COUNT)


@pytest.fixture(scope="module")
def shapes() -> Array:
    """Bodies (N, L, 3) RAS mm that differ in size, place and three ways of their own."""
    rng = np.random.default_rng(4)
    mean = rng.uniform(-1, 1, (COUNT, 3)) * (200, 120, 700)
    ways = rng.normal(0, 12, (3, COUNT, 3))
    drawn = mean * rng.normal(1, 0.06, (600, 1, 1)) + np.einsum(
        "nk,klx->nlx", rng.normal(0, 1, (600, 3)), ways
    )
    return np.asarray(drawn + rng.normal(0, 100, (600, 1, 3)) + rng.normal(0, 3, drawn.shape))


@pytest.fixture(scope="module")
def joint(shapes: Array) -> JointGaussian:
    return of_shapes(shapes[:-1] @ AXES.T)


def estimates(places: Array, found: Array, noise: float = 3.0) -> BodyEstimates:
    """Close looks found some landmarks; the first look is unsure of the others."""
    spread = np.where(found, noise, 40.0)
    return BodyEstimates(
        places[None],
        (spread[:, None, None] ** 2 * np.eye(3))[None],
        np.full((1, COUNT), 0.9),
        np.where(found, 0.9, 0.3)[None],
        np.where(found, "close", "first")[None],
        np.zeros((1, COUNT, 1, 1)),
    )


class Sees(SilhouetteArrays):
    """A network of regions that finds what lies in its picture, and says of nothing else that it is there."""

    def __init__(self, truth: Array, axis: int) -> None:
        self.level, self.truth, self.axis = 0, truth, axis

    def features(self, image: Array) -> tuple[Array, Array]:
        return image, np.zeros((len(image), 1), np.float32)

    def maps(
        self, features: Array, overview: Array, image: Array, chosen: Array | None = None
    ) -> HeatmapArrays:
        assert chosen is not None
        turned = image[0, 0, 0, 3] != MARK
        middle = (image[0, 0, 0, ::-1] if turned else image[0, 0, 0])[:3]
        place = (middle - self.truth[chosen])[:, [self.axis, 2]] / PIXEL
        place = place * (-1 if turned else 1, 1) + (SIZE - 1) / 2
        centres = pixel_centres(SIZE // self.stride, self.stride)
        squared = (centres - place[:, :1])[:, None] ** 2 + (centres - place[:, 1:])[..., None] ** 2
        seen = ((place > 2) & (place < SIZE - 3)).all(axis=1)
        logits = np.where(seen[:, None, None], 8.0 - squared / 8.0, -30.0)
        return HeatmapArrays(
            logits[None].astype(np.float32), np.where(seen, -9.0, 9.0)[None].astype(np.float32), None, None
        )


def look(middles: Array, scans: Array) -> tuple[Array, Array]:
    """Pictures that hold where they are, and a mark that is elsewhere when they are turned round."""
    pictures = np.zeros((len(middles), 4, SIZE, SIZE), np.float32)
    pictures[:, 0, 0, :3], pictures[:, 0, 0, 3] = middles, MARK
    return pictures, pictures


def sees(truth: Array) -> dict[str, Any]:
    return {"fine_coronal": Sees(truth, 0), "fine_lateral": Sees(truth, 1)}


def test_every_landmark_is_expected_where_the_others_put_it(shapes: Array, joint: JointGaussian) -> None:
    truth = shapes[-1]
    found = np.ones(COUNT, bool)
    said = expected(joint, truth, np.tile(np.eye(3), (COUNT, 1, 1)), found)
    error = np.linalg.norm(said.place - truth, axis=1)
    deviation = np.sqrt(np.linalg.eigvalsh(said.covariance)[:, -1])
    assert np.median(error) < 12
    assert (error < 4.5 * deviation).all()
    # What one of them says about itself does not matter.
    moved = truth.copy()
    moved[5] += 300.0
    again = expected(joint, moved, np.tile(np.eye(3), (COUNT, 1, 1)), found)
    np.testing.assert_allclose(again.place[5], said.place[5], atol=1e-3)
    np.testing.assert_allclose(again.covariance[5], said.covariance[5], rtol=1e-4)


def test_axes_turned_with_the_landmarks_turn_the_answer(shapes: Array) -> None:
    """The order of axes in the joint Gaussian is no part of what is expected."""
    truth, found = shapes[-1], np.arange(COUNT) < 15
    joint = of_shapes(shapes[:-1] @ AXES.T)
    noise = np.tile(np.diag([1.0, 4.0, 9.0]), (COUNT, 1, 1))
    said = expected(joint, truth, noise, found)
    mean, _ = of_shapes(shapes[:-1]).given(truth, noise + 16.0 * np.eye(3), found)
    np.testing.assert_allclose(said.place[~found], mean[~found], atol=0.5)


def test_what_is_not_found_is_looked_for_where_it_is_expected(shapes: Array, joint: JointGaussian) -> None:
    truth = shapes[-1]
    found = np.ones(COUNT, bool)
    found[20:24] = False
    places = truth.copy()
    places[20:24] += (0.0, 0.0, 180.0)
    answer = with_expected(
        sees(truth), estimates(places, found), (*REGIONS[:2], np.arange(20, 21)), look, PIXEL, MIRROR, joint
    )
    assert answer.kind[0, 20] == "close"
    np.testing.assert_allclose(answer.position[0, 20], truth[20], atol=2.0)
    # What was found stays where it was.
    np.testing.assert_array_equal(answer.position[0, :20], truth[:20])
    # The others were in no region that was looked at; they lie where they are expected, no surer than before.
    error = np.linalg.norm(answer.position[0, 21:] - truth[21:], axis=1)
    deviation = np.sqrt(np.linalg.eigvalsh(answer.covariance[0, 21:])[:, -1])
    assert (answer.kind[0, 21:] == "first").all()
    assert (error < 4 * deviation).all() and (error < 60).all()
    np.testing.assert_array_equal(answer.near[0, 21:], np.full(3, 0.3))


def test_what_contradicts_all_others_is_not_believed(shapes: Array, joint: JointGaussian) -> None:
    truth, found = shapes[-1], np.ones(COUNT, bool)
    places = truth.copy()
    places[3] += (0.0, 20.0, -170.0)
    blind = sees(np.full_like(truth, 1e6))
    answer = with_expected(blind, estimates(places, found), REGIONS, look, PIXEL, MIRROR, joint)
    assert answer.kind[0, 3] == "first"
    assert (np.delete(answer.kind[0], 3) == "close").all()
    assert np.linalg.norm(answer.position[0, 3] - truth[3]) < 40
    # And found again by whoever looks where it is expected.
    answer = with_expected(
        sees(truth), estimates(places, found), (np.array([3]),), look, PIXEL, MIRROR, joint
    )
    assert answer.kind[0, 3] == "close"
    np.testing.assert_allclose(answer.position[0, 3], truth[3], atol=2.0)


def test_few_found_landmarks_tell_nothing(shapes: Array, joint: JointGaussian) -> None:
    found = np.arange(COUNT) < 7
    before = estimates(shapes[-1], found)
    answer = with_expected({}, before, REGIONS, look, PIXEL, MIRROR, joint)
    np.testing.assert_array_equal(answer.position, before.position)
    np.testing.assert_array_equal(answer.kind, before.kind)


def test_what_is_not_found_is_drawn_towards_where_it_is_expected(shapes: Array, joint: JointGaussian) -> None:
    """The less the first look knows, the more; and along the axes that it knows least."""
    truth, found = shapes[-1], np.arange(COUNT) < 20
    noise = np.diag([60.0, 60.0, 0.5]) ** 2
    spread = estimates(truth, found).covariance[0]
    spread[20:] = noise
    said = expected(joint, truth, spread, found)
    usual = np.sqrt(np.einsum("lii->li", said.covariance[20:]))
    places = truth.copy()
    places[20:] = said.place[20:] + usual * (2.0, -2.0, 2.0)
    before = estimates(places, found)
    before.covariance[0] = spread
    blind = sees(np.full_like(truth, 1e6))
    answer = with_expected(blind, before, REGIONS[:2], look, PIXEL, MIRROR, joint)
    left = (answer.position[0, 20:] - said.place[20:]) / (places[20:] - said.place[20:])
    assert (answer.kind[0, 20:] == "first").all()
    assert (np.abs(left[:, :2]) < 0.6).all()
    np.testing.assert_allclose(left[:, 2], 1.0, atol=0.1)
    # Surer of its place, but no surer of having found it.
    assert (np.linalg.det(answer.covariance[0, 20:]) < np.linalg.det(noise)).all()
    np.testing.assert_array_equal(answer.near[0, 20:], np.full(4, 0.3))


def test_what_lies_farther_from_where_it_is_expected_is_less_sure(
    shapes: Array, joint: JointGaussian
) -> None:
    truth, found = shapes[-1], np.ones(COUNT, bool)
    said = expected(joint, truth, estimates(truth, found).covariance[0], found)
    away = truth[3] - said.place[3]
    away /= np.linalg.norm(away)
    near = []
    for mm in (0.0, 16.0, 24.0):
        places = truth.copy()
        places[3] = said.place[3] + mm * away
        blind = sees(np.full_like(truth, 1e6))
        answer = with_expected(blind, estimates(places, found), REGIONS, look, PIXEL, MIRROR, joint)
        assert answer.kind[0, 3] == "close"
        np.testing.assert_array_equal(answer.position[0, 3], places[3])
        near.append(answer.near[0, 3])
    assert near[0] == pytest.approx(0.9)
    assert near[0] > near[1] > near[2]


def test_the_odds_of_being_near_fall_with_every_deviation_beyond_the_usual() -> None:
    near = less_likely(np.array([0.5, 0.5, 0.5, 0.0, 1.0]), np.array([0.5, 1.0, 2.0, 3.0, 3.0]))
    np.testing.assert_allclose(near, [0.5, 0.5, 1 / (1 + np.e), 0.0, 1.0])


def test_a_correction_elsewhere_moves_nothing_that_people_may_have_otherwise(
    shapes: Array, joint: JointGaussian
) -> None:
    """A landmark that lies where few drawn bodies have it is not put there because of another one."""
    truth = shapes[-1]
    places = truth.copy()
    places[3] += (0.0, 25.0, 0.0)
    answer = Observed(places @ AXES.T, np.full((COUNT, 3), 8.0), np.full(COUNT, 0.9), np.ones(COUNT, bool))
    corrected = np.arange(COUNT) == 20

    def moved(by: JointGaussian) -> float:
        followed = propagate(by, answer, corrected, truth @ AXES.T, tolerance=2.0)
        return float(np.linalg.norm(followed.position[3] - answer.position[3]))

    assert moved(joint) > 5.0
    assert moved(of_people(joint)) < moved(joint) / 2
