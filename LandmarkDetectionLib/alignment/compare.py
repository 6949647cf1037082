"""What changed between two visits of one patient, landmarks and measurements, and whether by chance.

"Changed" means: more than the uncertainty of both visits explains in 95 of 100 cases where nothing changed.
Errors of both visits are taken as independent; what a model does wrong alike at both cancels out, which makes
the test more careful, not less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from LandmarkDetectionLib.alignment.change import Change, changes_of
from LandmarkDetectionLib.alignment.displacement import Displacement, Visit, displacement, superimposed
from LandmarkDetectionLib.alignment.frames import place_frames
from LandmarkDetectionLib.core.geometry import Affine
from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.measurement import Measurements, measure
from LandmarkDetectionLib.typing import FloatArray


@dataclass(frozen=True, eq=False)
class Comparison:
    """A later visit against the first.

    Attributes
    ----------
    first, later
        The visits.
    axes
        Names of what displacements are along: ``right``, ``anterior``, ``superior`` of the first scan or of a
        frame in it; ``picture_right``, ``picture_down`` of a radiograph.
    unit
        Of displacements.
    superimposition
        Takes RAS mm of the later scan to RAS mm of the first; None when there is none.
    displacements, changes
        Of every landmark and measurement of the protocol.
    remarks
        What to know of all of them, each a sentence.
    """

    first: Visit
    later: Visit
    axes: tuple[str, ...]
    unit: str
    superimposition: Affine | None
    displacements: tuple[Displacement, ...]
    changes: tuple[Change, ...]
    remarks: tuple[str, ...] = ()

    def to_record(self) -> dict[str, Any]:
        """As JSON values."""
        laid = self.superimposition
        return {
            "first": self.first.name,
            "later": self.later.name,
            "axes": list(self.axes),
            "unit": self.unit,
            "later_to_first": None if laid is None else laid.matrix.tolist(),
            "remarks": list(self.remarks),
            "landmarks": [one.to_record() for one in self.displacements],
            "measurements": [one.to_record() for one in self.changes],
        }


def compare(
    first: Visit,
    later: Visit,
    protocol: Protocol,
    stable: Sequence[str] = (),
    *,
    axes: str | None = None,
    as_placed: bool = False,
    rater_sd: float | None = None,
) -> Comparison:
    """Compare a later visit with the first.

    Parameters
    ----------
    first, later
        Of one patient.
    protocol
        Whose landmarks and measurements are compared.
    stable
        Landmarks that the later visit is laid onto the first by, as those of the cranial base or the pelvis;
        all that both have when empty, those that moved being left out.
    axes
        Name of a frame of the protocol, placed at the first visit, along whose axes displacements are told.
    as_placed
        Lay nothing onto one another: both are in one coordinate system already.
    rater_sd
        Standard deviation along each axis of landmarks that have no covariance; None leaves it unknown.

    Raises
    ------
    InputError
        The visits have no landmark of the protocol in common, a stable landmark is not there, one visit is
        the mirror image of the other, or there is no such frame.
    """
    for visit in (first, later):
        if not set(visit.landmarks.present.names) & set(protocol.names):
            raise InputError(
                f"{visit.name} has no landmark of the protocol {protocol.name}: it is of another protocol, "
                "or nothing was found."
            )
    turn, names = _axes(first, protocol, axes, rater_sd)
    laid, remarks, gap = superimposed(first, later, protocol, stable, as_placed, rater_sd)
    displacements = tuple(
        Displacement(name, gap=gap)
        if laid is None
        else displacement(name, first, later, laid, turn, rater_sd)
        for name in protocol.names
    )
    before, after = (
        measure(visit.landmarks, protocol, visit.frame, rater_sd=rater_sd) for visit in (first, later)
    )
    changes = changes_of(first, later, before, after, rater_sd)
    said = [*remarks, *_about(first, before), *_about(later, after)]
    matrix = None if laid is None or laid.fit is None else laid.ras(first.frame, later.frame)
    if as_placed:
        matrix = Affine(np.eye(4))
    return Comparison(
        first, later, names, first.frame.unit, matrix, displacements, changes, tuple(dict.fromkeys(said))
    )


def _about(visit: Visit, measured: Measurements) -> list[str]:
    return [f"{visit.name}: {text}" for text in measured.warnings]


def _axes(
    first: Visit, protocol: Protocol, wanted: str | None, rater_sd: float | None
) -> tuple[FloatArray, tuple[str, ...]]:
    """(d, d) from what is measured in to the axes of displacements, and their names."""
    in_picture = len(first.frame.axes) == 2
    names = ("picture_right", "picture_down") if in_picture else ("right", "anterior", "superior")
    if wanted is None:
        return np.eye(len(names)), names
    known = [one.name for one in protocol.frames]
    if wanted not in known:
        raise InputError(
            f"The protocol {protocol.name} has no frame '{wanted}'; it has {', '.join(known) or 'none'}."
        )
    placed = place_frames(first.landmarks, protocol, first.frame, rater_sd=rater_sd)[known.index(wanted)]
    if placed.gap:
        raise InputError(f"There is no frame {wanted} in {first.name}: {placed.gap}.")
    linear = placed.transform.linear @ first.frame.axes.T
    # In a frame of a picture its right and down are -R and -A.
    return (-linear[:2] if in_picture else linear), names
