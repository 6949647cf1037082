"""How well raters, or a model and a rater, agree in what is measured: values, classes, and Cobb angles.

The success classification rate is that of Wang et al. 2016, limits of agreement are those of Bland and
Altman 1986, intraclass correlations those of McGraw and Wong 1996 as the package pingouin computes them.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from LandmarkDetectionLib.core.measurement_kinds import Measurement, unit_of
from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.measurement.frame import Frame
from LandmarkDetectionLib.measurement.many import class_of, measure_many
from LandmarkDetectionLib.typing import FloatArray

LEAST_CASES = 5
"""An intraclass correlation of fewer says nothing."""

UNDEFINED = "undefined"
"""What a value that no class holds is called in tables."""


@dataclass(frozen=True)
class Correlation:
    """An intraclass correlation with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Confusion:
    """How often a class of the reference was given which class.

    Attributes
    ----------
    names
        Of the classes, ``undefined`` last where it occurs.
    counts : (C, C) int
        Rows are the reference's classes, columns those of the other.
    """

    names: tuple[str, ...]
    counts: npt.NDArray[np.int64]

    @property
    def rate_of_images(self) -> float:
        """Share of images with the same class: the success classification rate over images."""
        return float(np.trace(self.counts) / self.counts.sum())

    @property
    def rate_of_classes(self) -> float:
        """Mean over the reference's classes of the share of its images with the same class."""
        total = self.counts.sum(axis=1)
        return float((np.diag(self.counts)[total > 0] / total[total > 0]).mean())


@dataclass(frozen=True, eq=False)
class Agreement:
    """Of one measurement, between a reference and another rater.

    Attributes
    ----------
    definition, unit
        What was measured.
    reference, other : (N,)
        The values of the cases in which both have one.
    missing
        Cases in which one of them has none.
    confusion
        None for a measurement without classes in this unit.
    """

    definition: Measurement
    unit: str
    reference: FloatArray
    other: FloatArray
    missing: int
    confusion: Confusion | None

    @property
    def bias(self) -> float:
        """Mean of other less reference."""
        return float((self.other - self.reference).mean())

    @property
    def limits(self) -> tuple[float, float]:
        """Limits of agreement: bias -+ 1.96 standard deviations of the differences."""
        half = 1.96 * float((self.other - self.reference).std(ddof=1))
        return self.bias - half, self.bias + half

    def to_record(self) -> dict[str, Any]:
        """As JSON values, without the values of the cases."""
        rates = self.confusion
        return {
            "measurement": self.definition.name,
            "unit": self.unit,
            "cases": len(self.reference),
            "missing": self.missing,
            "bias": self.bias,
            "limits_of_agreement": list(self.limits),
            "success_rate_images": None if rates is None else rates.rate_of_images,
            "success_rate_classes": None if rates is None else rates.rate_of_classes,
            "classes": None if rates is None else list(rates.names),
            "confusion": None if rates is None else rates.counts.tolist(),
        }


def agreement(
    reference: FloatArray, other: FloatArray, protocol: Protocol, frame: Frame
) -> tuple[Agreement, ...]:
    """Compare two raters' landmarks (N, L, 3) by everything the protocol measures; the same cases in order.

    Measurements that fewer than two cases have from both are left out.
    """
    first, second = (measure_many(places, protocol, frame) for places in (reference, other))
    known = {one.name: one for one in protocol.measurements}
    found = []
    for name, values in first.items():
        both = np.isfinite(values) & np.isfinite(second[name])
        if both.sum() < 2:
            continue
        definition = known[name]
        unit = unit_of(definition, known)
        judged = definition.classes and (unit != "mm" or frame.unit == "mm")
        found.append(
            Agreement(
                definition,
                frame.unit if unit == "mm" else unit,
                values[both],
                second[name][both],
                int((~both).sum()),
                confusion(definition, values[both], second[name][both]) if judged else None,
            )
        )
    return tuple(found)


def confusion(definition: Measurement, reference: Iterable[float], other: Iterable[float]) -> Confusion:
    """The confusion table of the classes of (N,) and (N,) values."""
    pairs = [
        (class_of(definition, first) or UNDEFINED, class_of(definition, second) or UNDEFINED)
        for first, second in zip(reference, other, strict=True)
    ]
    used = {name for pair in pairs for name in pair}
    defined = tuple(sorted({one.name for one in definition.classes}))
    names = (*defined, *((UNDEFINED,) if UNDEFINED in used else ()))
    counts = np.zeros((len(names), len(names)), np.int64)
    for first_class, second_class in pairs:
        counts[names.index(first_class), names.index(second_class)] += 1
    return Confusion(names, counts)


def intraclass_correlation(ratings: FloatArray) -> Correlation:
    """ICC(A,1): absolute agreement of single raters, cases and raters taken as random.

    Parameters
    ----------
    ratings : (N, R)
        Values of N cases, at least 5, by R raters, at least 2.

    Raises
    ------
    ModuleNotFoundError
        pingouin is not installed; the command line says how to install it.
    """
    import pandas
    import pingouin

    cases, raters = np.indices(ratings.shape)
    table = pandas.DataFrame({"case": cases.ravel(), "rater": raters.ravel(), "value": ratings.ravel()})
    with warnings.catch_warnings():
        # Of what pandas will change; nothing to do with the ratings.
        warnings.simplefilter("ignore")
        result = pingouin.intraclass_corr(data=table, targets="case", raters="rater", ratings="value")
    # Second of the six, whatever it is called: ICC2 in older versions, ICC(A,1) in newer ones.
    row = result.iloc[1]
    low, high = row[next(name for name in result.columns if name.startswith("CI95"))]
    return Correlation(float(row["ICC"]), float(low), float(high))


def smape(reference: FloatArray, other: FloatArray) -> float:
    """Symmetric mean absolute percentage error of Cobb angles, in percent (the AASCE challenge's measure).

    Parameters
    ----------
    reference, other : (N, 3)
        Degrees; per image the sum of absolute differences over the sum of all angles, averaged over images.

    Raises
    ------
    ValueError
        All angles of an image are 0 in both.
    """
    total = (reference + other).sum(axis=1)
    if not (total > 0).all():
        raise ValueError("an image whose angles are all 0 has no symmetric percentage error")
    return float(100 * (np.abs(reference - other).sum(axis=1) / total).mean())


def spine_error(values: Sequence[Agreement]) -> float | None:
    """SMAPE of the Cobb angles among compared measurements; None when the three are not there."""
    angles = [one for one in values if one.definition.kind == "cobb"]
    if len(angles) != 3 or len({len(one.reference) for one in angles}) > 1:
        return None
    reference = np.stack([one.reference for one in angles], axis=1)
    return smape(reference, np.stack([one.other for one in angles], axis=1))
