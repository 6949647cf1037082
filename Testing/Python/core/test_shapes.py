"""Shapes come back onto one another however they were moved, and left and right exchange places."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from LandmarkDetectionLib.core.shapes import mirror_permutation, moved_onto

SHAPE = np.array([[0, 0, 0], [50, 0, 10], [0, 80, -20], [-30, 20, 60], [10, -40, 30]], float)
VECTORS = arrays(np.float64, 3, elements=st.floats(-3, 3))


def turned(points: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    from scipy.spatial.transform import Rotation

    return Rotation.from_rotvec(rotation).apply(points)


@given(VECTORS, VECTORS, st.floats(0.2, 5))
def test_a_shape_that_was_moved_turned_and_scaled_comes_back(rotation, shift, scale):
    moved = scale * turned(SHAPE, rotation) + 100 * shift
    back = moved_onto(moved[None], SHAPE, np.ones((1, 5)))
    np.testing.assert_allclose(back[0], SHAPE, atol=1e-6)


@given(VECTORS, st.integers(0, 4), st.integers(0, 4))
def test_what_is_not_known_or_does_not_count_has_no_part(rotation, wrong, unknown):
    shapes, weights = turned(SHAPE, rotation)[None].copy(), np.ones((1, 5))
    shapes[0, wrong] += 500
    weights[0, wrong] = 0
    shapes[0, unknown] = np.nan
    target = SHAPE.copy()
    target[unknown] = np.nan
    back = moved_onto(shapes, target, weights)[0]
    rest = [n for n in range(5) if n not in (wrong, unknown)]
    np.testing.assert_allclose(back[rest], SHAPE[rest], atol=1e-6)
    assert np.isnan(back[unknown]).all()


@given(VECTORS)
def test_a_mirrored_shape_stays_mirrored(rotation):
    mirrored = turned(SHAPE * (-1, 1, 1), rotation)
    back = moved_onto(mirrored[None], SHAPE, np.ones((1, 5)))[0]
    assert np.linalg.norm(back - SHAPE, axis=1).max() > 10
    volumes = [np.linalg.det(one[1:4] - one[0]) for one in (back, mirrored)]
    assert np.sign(volumes[0]) == np.sign(volumes[1])


@given(arrays(np.float64, (3, 6, 2), elements=st.floats(-50, 50)), st.integers(0, 2))
def test_nothing_lies_nearer_to_the_target_than_the_similarity_found(shapes, n):
    target = SHAPE[:, :2]
    source = shapes[n, :5] + SHAPE[:, :2] * 0.5
    best = moved_onto(source[None], target, np.ones((1, 5)))[0]
    rng = np.random.default_rng(0)
    error = ((best - target) ** 2).sum()
    for angle, scale, shift in zip(
        rng.normal(0, 0.1, 20), rng.normal(1, 0.1, 20), rng.normal(0, 1, (20, 2)), strict=True
    ):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        other = scale * (best @ turn.T) + shift
        assert ((other - target) ** 2).sum() >= error - 1e-6


@given(st.permutations(["nose", "eye_left", "eye_right", "ear_left", "chin"]))
def test_left_and_right_exchange_places_and_twice_is_nothing(names):
    pairs = [("eye_left", "eye_right"), ("ear_left", "ear_right")]
    permutation = mirror_permutation(names, pairs)
    mirrored = [names[n] for n in permutation]
    assert mirrored[names.index("eye_left")] == "eye_right"
    assert mirrored[names.index("ear_left")] == "ear_left", "whose partner is not there"
    assert (permutation[permutation] == np.arange(5)).all()
