"""The domain that stands in for medical images keeps landmarks on the object and is unlike the first one."""

import numpy as np
import pytest

pytest.importorskip("anny", reason="synthetic bodies need anny")

from LandmarkDetectionLib.study.medical import stand_in
from LandmarkDetectionLib.study.patches import Patches
from LandmarkDetectionLib.study.regions import find_region
from LandmarkDetectionLib.synthesis.surrogate_domain import SurrogateDomain

NAMES = ("head_top", "knee_right", "knee_left")
SHAPE = (64, 32)
EXACT = SurrogateDomain(habit=0.0, slip=0.0)


def drawn(domain: SurrogateDomain) -> Patches:
    return stand_in(find_region("body"), NAMES, SHAPE, 4, 2, domain)


@pytest.fixture(scope="module")
def patches() -> Patches:
    return drawn(EXACT)


def test_landmarks_follow_the_bent_body(patches: Patches) -> None:
    columns, rows = patches.points[..., 0], patches.points[..., 1]
    # Without the rater's habits the top of the head is where the silhouette begins.
    for silhouette, column, row in zip(patches.silhouettes, columns[:, 0], rows[:, 0], strict=True):
        near = silhouette[:, max(0, int(column) - 2) : int(column) + 3]
        assert abs(np.flatnonzero(near.any(axis=1))[0] - row) < 3
    # Knees lie on the body.
    for silhouette, knees in zip(patches.silhouettes, patches.points[:, 1:, :2], strict=True):
        assert all(silhouette[int(row + 0.5), int(column + 0.5)] for column, row in knees)


def test_images_of_one_person_differ_less_than_people(patches: Patches) -> None:
    flat = patches.silhouettes.reshape(len(patches), -1)
    same = [np.mean(flat[n] != flat[n + 1]) for n in range(0, 8, 2)]
    other = [np.mean(flat[n] != flat[(n + 2) % 8]) for n in range(0, 8, 2)]
    assert 0 < np.mean(same) < np.mean(other)


def test_the_same_seed_gives_the_same_images(patches: Patches) -> None:
    again = drawn(EXACT)
    assert np.array_equal(again.silhouettes, patches.silhouettes)
    assert np.array_equal(again.points, patches.points)


def test_the_rater_has_habits_that_all_images_share(patches: Patches) -> None:
    habits = drawn(SurrogateDomain(habit=0.03, slip=0.0)).points - patches.points
    # The same share of every body, which is as high as its patch; in pixels the stretch of a patch shows.
    heights = patches.spacing[:, 1] * SHAPE[0]
    offsets = habits[..., :2] * patches.spacing[:, None] / heights[:, None, None]
    assert np.abs(offsets).max() > 0.01
    assert np.abs(offsets - offsets.mean(axis=0)).max() < 0.2 * np.abs(offsets).max()


def test_depth_is_known_and_quantised(patches: Patches) -> None:
    assert patches.has_depth
    assert np.array_equal(np.isfinite(patches.front), patches.silhouettes)
