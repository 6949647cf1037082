"""No value is given whose interval is wider than people differ, and what is missing is said once."""

import re

import numpy as np
import pytest

from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.measurement import measure
from LandmarkDetectionLib.measurement.sensible import widest_interval
from LandmarkDetectionLib.reporting.case import not_shown, shown

BODY, FACE, HAND = (load_protocol(name) for name in ("whole-body", "cephalometric-19", "hand"))


def hips(width, deviation):
    covariance = np.eye(3) * deviation**2
    return LandmarkSet(
        (
            Landmark("hip_right", [width / 2, 0, 0], covariance=covariance),
            Landmark("hip_left", [-width / 2, 0, 0], covariance=covariance),
        )
    )


def test_a_width_that_may_be_100_to_200_mm_is_no_measurement():
    one = measure(hips(150.0, 18.0), BODY)["hip_width"]
    assert one.value is None and one.spread is None and one.too_wide
    assert re.search(r"the 95 % interval, \d+ to 2\d\d mm, is wider than people differ", one.gap)
    record = one.to_record()
    assert record["value"] is None and record["interval_95"] is None and record["too_wide"] is True


def test_a_width_of_the_same_size_that_is_known_well_is_one():
    one = measure(hips(158.0, 5.0), BODY)["hip_width"]
    assert one.value == pytest.approx(158.0) and one.spread is not None and not one.too_wide


@pytest.mark.parametrize("share", [0.9, 1.1])
def test_the_limit_of_a_length_is_three_tenths_of_it(share):
    deviation = share * 0.15 * 300.0 / 1.96 / np.sqrt(2)  # along the line between the two
    assert (measure(hips(300.0, deviation), BODY)["hip_width"].too_wide is not None) == (share > 1)


def test_an_angle_without_a_range_may_be_known_to_30_degrees():
    assert measure(hips(300.0, 30.0), BODY)["pelvic_obliquity"].too_wide
    assert not measure(hips(300.0, 15.0), BODY)["pelvic_obliquity"].too_wide


@pytest.mark.parametrize(
    ("protocol", "name", "value", "unit", "expected"),
    [
        (FACE, "SNA", 82.0, "deg", 4 * 3.8),
        (FACE, "ANB", 2.0, "deg", 10.0),
        (FACE, "Downs convexity", 2.0, "deg", 30.0),
        (FACE, "McNamara A-Nperp", 0.5, "mm", 10.0),
        (FACE, "Steiner Pog-NB", 2.0, "mm", 20.0),
        (FACE, "Steiner Pog-NB", 2.0, "px", np.inf),
        (FACE, "McNamara lower face height", 70.0, "mm", 21.0),
        (FACE, "FHI", 0.7, "1", 0.14),
        (HAND, "digit_ratio", 0.95, "1", 0.19),
        (BODY, "height", 1600.0, "mm", 480.0),
        (BODY, "leg_right", 800.0, "px", 240.0),
        (BODY, "leg_asymmetry", 1.0, "%", 5.0),
    ],
)
def test_the_limit_follows_the_kind_and_the_usual_range(protocol, name, value, unit, expected):
    known = {one.name: one for one in protocol.measurements}
    assert widest_interval(known[name], value, unit, known) == pytest.approx(expected)


def test_sides_may_be_compared_to_a_twentieth_of_them():
    known = {one.name: one for one in BODY.measurements}
    assert widest_interval(known["leg_difference"], 5.0, "mm", known, (800.0, 790.0)) == pytest.approx(39.75)


def test_what_is_absent_is_said_in_one_sentence_and_has_no_lines():
    head = LandmarkSet((Landmark("head_top", [0, 0, 800]), Landmark("chin", [0, 90, 600])))
    measured = measure(head, BODY)
    assert shown(measured) == ()
    (sentence,) = not_shown(measured)
    assert sentence.startswith(f"{len(measured)} measurements need landmarks that are absent or not given: ")
    assert sentence.endswith(" more.")


def test_what_no_landmarks_give_is_said_by_its_reason():
    sentences = not_shown(measure(LandmarkSet(()), FACE))
    assert any(
        text.endswith("needs the apex of the lower incisor, which the 19 landmarks do not have.")
        for text in sentences
    )
