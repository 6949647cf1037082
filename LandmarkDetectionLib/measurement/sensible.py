"""How wide a 95 % interval may be and still say something of a quantity: the one place that decides it.

An interval that is wider than people differ tells nothing of a person, and a number before it deceives. How
far people differ is taken from the kind of the quantity and from the protocol's usual range. Statures of
adults have a standard deviation of about 5 % and lengths of limbs of 5 to 7 %, so that 30 % hold nearly
everybody. Published norms are a mean and about one standard deviation to either side, or less, so that four
times their width holds nearly everybody:

==================================================  ====================================================
quantity                                            widest interval
==================================================  ====================================================
length, path, sum or mean of such                   0.3 of the value
position along or across a line, signed length      four usual ranges, 10 mm at least; 20 mm without one;
                                                    0.3 of the value where that is more (as of a height)
left less right of lengths                          0.05 of the mean of both sides; 5 % in percent
ratio                                               a fifth of the value
angle, left less right of angles                    four usual ranges, 10 to 30 degrees; 30 without one
==================================================  ====================================================

Signed lengths in pixels of unknown size are not judged: nobody knows how much 20 mm are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from LandmarkDetectionLib.core.measurement_kinds import (
    Asymmetry,
    Distance,
    Mean,
    Measurement,
    Path,
    Ratio,
    Sum,
    unit_of,
)

OF_LENGTH, OF_RATIO, OF_SIDES = 0.3, 0.2, 0.05
RANGES = 4.0
LEAST_MM, MOST_MM = 10.0, 20.0
LEAST_DEG, MOST_DEG = 10.0, 30.0


def widest_interval(
    definition: Measurement,
    value: float,
    unit: str,
    known: Mapping[str, Measurement],
    sides: tuple[float, float] | None = None,
) -> float:
    """The widest interval that still says something, in the unit of the value.

    Parameters
    ----------
    definition
        Of the measurement.
    value
        Its value.
    unit
        That of the value: ``mm``, ``px``, ``deg``, ``%`` or ``1``.
    known : mapping
        The protocol's measurements by name.
    sides
        Of an asymmetry, the values of its left and right.
    """
    base = unit_of(definition, dict(known))
    usual = None if definition.range is None else RANGES * (definition.range[1] - definition.range[0])
    if base == "deg":
        return MOST_DEG if usual is None else min(max(usual, LEAST_DEG), MOST_DEG)
    if isinstance(definition, Ratio):
        return OF_RATIO * abs(value)
    if isinstance(definition, Asymmetry):
        if definition.percent:
            return 100 * OF_SIDES
        return math.inf if sides is None else OF_SIDES * (abs(sides[0]) + abs(sides[1])) / 2
    if _is_length(definition, known):
        return OF_LENGTH * abs(value)
    if unit != "mm":
        return math.inf
    return max(MOST_MM if usual is None else max(usual, LEAST_MM), OF_LENGTH * abs(value))


def _is_length(definition: Measurement, known: Mapping[str, Measurement]) -> bool:
    """Whether it is never negative and as large as what it measures."""
    if isinstance(definition, Sum | Mean):
        subtracts = isinstance(definition, Sum) and bool(definition.subtract)
        return not subtracts and all(_is_length(known[name], known) for name in definition.of)
    return isinstance(definition, Path) or (
        isinstance(definition, Distance) and definition.sign_along is None
    )
