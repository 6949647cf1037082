"""What of a request leaves the computer, and what of an answer is put back.

A worker elsewhere is sent voxels, their geometry, landmarks and settings. It is not sent names (of the
volume, of the record, of files and folders), times, or sentences, in which names may stand: of what is
doubtful it learns the kind and the landmarks. What was taken out is put back into the answer; for the name of
the volume, which the worker says in its own sentences, stands a code.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from LandmarkDetectionLib import requests
from LandmarkDetectionLib.core.doubts import doubts_from_record, doubts_to_record
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.requests import Message, Record, Request, VolumeMessage, request_of

SERVED = (
    requests.Detect,
    requests.LocateNear,
    requests.Refine,
    requests.Silhouette,
    requests.Picture,
    requests.ListModels,
)
"""All others name files of the computer that asks, or change the one that answers."""
VOLUME = "@volume@"
"""Stands for the name of a volume."""
SUFFIXES = (".png", ".svg", ".pdf")

_MODEL = re.compile(r"[a-z0-9][a-z0-9-]{0,63}(@[0-9A-Za-z][0-9A-Za-z.+-]{0,60})?")
_NUMBERS = re.compile(r"[<>|=]?[iufb][0-9]{1,2}")
#: What a detection ran with and is needed to look again; when it was made and its remarks are not.
_PARAMETERS = ("threshold", "depth", "device", "side", "unit", "pixel_size_mm")
_OF_LANDMARKS = ("name", "position", "status", "confidence", "covariance", "predicted", "expected_error")


@dataclass(frozen=True)
class Parcel:
    """One request on its way.

    Attributes
    ----------
    message
        What is sent, without ``id``.
    volume
        As it is known here, with the file of its voxels.
    path
        Where the picture of the answer goes.
    sentences
        What is said here of a doubt, by what is sent of it.
    descriptions
        Of landmarks, by name.
    """

    message: Message
    volume: VolumeMessage | None = None
    path: str | None = None
    sentences: Mapping[str, str] = field(default_factory=dict)
    descriptions: Mapping[str, str] = field(default_factory=dict)

    def named(self, event: Message) -> Message:
        """An event with the name of the volume in its sentences."""
        name = self.volume.name if self.volume is not None else ""

        def told(value: Any) -> Any:
            if isinstance(value, str):
                return value.replace(VOLUME, name)
            if isinstance(value, list):
                return [told(one) for one in value]
            return {key: told(one) for key, one in value.items()} if isinstance(value, dict) else value

        return {key: told(value) for key, value in event.items()}

    def restored(self, result: Message) -> Message:
        """An answer with what was not sent in its place again."""
        if isinstance(warnings := result.get("warnings"), list):
            result = {**result, "warnings": [self.sentences.get(text, text) for text in warnings]}
        if isinstance(landmarks := result.get("landmarks"), list):
            result = {**result, "landmarks": [self._described(one) for one in landmarks]}
        return result

    def _described(self, landmark: Record) -> Record:
        own = self.descriptions.get(landmark["name"])
        return landmark if landmark.get("description") or not own else {**landmark, "description": own}


def pack(message: Message) -> Parcel:
    """What is sent of a request.

    Raises
    ------
    InputError
        It is none, or none for a worker elsewhere.
    """
    request = request_of(message)
    if not isinstance(request, SERVED):
        raise InputError(
            f"A worker elsewhere does not do '{request.do}', which is about files of this computer; "
            "use the worker of this computer."
        )
    sentences: dict[str, str] = {}
    changes: dict[str, Any] = {}
    volume = getattr(request, "volume", None)
    if isinstance(volume, VolumeMessage):
        doubts, said = _without_sentences(volume.doubts)
        sentences.update(said)
        name = VOLUME if volume.name else ""
        changes["volume"] = replace(volume, file="", name=name, doubts=doubts)
    model = getattr(request, "model", None)
    if model is not None and not _MODEL.fullmatch(model):
        raise InputError(
            "A worker elsewhere knows its models by name and uses no folder of this computer; choose one "
            "of its models."
        )
    descriptions: dict[str, str] = {}
    if isinstance(record := getattr(request, "record", None), dict):
        changes["record"], said, descriptions = _without_names(record)
        sentences.update(said)
    path = getattr(request, "path", None)
    if path is not None:
        suffix = re.search(r"\.[A-Za-z]{3}$", path)
        changes["path"] = suffix.group().lower() if suffix else ""
    packed = replace(request, **changes).to_message()
    return Parcel(packed, volume, path, sentences, descriptions)


def unpack(message: Message) -> Request:
    """The request of a message from elsewhere, whose files are still to be named.

    Raises
    ------
    InputError
        It is none, none for a worker elsewhere, or names a file or folder.
    """
    request = request_of(message)
    if not isinstance(request, SERVED):
        raise InputError(f"A worker elsewhere does not do '{request.do}'.")
    volume, record = getattr(request, "volume", None), getattr(request, "record", None)
    if isinstance(volume, VolumeMessage) and (volume.file or volume.name not in ("", VOLUME)):
        raise InputError("A request from elsewhere must not name its volume, nor the file of its voxels.")
    made_by = record.get("model") if isinstance(record, dict) else None
    name = made_by.get("name") if isinstance(made_by, dict) else None
    for model in (getattr(request, "model", None), name):
        # A record that no model made, but a person, has "".
        if model not in (None, "") and not (isinstance(model, str) and _MODEL.fullmatch(model)):
            raise InputError("A request from elsewhere must call a model by its name.")
    if getattr(request, "path", SUFFIXES[0]) not in SUFFIXES:
        raise InputError(f"A picture from elsewhere is one of {', '.join(SUFFIXES)}.")
    return request


def bytes_of(dtype: str, shape: tuple[int, int, int]) -> int:
    """How many bytes voxels have.

    Raises
    ------
    InputError
        They are no numbers.
    """
    try:
        if _NUMBERS.fullmatch(dtype):
            return np.dtype(dtype).itemsize * math.prod(shape)
    except TypeError:
        pass
    raise InputError("The voxels are no numbers that can be read.")


def _without_names(record: Record) -> tuple[Record, dict[str, str], dict[str, str]]:
    """A record with what is needed to look again, what was said of its doubts, and descriptions."""
    doubts, said = _without_sentences(record)
    parameters = record.get("parameters")
    parameters = parameters if isinstance(parameters, dict) else {}
    kept: Record = {key: parameters[key] for key in _PARAMETERS if key in parameters}
    if isinstance(given := parameters.get("given"), dict):
        kept["given"] = {key: given[key] for key in _PARAMETERS if key in given}
    known: Record = {
        key: record[key] for key in ("schema_version", "coordinate_system", "units") if key in record
    }
    if isinstance(made_by := record.get("model"), dict):
        known["model"] = {key: made_by[key] for key in ("name", "version") if key in made_by}
    lists: Record = {key: _plain(record[key]) for key in ("landmarks", "prediction") if key in record}
    marks = record.get("landmarks")
    descriptions = {
        one["name"]: str(one.get("description") or "")
        for one in (marks if isinstance(marks, list) else ())
        if isinstance(one, dict) and isinstance(one.get("name"), str)
    }
    return {**known, "parameters": kept, **doubts, **lists}, said, descriptions


def _plain(landmarks: Any) -> Any:
    if not isinstance(landmarks, list):
        return landmarks  # broken, as the worker will say
    return [
        {key: one[key] for key in _OF_LANDMARKS if key in one} if isinstance(one, dict) else one
        for one in landmarks
    ]


def _without_sentences(record: Record) -> tuple[Record, dict[str, str]]:
    """Doubts by kind and landmarks, and what is said of each here."""
    try:
        doubts = doubts_from_record(record, ())
    except ValueError as problem:
        raise InputError(f"The record of the review cannot be used: {problem}.") from None
    if not doubts:
        return {}, {}
    said: dict[str, str] = {}
    sent = []
    for number, doubt in enumerate(doubts, 1):
        text = f"{doubt.subject} ({number})" if doubt.subject in said else doubt.subject
        said[text] = doubt.text
        sent.append(replace(doubt, text=text))
    return doubts_to_record(sent), said
