"""Spines whose numbers are right, slipped by one, out of order or hanging free: drawn, then judged."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.quality.vertebra_levels import CHAIN, LevelDoubt, level_doubt
from LandmarkDetectionLib.typing import FloatArray

Spine = dict[str, FloatArray]
# From head to sacrum, mm; of another person than the tables of the judgement are.
STEPS = np.array(
    [17.0] * 6
    + [19.0, 21.0, 22.0, 24.0, 25.0, 26.0, 27.0, 28.0, 29.0, 30.0, 32.0, 32.5]
    + [34.0] * 4
    + [24.0]
)


def drawn(steps: FloatArray, rng: np.random.Generator, noise_mm: float = 2.0) -> Spine:
    """A spine with curves to the front and the side, and centres that are off by a little."""
    down = np.concatenate([[0.0], np.cumsum(steps)])
    turns = 2 * np.pi * down / down[-1]
    places = np.stack([6 * np.sin(turns + rng.uniform(0, 6)), 25 * np.sin(turns), -down], axis=1)
    places = places + rng.normal(0.0, noise_mm, places.shape)
    return dict(zip(CHAIN, places, strict=True))


def person(rng: np.random.Generator) -> FloatArray:
    """Steps of somebody of another size and other proportions, each with its own variation."""
    regions = np.interp(np.arange(23), [0, 5, 6, 17, 18, 22], np.repeat(rng.normal(1.0, 0.05, 3), 2))
    return np.asarray(STEPS * rng.normal(1.0, 0.07) * regions * rng.normal(1.0, 0.06, 23))


def slipped(steps: FloatArray, step: int, by: int) -> FloatArray:
    """The steps as numbered by who passes one vertebra over (by 1), or numbers one twice (by -1)."""
    changed = steps.copy()
    changed[step] = steps[step] + steps[step - 1] if by == 1 else 0.1 * steps[step]
    return changed


def spread_of(spine: Spine, sd: float) -> dict[str, FloatArray]:
    return {name: np.eye(3) * sd**2 for name in spine}


def share_doubted(doubts: list[LevelDoubt]) -> float:
    return float(np.mean([bool(one.text) for one in doubts]))


def part(spine: Spine, first: str, last: str) -> Spine:
    names = CHAIN[CHAIN.index(first) : CHAIN.index(last) + 1]
    return {name: spine[name] for name in names}


def test_the_chain_is_that_of_the_protocol() -> None:
    names = load_protocol("whole-body-bones").names
    assert [name for name in names if name in CHAIN] == list(CHAIN)


def test_spines_that_are_numbered_rightly_are_not_doubted() -> None:
    rng = np.random.default_rng(1)
    doubts = [
        level_doubt(spine, spread_of(spine, 2.0)) for spine in (drawn(person(rng), rng) for _ in range(200))
    ]
    assert share_doubted(doubts) < 0.03
    assert np.mean([one.factor for one in doubts]) > 0.97


@pytest.mark.parametrize("by", [1, -1])
def test_most_slips_by_one_are_told_and_bring_the_confidence_down(by: int) -> None:
    rng = np.random.default_rng(2)
    doubts = []
    for _ in range(200):
        spine = drawn(slipped(person(rng), int(rng.integers(2, 21)), by), rng)
        doubts.append(level_doubt(spine, spread_of(spine, 2.0)))
    assert share_doubted(doubts) > 0.85
    assert np.mean([one.factor for one in doubts]) < 0.3


def test_the_sentence_names_where_a_vertebra_was_passed_over_or_counted_twice() -> None:
    rng = np.random.default_rng(3)
    step = CHAIN.index("vertebra_t7")
    over = level_doubt(drawn(slipped(STEPS, step, 1), rng, 0.5))
    assert over.text.startswith("The vertebrae may be numbered wrongly by one: T7 and T8 lie 5")
    assert over.text.endswith(
        "mm apart, so that one between them may have been passed over; count them again."
    )
    twice = level_doubt(drawn(slipped(STEPS, step, -1), rng, 0.1))
    assert "T7 and T8 lie 3 mm apart, so that one may have been counted twice" in twice.text
    assert max(over.factor, twice.factor) < 0.2


def test_one_centre_that_is_off_by_itself_is_no_slip() -> None:
    rng = np.random.default_rng(4)
    doubts = []
    for _ in range(100):
        spine = drawn(person(rng), rng)
        spine["vertebra_t9"] = spine["vertebra_t9"] + [0.0, 0.0, 12.0]
        doubts.append(level_doubt(spine, spread_of(spine, 2.0)))
    assert share_doubted(doubts) < 0.15


def test_a_number_that_was_left_out_between_neighbours_is_told_and_an_absent_vertebra_is_not() -> None:
    rng = np.random.default_rng(5)
    whole = drawn(STEPS, rng, 1.0)
    absent = {name: place for name, place in whole.items() if name != "vertebra_t6"}
    assert level_doubt(absent, spread_of(absent, 1.0)).text == ""
    # T6 left out although T5 and T7 are neighbours: all below are numbered one too high.
    steps = np.delete(STEPS, CHAIN.index("vertebra_t6"))
    down = np.concatenate([[0.0], -np.cumsum(steps)])
    names = [name for name in CHAIN if name != "vertebra_t6"]
    left_out = {name: np.array([0.0, 0.0, z]) for name, z in zip(names, down, strict=True)}
    doubt = level_doubt(left_out, spread_of(left_out, 1.0))
    assert "T5 and T7 lie 25 mm apart, so that one may have been counted twice" in doubt.text


def test_a_chain_that_hangs_free_may_be_one_too_high_or_too_low() -> None:
    spine = drawn(STEPS, np.random.default_rng(6))
    free = part(spine, "vertebra_t3", "vertebra_t12")
    assert level_doubt(free) == LevelDoubt(
        "The vertebrae may be numbered one too high or too low: neither the top of the neck (C2) nor the "
        "sacrum is there to count from.",
        pytest.approx(0.5, abs=0.02),
    )
    for held in (part(spine, "vertebra_t3", "s1_endplate"), part(spine, "vertebra_c2", "vertebra_t12")):
        doubt = level_doubt(held)
        assert doubt.text == "" and doubt.factor > 0.97


def test_an_end_that_is_hardly_believed_holds_little() -> None:
    spine = part(drawn(STEPS, np.random.default_rng(7)), "vertebra_t3", "s1_endplate")
    factors = [level_doubt(spine, confidences={"s1_endplate": sure}).factor for sure in (1.0, 0.5, 0.1)]
    assert factors == sorted(factors, reverse=True)
    assert factors[0] - factors[1] == pytest.approx(0.25, abs=0.02)
    assert level_doubt(spine, confidences={"s1_endplate": 0.1}).text != ""


def test_vertebrae_out_of_order_are_named() -> None:
    spine = drawn(STEPS, np.random.default_rng(8))
    spine["vertebra_l2"], spine["vertebra_l3"] = spine["vertebra_l3"], spine["vertebra_l2"]
    doubt = level_doubt(spine)
    assert doubt.text == "The vertebrae look numbered wrongly: L3 does not lie below L2; check them all."
    assert doubt.factor == pytest.approx(0.3)
    upside_down = {name: place * [1, 1, -1] for name, place in drawn(STEPS, np.random.default_rng(9)).items()}
    assert "does not lie below" in level_doubt(upside_down).text


def test_the_wider_the_spread_the_less_is_said() -> None:
    spine = drawn(slipped(STEPS, 12, 1), np.random.default_rng(10), 0.5)
    sharp, blurred = (level_doubt(spine, spread_of(spine, sd)) for sd in (1.0, 25.0))
    assert sharp.factor < 0.1 and sharp.text
    assert blurred.factor > 0.5 and not blurred.text


@pytest.mark.parametrize(
    "positions",
    [
        {},
        {"s1_endplate": [0.0, 0.0, 0.0]},
        {"chin": [0.0, 0.0, 0.0]},
        {"vertebra_t5": [np.nan, np.nan, np.nan]},
    ],
)
def test_without_vertebrae_nothing_is_doubted(positions: dict[str, list[float]]) -> None:
    assert level_doubt(positions) == LevelDoubt("", 1.0)


def test_a_single_vertebra_is_numbered_by_its_looks_alone() -> None:
    assert level_doubt({"vertebra_t5": np.zeros(3)}).factor == pytest.approx(0.5)
    assert level_doubt({"vertebra_c2": np.zeros(3)}) == LevelDoubt("", 1.0)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    shift=st.tuples(*[st.floats(-500.0, 500.0)] * 3),
    lean=st.floats(-30.0, 30.0),
    present=st.lists(st.booleans(), min_size=24, max_size=24),
)
def test_a_judgement_is_a_sentence_and_a_factor_wherever_the_body_lies(
    seed: int, shift: tuple[float, ...], lean: float, present: list[bool]
) -> None:
    rng = np.random.default_rng(seed)
    spine = {
        name: place
        for (name, place), is_there in zip(drawn(person(rng), rng).items(), present, strict=True)
        if is_there
    }
    doubt = level_doubt(spine)
    assert 0.0 <= doubt.factor <= 1.0
    assert doubt.text == "" or (doubt.text.endswith(".") and "\n" not in doubt.text)
    c, s = np.cos(np.radians(lean)), np.sin(np.radians(lean))
    turn = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    moved = level_doubt({name: turn @ place + shift for name, place in spine.items()})
    assert moved.text == doubt.text
    assert moved.factor == pytest.approx(doubt.factor, abs=1e-6)
