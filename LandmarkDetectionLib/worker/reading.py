"""What a request holds as the library's own types; what cannot be used is said in one sentence."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from LandmarkDetectionLib.core.doubts import doubts_from_record
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.requests import Record, VolumeMessage

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.protocol import Protocol
    from LandmarkDetectionLib.core.review import Review


def open_volume(message: VolumeMessage) -> Volume:
    """Map the file of a volume into memory; nothing is read yet.

    Raises
    ------
    InputError
        The file is gone or has another size than the message says.
    """
    path, name = Path(message.file), message.name
    try:
        dtype = np.dtype(message.dtype)
        if dtype.kind not in "iufb":
            raise TypeError
    except (TypeError, ValueError, SyntaxError):
        raise InputError(f"There are no voxels of the type {message.dtype[:40]!r}; start again.") from None
    size = path.stat().st_size if path.is_file() else -1
    if size != dtype.itemsize * math.prod(message.shape):
        problem = "are gone" if size < 0 else "are not complete"
        raise InputError(f"The voxels of {name or 'the volume'} in {path} {problem}; start again.")
    # Copy on write: nothing is ever written, but compiled loops know no read-only arrays.
    voxels = np.memmap(path, dtype, mode="c", shape=message.shape).view(np.ndarray)
    with in_one_sentence(f"The place of {name or 'the volume'}"):
        return Volume(
            voxels,
            np.array(message.ijk_to_ras),
            message.modality,
            name,
            spacing_known=message.spacing_known,
            doubts=doubts_from_record(message.doubts, ()),
        )


def review_of(record: Record) -> Review:
    """The review of a record; InputError when it cannot be used."""
    from LandmarkDetectionLib.core.review import Review

    with in_one_sentence("The record of the review"):
        return Review.from_record(record)


def protocol_of(record: Record) -> Protocol:
    """The protocol of a record; InputError when it cannot be used."""
    from pydantic import ValidationError

    from LandmarkDetectionLib.core.protocol import Protocol, readable

    try:
        return Protocol.model_validate(record)
    except ValidationError as problem:
        raise InputError(f"The protocol cannot be used: {readable(problem)}.") from None


@contextmanager
def in_one_sentence(what: str) -> Iterator[None]:
    """Say of what a message has that it cannot be used, and why."""
    try:
        yield
    except ValueError as problem:
        raise InputError(f"{what} cannot be used: {problem}.") from None
