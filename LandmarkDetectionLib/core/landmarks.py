"""Landmarks in RAS mm: where they are, how sure that is, and who said so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import numpy as np

from LandmarkDetectionLib.core.geometry import Affine
from LandmarkDetectionLib.typing import FloatArray

FARTHEST_MM = 1e6
"""No image is a kilometre from its own origin: such a position is a slip, or an attack on what draws it."""


class Status(str, Enum):
    """What is known of a landmark: found by a model, or settled by a person.

    Examples
    --------
    >>> Status("corrected").by_person, Status.ABSENT.has_position
    (True, False)
    """

    DETECTED = "detected"
    UNCERTAIN = "uncertain"
    ABSENT = "absent"
    ACCEPTED = "accepted"
    CORRECTED = "corrected"
    MISSING = "missing"
    """A person looked and says that it is not in the image; ``ABSENT`` is a model's word."""

    @property
    def has_position(self) -> bool:
        """Whether a landmark of this status is somewhere."""
        return self not in (Status.ABSENT, Status.MISSING)

    @property
    def by_person(self) -> bool:
        """Whether a person has looked at the landmark and settled it."""
        return self in (Status.ACCEPTED, Status.CORRECTED, Status.MISSING)


@dataclass(frozen=True, eq=False)
class Landmark:
    """One named point.

    Parameters
    ----------
    name
        Unique within its set, for example ``knee_left``.
    position : (3,) float64
        RAS mm. All NaN exactly when the status is ``ABSENT`` or ``MISSING``; the position of such a landmark
        is dropped.
    status
        See :class:`Status`.
    confidence
        Calibrated probability in [0, 1] that the landmark is there and where it is said to be.
    covariance : (3, 3) float64, optional
        Spread of the position in mm^2, RAS axes.
    description
        The plain definition of the landmark, or a person's remark.
    predicted : (3,) float64, optional
        The model's original position in RAS mm, kept beside a person's correction.
    expected_error : float, optional
        How far from the truth the position is expected to be, in mm: the root of the expected square, from
        the network's own calibrated spread and from how well it agrees with the other landmarks.

    Raises
    ------
    ValueError
        An array of another shape, a position that is not finite although the landmark is not absent, or a
        confidence outside [0, 1].

    Examples
    --------
    >>> knee = Landmark("knee_left", [-70.0, 12.0, -372.0], Status.UNCERTAIN, confidence=0.4)
    >>> knee.is_present, knee.position.tolist()
    (True, [-70.0, 12.0, -372.0])
    """

    name: str
    position: FloatArray
    status: Status = Status.DETECTED
    confidence: float | None = None
    covariance: FloatArray | None = None
    description: str = ""
    predicted: FloatArray | None = None
    expected_error: float | None = None

    def __post_init__(self) -> None:
        # Arrays are copied and locked, so that a frozen landmark really stays as it is.
        def lock(field: str, shape: tuple[int, ...]) -> None:
            array = np.array(getattr(self, field), dtype=np.float64)
            if array.shape != shape:
                raise ValueError(f"{field} of {self.name!r} has shape {array.shape}, expected {shape}")
            array.setflags(write=False)
            object.__setattr__(self, field, array)

        object.__setattr__(self, "status", Status(self.status))
        if not self.name or not isinstance(self.name, str):
            raise ValueError("a landmark needs a name")
        if not self.status.has_position:
            object.__setattr__(self, "position", np.full(3, np.nan))
        lock("position", (3,))
        if self.status.has_position and not np.isfinite(self.position).all():
            raise ValueError(
                f"position of {self.name!r} is not finite, but its status is {self.status.value}"
            )
        if self.covariance is not None:
            lock("covariance", (3, 3))
        if self.predicted is not None:
            lock("predicted", (3,))
        if self.confidence is not None:
            object.__setattr__(self, "confidence", float(self.confidence))
            if not 0 <= self.confidence <= 1:
                raise ValueError(f"confidence of {self.name!r} is {self.confidence}, expected 0 to 1")
        if self.expected_error is not None:
            object.__setattr__(self, "expected_error", float(self.expected_error))
            if not 0 <= self.expected_error < float("inf"):
                raise ValueError(
                    f"expected_error of {self.name!r} is {self.expected_error}, expected 0 mm or more"
                )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Landmark):
            return NotImplemented
        return self.to_record() == other.to_record()

    def __hash__(self) -> int:
        return hash((self.name, self.status))

    @property
    def is_present(self) -> bool:
        """Whether the landmark has a position."""
        return self.status.has_position

    def to_record(self) -> dict[str, Any]:
        """Everything about the landmark as JSON values: RAS mm, null where there is nothing."""
        return {
            "name": self.name,
            "position": self.position.tolist() if self.is_present else None,
            "status": self.status.value,
            "confidence": self.confidence,
            "covariance": None if self.covariance is None else self.covariance.tolist(),
            "description": self.description,
            "predicted": None if self.predicted is None else self.predicted.tolist(),
            "expected_error": self.expected_error,
        }

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Landmark:
        """Inverse of :meth:`to_record`; raises KeyError, TypeError or ValueError for a broken record."""
        position = record["position"]
        status = Status(record.get("status", Status.DETECTED if position is not None else Status.ABSENT))
        for field in ("position", "predicted", "covariance"):
            if (value := record.get(field)) is not None:
                require_sane(field, np.array(value, dtype=np.float64))
        return cls(
            name=record["name"],
            position=np.full(3, np.nan) if position is None else position,
            status=status,
            confidence=record.get("confidence"),
            covariance=record.get("covariance"),
            description=str(record.get("description") or ""),
            predicted=record.get("predicted"),
            expected_error=record.get("expected_error"),
        )


@dataclass(frozen=True)
class LandmarkSet:
    """Landmarks in a fixed order, each found by its name.

    ``landmarks["knee_left"]``, ``"knee_left" in landmarks`` and ``len`` work as in a mapping; iteration gives
    the :class:`Landmark` objects in order.

    Raises
    ------
    ValueError
        Two landmarks have the same name.

    Examples
    --------
    >>> chin = Landmark("chin", [0.0, 90.0, 700.0])
    >>> landmarks = LandmarkSet((chin,), name="head")
    >>> landmarks["chin"].position.tolist()
    [0.0, 90.0, 700.0]
    """

    landmarks: tuple[Landmark, ...]
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "landmarks", tuple(self.landmarks))
        twice = first_repeated(self.names)
        if twice is not None:
            raise ValueError(f"two landmarks are named {twice!r}")

    def __len__(self) -> int:
        return len(self.landmarks)

    def __iter__(self) -> Iterator[Landmark]:
        return iter(self.landmarks)

    def __contains__(self, name: object) -> bool:
        return any(landmark.name == name for landmark in self.landmarks)

    def __getitem__(self, name: str) -> Landmark:
        for landmark in self.landmarks:
            if landmark.name == name:
                return landmark
        raise KeyError(name)

    @property
    def names(self) -> tuple[str, ...]:
        """Names in order."""
        return tuple(landmark.name for landmark in self.landmarks)

    @property
    def positions(self) -> FloatArray:
        """(N, 3) float64 RAS mm in order, NaN rows for absent landmarks."""
        return np.array([landmark.position for landmark in self.landmarks], dtype=np.float64).reshape(-1, 3)

    @property
    def present(self) -> LandmarkSet:
        """The set without its absent landmarks."""
        return replace(self, landmarks=tuple(mark for mark in self.landmarks if mark.is_present))

    def with_landmark(self, landmark: Landmark) -> LandmarkSet:
        """The set with the landmark of the same name exchanged; KeyError when there is none."""
        self[landmark.name]
        return replace(
            self, landmarks=tuple(landmark if mark.name == landmark.name else mark for mark in self.landmarks)
        )

    def transformed(self, affine: Affine) -> LandmarkSet:
        """Every place moved by an affine map, and every covariance with it."""
        if np.array_equal(affine.matrix, np.eye(4)):
            return self
        return replace(self, landmarks=tuple(_transformed(mark, affine) for mark in self.landmarks))


def _transformed(landmark: Landmark, affine: Affine) -> Landmark:
    linear, shift = affine.linear, affine.shift
    covariance, predicted = landmark.covariance, landmark.predicted
    return replace(
        landmark,
        position=linear @ landmark.position + shift,
        covariance=None if covariance is None else linear @ covariance @ linear.T,
        predicted=None if predicted is None else linear @ predicted + shift,
    )


def require_sane(field: str, values: FloatArray) -> None:
    """Raise ValueError for what cannot be a place, or a spread, in mm."""
    if not np.isfinite(values).all():
        raise ValueError(f"{field} is not finite")
    limit = FARTHEST_MM**2 if field == "covariance" else FARTHEST_MM
    if np.abs(values).max(initial=0) > limit:
        raise ValueError(f"{field} is more than {FARTHEST_MM / 1e6:g} km away, where no image is")
    if field == "covariance" and values.shape == (3, 3):
        # Rounding may leave it a little lopsided or below 0.
        tolerance = 1e-6 * max(1.0, np.abs(values).max())
        if np.abs(values - values.T).max() > tolerance or np.linalg.eigvalsh(values).min() < -tolerance:
            raise ValueError(f"{field} is no spread: it is lopsided, or negative in some direction")


# --- shared pieces --------------------------------------------------------------------------------------


class BrokenError(ValueError):
    """What is wrong with a file; the public functions add which file and make it an InputError."""


def landmarks_from_records(records: Any, name: str = "") -> LandmarkSet:
    """Landmarks from the JSON records of :meth:`Landmark.to_record`.

    Raises
    ------
    ValueError
        The records are broken; the text names the first one.
    """
    if not isinstance(records, list):
        raise BrokenError("its entry 'landmarks' is not a list")
    landmarks = []
    for number, record in enumerate(records, start=1):
        try:
            landmarks.append(Landmark.from_record(record))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as problem:
            raise BrokenError(f"landmark {number} is broken ({_one_line(problem)})") from None
    return unique(landmarks, name)


def _one_line(problem: Exception) -> str:
    text = f"{problem.args[0]} is missing" if isinstance(problem, KeyError) else str(problem)
    return " ".join(text.split())


def unique(landmarks: list[Landmark], name: str = "") -> LandmarkSet:
    """A set of landmarks; BrokenError when two have one name."""
    twice = first_repeated(landmark.name for landmark in landmarks)
    if twice is not None:
        raise BrokenError(f"two points are named '{twice}'; rename one of them")
    for number, landmark in enumerate(landmarks, start=1):
        try:  # half of a character, which JSON can name and no file can hold
            f"{landmark.name}{landmark.description}".encode()
        except UnicodeEncodeError:
            raise BrokenError(f"the name or the description of point {number} is no text") from None
    return LandmarkSet(tuple(landmarks), name=name)


def first_repeated(names: Iterable[str]) -> str | None:
    """The first name that occurs twice, or None."""
    seen: set[str] = set()
    return next((name for name in names if name in seen or seen.add(name)), None)  # type: ignore[func-returns-value]
