"""One scan laid onto another by the landmarks that both have, the wrong ones told and left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from LandmarkDetectionLib.alignment.fitting import LEAST_TO_CHECK, Fit, UndeterminedError, fit
from LandmarkDetectionLib.core.geometry import Affine
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.measurement.frame import Frame
from LandmarkDetectionLib.measurement.measure import why_absent
from LandmarkDetectionLib.measurement.sensible import MOST_DEG
from LandmarkDetectionLib.typing import FloatArray
from LandmarkDetectionLib.wording import counted

FAR_OFF = 3.0
"""Times the stated errors that residuals may have before it is said that the two do not fit."""
FAR_OFF_SHARE = 0.05
"""The same as a share of the extent of the landmarks, where no errors are stated."""


@dataclass(frozen=True, eq=False)
class Alignment:
    """What lays one scan onto another.

    Attributes
    ----------
    transform
        Takes RAS mm of what is moved to RAS mm of what stays.
    names
        The landmarks that both have, in order.
    fit
        The map in the plane of pictures or in space, residuals, and what it is fitted to.
    unit
        Of residuals: ``mm`` or ``px``, those of what stays.
    remarks
        What to know of it, each a sentence.
    """

    transform: Affine
    names: tuple[str, ...]
    fit: Fit
    unit: str = "mm"
    remarks: tuple[str, ...] = ()

    @property
    def distances(self) -> FloatArray:
        """(N,) residual of each landmark, used or not."""
        return np.asarray(np.linalg.norm(self.fit.residuals, axis=1))

    @property
    def wrong(self) -> tuple[str, ...]:
        """Landmarks that do not fit the others and were left out."""
        return tuple(name for name, used in zip(self.names, self.fit.used, strict=True) if not used)

    def to_record(self) -> dict[str, Any]:
        """As JSON values; the matrix is for columns (R, A, S, 1)."""
        rows = zip(self.names, self.distances.tolist(), self.fit.used.tolist(), strict=True)
        return {
            "kind": "similarity" if self.fit.with_scale else "rigid",
            "matrix": self.transform.matrix.tolist(),
            "scale": self.fit.scale,
            "unit": self.unit,
            "turning_95_deg": self.fit.turning_95,
            "times_stated_errors": self.fit.factor if self.fit.explained is not None else None,
            "remarks": list(self.remarks),
            "landmarks": [{"name": name, "residual": far, "used": used} for name, far, used in rows],
        }


def align(
    moving: LandmarkSet,
    fixed: LandmarkSet,
    names: Sequence[str] = (),
    *,
    with_scale: bool = False,
    moving_frame: Frame | None = None,
    fixed_frame: Frame | None = None,
    rater_sd: float | None = None,
) -> Alignment:
    """Lay one set of landmarks onto another.

    Parameters
    ----------
    moving, fixed
        RAS positions, with covariances where the spread is known.
    names
        Which landmarks; all that both have when empty.
    with_scale
        A similarity instead of a rigid map: for another person, or pictures of unknown pixel size.
    moving_frame, fixed_frame
        Where they are: in space (when None), or in a picture, within whose plane it stays then.
    rater_sd
        Standard deviation along each axis of landmarks that have no covariance. Where one is not known all
        landmarks count alike, and the residuals tell their errors.

    Raises
    ------
    InputError
        Landmarks are missing, too few, on one line, mirrored, or too uncertain; or a rigid map is asked for
        and the pixel size of a picture is not known.

    Examples
    --------
    >>> import LandmarkDetectionLib as ld
    >>> landmarks = ld.read_landmarks("ct.mrk.json")
    >>> found = ld.align(landmarks, landmarks)
    >>> found.transform.matrix.round(6).diagonal().tolist(), found.wrong
    ([1.0, 1.0, 1.0, 1.0], ())
    """
    moving_frame, fixed_frame = moving_frame or Frame.space(), fixed_frame or Frame.space()
    require_same_kind(moving_frame, fixed_frame, with_scale)
    names = shared_names(moving, fixed, names)
    points = [
        frame.points(np.array([one[name].position for name in names]).reshape(-1, 3))
        for one, frame in ((moving, moving_frame), (fixed, fixed_frame))
    ]
    errors = [
        errors_of([one[name] for name in names], frame, rater_sd)
        for one, frame in ((moving, moving_frame), (fixed, fixed_frame))
    ]
    found = fitted(points, errors, with_scale, "the two sets of landmarks")
    to_plane, from_plane = plane_map(moving_frame), plane_map(fixed_frame).inverse
    matrix = np.eye(4)
    d = len(found.shift)
    matrix[:d, :d], matrix[:d, 3] = found.linear, found.shift
    if d == 2:
        matrix[2, 2] = found.scale
    remarks = remarks_of(found, names, fixed_frame.unit)
    return Alignment(from_plane @ Affine(matrix) @ to_plane, names, found, fixed_frame.unit, remarks)


def require_same_kind(moving: Frame, fixed: Frame, with_scale: bool) -> None:
    """Refuse a picture and a volume, and lengths of which nobody knows how long they are."""
    if len(moving.axes) != len(fixed.axes):
        raise InputError(
            "One is a picture and the other a volume; only two of a kind can be laid onto one another."
        )
    if not with_scale and {moving.unit, fixed.unit} != {"mm"}:
        raise InputError(
            "The pixel size of a picture is unknown, and a rigid map keeps lengths; give an image that says "
            "it, or take a similarity, which fits the scale, too."
        )


def shared_names(moving: LandmarkSet, fixed: LandmarkSet, names: Sequence[str] = ()) -> tuple[str, ...]:
    """Landmarks that both have, in the order of what stays; InputError for a named one that either lacks."""
    for name in names:
        for one, which in ((moving, "of what is moved"), (fixed, "of what stays")):
            mark: Landmark | None = one[name] if name in one else None
            if mark is None or not mark.is_present:
                raise InputError(f"Cannot align by {name}, {why_absent(mark)} {which}; leave it out.")
    if names:
        return tuple(dict.fromkeys(names))
    there = {mark.name for mark in moving.present}
    both = tuple(mark.name for mark in fixed.present if mark.name in there)
    if not both:
        raise InputError(
            "The two have no landmark in common: they are of different protocols, or one of them has none."
        )
    return both


def errors_of(marks: Sequence[Landmark], frame: Frame, rater_sd: float | None) -> FloatArray | None:
    """(N, d, d) covariances in the frame; None when that of a landmark is not known."""
    assumed = None if rater_sd is None else np.eye(3) * rater_sd**2
    spread = [assumed if mark.covariance is None else mark.covariance for mark in marks]
    known = [matrix for matrix in spread if matrix is not None]
    return frame.covariance(np.array(known)) if len(known) == len(spread) else None


def fitted(
    points: Sequence[FloatArray], errors: Sequence[FloatArray | None], with_scale: bool, what: str
) -> Fit:
    """A fit that determines the turn; InputError where there is none."""
    try:
        found = fit(points[0], points[1], errors[0], errors[1], with_scale=with_scale)
    except UndeterminedError as problem:
        raise InputError(f"Cannot lay {what} onto one another: {problem}.") from None
    if found.turning_95 > MOST_DEG / 2:
        raise InputError(
            f"Cannot lay {what} onto one another: they are too uncertain, so that the turn is known within "
            f"{found.turning_95:.0f} degrees only."
        )
    return found


def remarks_of(found: Fit, names: Sequence[str], unit: str) -> tuple[str, ...]:
    """What a person should know of a fit."""
    d, said = len(found.shift), []
    if len(names) < d + LEAST_TO_CHECK:
        said.append(
            f"Only {counted(len(names), 'landmark is', 'landmarks are')} shared, and a wrong one among "
            f"fewer than {d + LEAST_TO_CHECK} cannot be told."
        )
    wrong = [name for name, used in zip(names, found.used, strict=True) if not used]
    if wrong:
        shown = ", ".join(wrong[:6]) + (f" and {len(wrong) - 6} more" if len(wrong) > 6 else "")
        said.append(f"Left out, because they do not fit the others: {shown}.")
    used = found.residuals[found.used]
    size = float(np.sqrt((used**2).sum(axis=1).mean()))
    if found.explained is False:
        how = "far " if found.factor > FAR_OFF else ""
        said.append(
            f"The residuals are {how}larger than the landmarks' spread explains ({found.factor:.1f} times, "
            f"{size:.1f} {unit}): another person, growth, another posture, or "
            "landmarks less sure than they say."
        )
    elif found.explained is None and size > FAR_OFF_SHARE * found.extent:
        said.append(
            f"The residuals, {size:.1f} {unit}, are large for what is laid onto one another: another "
            "person or posture, or wrong landmarks."
        )
    return tuple(said)


def plane_map(frame: Frame) -> Affine:
    """From RAS to what is measured in, the third axis of a picture standing on it; the identity in space."""
    matrix = np.eye(4)
    axes = frame.axes if len(frame.axes) == 3 else np.vstack([frame.axes, np.cross(*frame.axes)])
    matrix[:3, :3] = axes * frame.scale
    matrix[:3, 3] = -matrix[:3, :3] @ frame.origin
    return Affine(matrix)
