"""What is doubtful about an image or a result: a sentence for people, and for programs what it is about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

from LandmarkDetectionLib.core.landmarks import LandmarkSet

PIXEL_SIZE = "Pixel size: "
"""How the sentence of every doubt of the kind ``PIXEL_SIZE`` begins."""


class DoubtKind(str, Enum):
    """What a doubt is about.

    Examples
    --------
    >>> import LandmarkDetectionLib as ld
    >>> any(doubt.kind is DoubtKind.MIRRORED for doubt in ld.read_detection("ct.json").doubts)
    False
    """

    IMAGE_FILE = "image_file"
    """How it was read, or that other programs read it otherwise."""
    SLICES = "slices"
    PIXEL_SIZE = "pixel_size"
    """What the millimetres of an image mean."""
    PIXELS = "pixels_not_mm"
    KIND_OF_IMAGE = "kind_of_image"
    """Another one than the model was made for."""
    REGISTRATION = "registration"
    NOT_FOUND = "not_found"
    UNCERTAIN = "uncertain"
    NO_BODY = "no_body"
    NO_SKULL = "no_skull"
    NO_HAND = "no_hand"
    SEVERAL_HANDS = "several_hands"
    CUT_OFF = "cut_off"
    SIDE = "side"
    """Left and right, of a hand or of landmarks."""
    ORIENTATION = "orientation"
    MIRRORED = "mirrored"
    DISTANCE = "unusual_distance"
    LEVEL = "vertebra_level"
    SECOND_SOURCE = "second_source"
    """Another source, as a label map, has a landmark elsewhere."""
    NOT_MEASURED = "not_measured"
    CALIBRATION = "calibration"
    OTHER = "other"


@dataclass(frozen=True)
class Doubt:
    """One thing that a person should know before trusting an image or a result.

    Attributes
    ----------
    text
        For people: a sentence or two, which no program reads.
    kind
        What it is about.
    landmarks
        Names of those it is about; empty when it is about the whole image or result.

    Examples
    --------
    >>> Doubt("Hip and knee are 210 mm apart.", DoubtKind.DISTANCE, ("hip_left", "knee_left")).subject
    'unusual distance: hip left, knee left'
    """

    text: str
    kind: DoubtKind = DoubtKind.OTHER
    landmarks: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """Kind and landmarks in words: what the doubts of many cases are counted by."""
        return f"{self.kind.value}: {', '.join(self.landmarks)}".replace("_", " ").removesuffix(": ")


_OF_PLACES = (
    DoubtKind.UNCERTAIN,
    DoubtKind.NOT_FOUND,
    DoubtKind.DISTANCE,
    DoubtKind.LEVEL,
    DoubtKind.MIRRORED,
    DoubtKind.SECOND_SOURCE,
)
"""About where a model has landmarks, which a person has judged once each is settled."""


def open_doubts(doubts: Iterable[Doubt], landmarks: LandmarkSet) -> tuple[Doubt, ...]:
    """The doubts that are left after what a person said, in order.

    A doubt about landmarks is over when a person has accepted, corrected or called missing each of them. One
    about no landmark in particular is over with the last landmark, if it is about where landmarks are; what
    is doubtful about an image stays.

    Examples
    --------
    >>> doubt = Doubt("The chin may be cut off.", DoubtKind.CUT_OFF, ("chin",))
    >>> from LandmarkDetectionLib.core.landmarks import Landmark
    >>> chin = Landmark("chin", [0.0, 90.0, 700.0], "uncertain")
    >>> len(open_doubts([doubt], LandmarkSet((chin,))))
    1
    >>> open_doubts([doubt], LandmarkSet((Landmark("chin", [0.0, 90.0, 690.0], "corrected"),)))
    ()
    """
    settled = {mark.name: mark.status.by_person for mark in landmarks}
    is_done = bool(settled) and all(settled.values())

    def is_open(doubt: Doubt) -> bool:
        about = [settled[name] for name in doubt.landmarks if name in settled]
        if about:
            return not all(about)
        return not (is_done and doubt.kind in _OF_PLACES)

    return tuple(doubt for doubt in doubts if is_open(doubt))


def texts_of(doubts: Iterable[Doubt]) -> tuple[str, ...]:
    """Their sentences, in order."""
    return tuple(doubt.text for doubt in doubts)


def doubts_to_record(doubts: Iterable[Doubt]) -> dict[str, list[Any]]:
    """The entries ``warnings`` (texts) and ``doubts`` (kinds and landmarks, in that order) of a record."""
    doubts = tuple(doubts)
    about = [{"kind": one.kind.value, "landmarks": list(one.landmarks)} for one in doubts]
    return {"warnings": list(texts_of(doubts)), "doubts": about}


def doubts_from_record(record: Mapping[str, Any], names: Sequence[str]) -> tuple[Doubt, ...]:
    """Inverse of :func:`doubts_to_record`.

    Parameters
    ----------
    record
        One of before has ``warnings`` alone.
    names
        Of the landmarks that it may be about.

    Raises
    ------
    ValueError
        An entry is broken; the text says which.
    """
    texts, about = record.get("warnings", ()), record.get("doubts")
    if not isinstance(texts, list | tuple):
        raise ValueError("its entry 'warnings' is broken")
    if about is None:
        return tuple(_of_before(str(text), tuple(names)) for text in texts)
    try:
        return tuple(
            Doubt(str(text), _kind(one["kind"]), tuple(map(str, one["landmarks"])))
            for text, one in zip(texts, about, strict=True)
        )
    except (KeyError, TypeError, ValueError):
        raise ValueError("its entry 'doubts' is broken") from None


def _kind(value: str) -> DoubtKind:
    """That of a newer program is another one."""
    return DoubtKind(value) if value in {kind.value for kind in DoubtKind} else DoubtKind.OTHER


@lru_cache(maxsize=20_000)
def _of_before(text: str, names: tuple[str, ...]) -> Doubt:
    """The doubt of a record that has sentences alone: the one place where a sentence is read."""
    spoken = text.replace("_", " ")
    about = tuple(
        name
        for name in names
        if re.search(rf"(?<!\w){re.escape(name.replace('_', ' '))}(?!\w)", spoken, re.IGNORECASE)
    )
    kind = DoubtKind.PIXEL_SIZE if text.startswith(PIXEL_SIZE) else DoubtKind.OTHER
    return Doubt(text, kind, about)
