"""A detection: landmarks found in one image, and how they were found."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from LandmarkDetectionLib.core.doubts import Doubt, doubts_from_record, doubts_to_record, texts_of
from LandmarkDetectionLib.core.geometry import Affine
from LandmarkDetectionLib.core.landmarks import LandmarkSet, landmarks_from_records
from LandmarkDetectionLib.core.options import DetectOptions, Used, possible_options

SCHEMA_VERSION = 1
"""Of the ``.json`` record; raised when an older reader would misunderstand a newer file."""

MOST = 1e300
"""Integers of JSON may be larger than any float."""


@dataclass(frozen=True)
class Detection:
    """Landmarks found in one image, and how they were found.

    Parameters
    ----------
    landmarks
        Positions in RAS mm with status and confidence.
    model, model_version
        Which model made them.
    parameters
        What the detection ran with (threshold, way to find the depth, device, ...): JSON values.
    doubts
        What a person should know before trusting the landmarks; ``warnings`` are their sentences.
    seconds
        Time of each step in s.

    Examples
    --------
    >>> import LandmarkDetectionLib as ld
    >>> detection = ld.read_detection("ct.json")
    >>> detection.model, "knee_left" in detection.landmarks, detection.warnings
    ('whole-body-ct', True, ())
    """

    landmarks: LandmarkSet
    model: str
    model_version: str
    parameters: dict[str, Any] = field(default_factory=dict)
    doubts: tuple[Doubt, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def warnings(self) -> tuple[str, ...]:
        """The sentences of ``doubts``, for people."""
        return texts_of(self.doubts)

    @property
    def options(self) -> DetectOptions:
        """What it was asked with, as far as its record tells; see ``options.possible_options``."""
        return possible_options(self.parameters)[0]

    @property
    def used(self) -> Used:
        """What it ran with: given, estimated or chosen by the model."""
        return Used.of(self.parameters)

    @property
    def unit(self) -> str:
        """Of its positions: "mm", or "px" in a picture whose pixels have no known size."""
        return "px" if self.used.unit == "pixel" else "mm"

    def transformed(self, affine: Affine) -> Detection:
        """The detection with its landmarks moved, as ``LandmarkSet.transformed`` does it."""
        return replace(self, landmarks=self.landmarks.transformed(affine))

    def to_record(self) -> dict[str, Any]:
        """All of it, as JSON values; positions in RAS mm, covariances in mm^2."""
        return {
            "schema_version": SCHEMA_VERSION,
            "coordinate_system": "RAS",
            "units": "mm",
            "name": self.landmarks.name,
            "model": {"name": self.model, "version": self.model_version},
            "parameters": _plain(self.parameters),
            **doubts_to_record(self.doubts),
            "seconds": _plain(self.seconds),
            "landmarks": [landmark.to_record() for landmark in self.landmarks],
        }


def detection_from_record(record: dict[str, Any]) -> Detection:
    """Inverse of :meth:`Detection.to_record`.

    Raises
    ------
    ValueError
        The record is broken or of a newer version; the text says what is wrong.
    """
    require_finite(record)
    version = record.get("schema_version")
    if "landmarks" not in record or version is None:
        raise ValueError(
            "it is not the record of a detection, which is what detecting writes to a .json file"
        )
    if version != SCHEMA_VERSION:
        raise ValueError(
            f"its record version is {version!r}, this program reads {SCHEMA_VERSION}; "
            "use the program version that wrote it or a newer one"
        )
    if record.get("coordinate_system") != "RAS" or record.get("units") != "mm":
        raise ValueError("its positions are not in RAS mm")
    model = _entry(record, "model", dict)
    seconds = _entry(record, "seconds", dict)
    if not all(isinstance(value, (int, float)) for value in seconds.values()):
        raise ValueError("its entry 'seconds' holds something else than numbers")
    landmarks = landmarks_from_records(record["landmarks"], name=str(record.get("name") or ""))
    return Detection(
        landmarks=landmarks,
        model=str(model.get("name", "")),
        model_version=str(model.get("version", "")),
        parameters=_entry(record, "parameters", dict),
        doubts=doubts_from_record(record, landmarks.names),
        seconds={step: float(value) for step, value in seconds.items()},
    )


def require_finite(record: Mapping[str, Any]) -> None:
    """Refuse NaN and infinity, which JSON does not have and Python reads all the same.

    Raises
    ------
    ValueError
        There is one; the text names the entry.
    """
    for key, entry in record.items():
        pending = [entry]
        while pending:
            value = pending.pop()
            if isinstance(value, Mapping):
                pending += value.values()
            elif isinstance(value, list):
                pending += value
            elif isinstance(value, int | float) and not -MOST < value < MOST:
                raise ValueError(f"its entry '{key}' holds a number that is not finite")


def _entry(record: dict[str, Any], key: str, kind: type) -> Any:
    value = record.get(key, kind())
    if not isinstance(value, kind):
        raise ValueError(f"its entry '{key}' is broken")
    return value


def _plain(value: Any) -> Any:
    """JSON values of what parameters usually hold: NumPy numbers and arrays, paths, tuples; NaN is null."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    elif isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)
