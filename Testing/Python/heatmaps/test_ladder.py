"""How the levels of a chain follow one another, measured on shapes."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from LandmarkDetectionLib.heatmaps.ladder import OF_SPINES, Ladder, measure_ladder
from LandmarkDetectionLib.typing import Array

#: A level: upper left and right, lower right and left, and one point below them in the middle.
LEVEL = np.array([[-10.0, -6.0], [10.0, -6.0], [10.0, 6.0], [-10.0, 6.0], [0.0, 14.0]])
CHAIN = [[5 * level + k for k in range(5)] for level in range(4)]


def shapes(count: int = 40, noise: float = 0.0, lean: float = 0.0) -> Array:
    """(count, 20, 2): four levels, 30 apart, of different sizes, leaning to the right by so much per row."""
    rng = np.random.default_rng(3)
    down = np.array([lean, 1.0]) / np.hypot(lean, 1)
    turn = np.array([[down[1], down[0]], [-down[0], down[1]]])
    drawn = []
    for _ in range(count):
        levels = [(LEVEL @ turn.T) + 30 * n * down for n in range(4)]
        drawn.append(rng.uniform(0.7, 1.4) * np.concatenate(levels) + rng.uniform(0, 50, 2))
    return np.stack(drawn) + rng.normal(0, noise, (count, 20, 2))


@pytest.mark.parametrize("lean", [-0.4, 0.0, 0.4])
def test_rungs_hold_what_lies_at_one_height_from_left_to_right(lean: float) -> None:
    ladder = measure_ladder(CHAIN, shapes(noise=0.3, lean=lean))
    assert ladder is not None and ladder.per_level == 3
    assert ladder.rungs[:4] == ((0, 1), (3, 2), (4,), (5, 6))
    assert [ladder.sides(n) for n in (0, 2)] == [(-1, 1), (0,)]


def test_lengths_are_shares_of_the_whole_whatever_the_size_of_a_picture() -> None:
    ladder = measure_ladder(CHAIN, shapes())
    assert ladder is not None
    assert ladder.lengths == pytest.approx([n / 110 for n in (12, 8, 10, 12, 8, 10, 12, 8, 10, 12, 8)], 1e-3)
    assert max(ladder.spreads) == 0.02
    noisy = measure_ladder(CHAIN, shapes(noise=1.0))
    assert noisy is not None and min(noisy.spreads) > 0.02


def test_shapes_that_lack_a_landmark_do_not_count() -> None:
    holed = shapes()
    holed[:30, 7] = np.nan
    assert measure_ladder(CHAIN, holed) is not None
    holed[:35, 7] = np.nan
    assert measure_ladder(CHAIN, holed) is None


def test_what_does_not_run_down_a_picture_is_no_ladder() -> None:
    assert measure_ladder(CHAIN, shapes() * (1, -1)) is None
    assert measure_ladder(CHAIN, shapes()[..., ::-1]) is None
    assert measure_ladder(CHAIN, np.concatenate([shapes(), shapes()[..., :1]], axis=2)) is None
    assert measure_ladder([], shapes()) is None


def test_the_ladder_of_spines_is_of_17_vertebrae() -> None:
    assert OF_SPINES.landmarks == list(range(68))
    assert sum(OF_SPINES.lengths) == pytest.approx(1)
    assert Ladder.model_validate_json(OF_SPINES.model_dump_json()) == OF_SPINES


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"lengths": (1.0,)}, "a length and a spread between every two rungs"),
        ({"per_level": 4}, "do not make whole levels"),
        ({"spreads": (0.0,) * 33}, "above zero"),
        ({"lengths": (float("nan"),) * 33}, "above zero"),
        ({"rungs": ((0, 1),) * 34}, "no landmark lies on two"),
    ],
)
def test_ladders_that_cannot_be_are_refused(change: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Ladder.model_validate(OF_SPINES.model_dump() | change)
