"""The stated 95 % interval covers the truth in about 95 of 100 simulated cases."""

import numpy as np
import pytest

from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.measurement import geometry, measure
from LandmarkDetectionLib.measurement.uncertainty import Propagation, Samples
from Testing.examples.measurement_cases import FACE, in_picture, spine, spine_landmarks

CASES = 1200


def at_b(samples):
    points = samples.points
    return geometry.angle_between(points["a"] - points["b"], points["c"] - points["b"])


def distance(samples):
    return geometry.length(samples.points["a"] - samples.points["b"])


def coverage(formula, points, sd, limits, method=None):
    """Share of cases whose interval, from landmarks seen with this spread, holds the true value."""
    rng = np.random.default_rng(5)
    truth = float(formula(Samples({name: point[None] for name, point in points.items()}))[0])
    covariances = {name: np.eye(len(point)) * sd**2 for name, point in points.items()}
    held, methods = 0, set()
    for _ in range(CASES):
        seen = {name: point + rng.normal(0, sd, len(point)) for name, point in points.items()}
        centre = float(formula(Samples({name: point[None] for name, point in seen.items()}))[0])
        propagation = Propagation(seen, covariances, samples=600)
        spread = propagation.spread_of(formula, centre, limits=limits, method=method)
        held += spread.low <= truth <= spread.high
        methods.add(spread.method)
    return held / CASES, methods


def angle_points(degrees, arm, dimensions):
    points = {name: np.zeros(dimensions) for name in "abc"}
    points["a"][0] = arm
    points["c"][:2] = arm * np.cos(np.radians(degrees)), arm * np.sin(np.radians(degrees))
    return points


@pytest.mark.parametrize(
    ("degrees", "arm", "sd", "dimensions"),
    [
        (90, 50, 1, 2),
        (30, 50, 1, 3),
        (150, 50, 1, 2),
        (30, 20, 4, 2),
        (15, 20, 2, 2),
        (120, 30, 2, 3),
        (8, 50, 2, 3),
    ],
)
def test_the_interval_of_an_angle_covers_the_truth(degrees, arm, sd, dimensions):
    share, _ = coverage(at_b, angle_points(degrees, arm, dimensions), sd, (0, 180))
    assert 0.93 <= share <= 0.97


def test_the_interval_of_a_distance_covers_the_truth():
    points = {"a": np.zeros(3), "b": np.array([6.0, 0, 0])}
    share, methods = coverage(distance, points, 1.5, (0, np.inf))
    assert 0.93 <= share <= 0.97 and "sampling" in methods


def test_an_angle_that_is_all_but_straight_keeps_its_limit_within_the_interval():
    share, _ = coverage(at_b, angle_points(180, 50, 3), 1, (0, 180))
    assert share >= 0.93


def test_first_order_is_the_known_formula_and_agrees_with_sampling_where_lines_are_long():
    points = angle_points(90, 100, 2)
    propagation = Propagation(points, {name: np.eye(2) for name in points}, samples=20_000)
    spread = propagation.spread_of(at_b, 90.0)
    # Each arm's end turns it by 1/100, the corner turns both against each other by sqrt(2)/100.
    assert spread.method == "first order"
    assert spread.sd == pytest.approx(np.degrees(2 / 100), rel=1e-3)
    sampled = propagation.spread_of(at_b, 90.0, method="sampling")
    assert sampled.sd == pytest.approx(spread.sd, rel=0.03)
    assert (sampled.low, sampled.high) == pytest.approx((spread.low, spread.high), abs=0.15)


def test_short_lines_are_sampled_and_the_seed_is_fixed():
    points = angle_points(40, 5, 2)
    spreads = [
        Propagation(points, {name: np.eye(2) for name in points}).spread_of(at_b, 40.0) for _ in range(2)
    ]
    assert spreads[0].method == "sampling" and spreads[0] == spreads[1]


def test_a_signed_angle_near_the_turn_is_not_spread_over_the_whole_circle():
    def signed(samples):
        return geometry.signed_angle(samples.points["a"], samples.points["b"])

    points = {"a": np.array([100.0, 0]), "b": np.array([-100.0, 0.5])}
    propagation = Propagation(points, {name: np.eye(2) for name in points})
    centre = float(signed(Samples({name: point[None] for name, point in points.items()}))[0])
    assert propagation.spread_of(signed, centre, circular=True).sd == pytest.approx(0.81, abs=0.02)


def test_cephalometric_angles_cover_the_truth_through_the_whole_protocol():
    protocol, rng = load_protocol("cephalometric-19"), np.random.default_rng(11)
    truth, names, cases = measure(in_picture(FACE), protocol), ("SNA", "ANB", "ODI", "FMA", "Tweed FMA"), 250
    held = 0
    for _ in range(cases):
        seen = {name: np.array(point) + rng.normal(0, 1.0, 2) for name, point in FACE.items()}
        found = measure(in_picture(seen, 1.0), protocol)
        held += sum(found[name].spread.low <= truth[name].value <= found[name].spread.high for name in names)
    assert 0.93 <= held / (cases * len(names)) <= 0.97


def test_a_spread_that_is_not_known_is_said_and_one_for_people_may_be_assumed():
    protocol = load_protocol("cephalometric-19")
    found = measure(in_picture(FACE), protocol)["SNA"]
    assert (
        found.spread is None
        and "the spread of Nasion (N), Sella (S), Subspinale (A point) is unknown" in found.remarks
    )
    assumed = measure(in_picture(FACE), protocol, rater_sd=1.0)["SNA"].spread
    known = measure(in_picture(FACE, 1.0), protocol)["SNA"].spread
    assert assumed.sd == pytest.approx(known.sd)


def test_cobb_angles_have_a_spread():
    corners = spine(20 * np.cos(np.pi * np.arange(17) / 16))
    found = measure(spine_landmarks(corners, sd=0.5), load_protocol("spine-68"))["MT"]
    assert 0.3 < found.spread.sd < 3 and found.spread.low < 40 < found.spread.high
