"""Which landmarks there are: a named list with definitions, left/right pairs, lines and measurements.

A protocol is a small JSON file that a person can read and write::

    {
      "name": "two-hands",
      "title": "Two hands",
      "version": "1.0.0",
      "region": "hand",
      "landmarks": [
        {"name": "thumb_right", "title": "Right thumb", "definition": "Tip of the right thumb's last bone."},
        {"name": "thumb_left", "title": "Left thumb", "definition": "Tip of the left thumb's last bone."}
      ],
      "pairs": [["thumb_left", "thumb_right"]],
      "lines": [["thumb_left", "thumb_right"]]
    }
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, StringConstraints, ValidationError, model_validator

from LandmarkDetectionLib.core.frame_kinds import CoordinateFrame, frame_problems
from LandmarkDetectionLib.core.label_rules import LabelRule
from LandmarkDetectionLib.core.measurement_kinds import (
    Frozen,
    Measurement,
    Name,
    OrderCheck,
    Text,
    landmarks_of,
    problems_of,
)
from LandmarkDetectionLib.core.shapes import mirror_permutation

# Safe as the name of a file or folder on every system.
PackageName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$")]
Version = Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+(?:[-+.][0-9A-Za-z.+-]{1,40})?$")]


class LandmarkDefinition(Frozen):
    """One landmark as a rater would be told.

    Parameters
    ----------
    name
        Unique in the protocol, for example ``knee_left``.
    title
        As shown to people, for example ``Left knee``.
    definition
        Where exactly the point lies, in one plain sentence.
    color
        ``#rrggbb`` for pictures; chosen by the viewer when left out.
    """

    name: Name
    title: Text
    definition: Text
    color: Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")] | None = None


class Protocol(Frozen):
    """The named set of landmarks a model finds or a person marks.

    Parameters
    ----------
    name, title, version
        For files (lower case, digits, dashes), for people, and as ``1.2.3``.
    region
        Part of the body in one word, for example ``whole-body``, ``hand`` or ``head``.
    landmarks
        At least one; their order is that of all arrays.
    pairs
        (left, right) names of landmarks that exchange roles when a body is mirrored.
    lines
        Pairs of names to join in pictures.
    chain
        Levels that follow one another and look alike, as vertebrae from top to bottom: the landmarks of each,
        all in one order. A model may take every one of them for its neighbour.
    view
        ``space``: landmarks are measured in the patient's space; ``picture``: in the plane of a radiograph,
        x to its right and y down.
    measurements
        What is measured between the landmarks; see
        :mod:`LandmarkDetectionLib.core.measurement_kinds`.
    checks
        What must be so before anything is measured.
    frames
        Coordinate frames that the landmarks give; see :mod:`LandmarkDetectionLib.core.frame_kinds`.
    label_rules
        How a label map tells landmarks; see :mod:`LandmarkDetectionLib.core.label_rules`.
    description
        Who made the protocol and for what.

    Raises
    ------
    pydantic.ValidationError
        A name occurs twice or is unknown, or a landmark is paired with itself or twice.

    Examples
    --------
    >>> import LandmarkDetectionLib as ld
    >>> protocol = ld.load_protocol("whole-body")
    >>> protocol.names[:2], ("knee_left", "knee_right") in protocol.pairs
    (('head_top', 'eye_right'), True)
    """

    name: PackageName
    title: Text
    version: Version
    region: PackageName
    landmarks: Annotated[tuple[LandmarkDefinition, ...], Field(min_length=1, max_length=10_000)]
    pairs: tuple[tuple[Name, Name], ...] = ()
    lines: tuple[tuple[Name, Name], ...] = ()
    chain: tuple[tuple[Name, ...], ...] = ()
    view: Literal["space", "picture"] = "space"
    measurements: tuple[Measurement, ...] = ()
    checks: tuple[OrderCheck, ...] = ()
    frames: tuple[CoordinateFrame, ...] = ()
    label_rules: tuple[LabelRule, ...] = ()
    description: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Protocol:
        problems = [
            *self._repeated_names(),
            *self._unknown_names(),
            *self._wrong_pairs(),
            *self._wrong_chain(),
            *problems_of(self.measurements, self.checks, self.view == "picture"),
            *frame_problems(self.frames, self.view == "picture"),
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _repeated_names(self) -> Iterator[str]:
        for name in _repeated(self.names):
            yield f"the landmark {name!r} is defined twice"
        for name in _repeated(tuple(rule.landmark for rule in self.label_rules)):
            yield f"the landmark {name!r} has two label rules"

    def _unknown_names(self) -> Iterator[str]:
        known = set(self.names)
        used = {
            "pair": self.pairs,
            "line": self.lines,
            "chain": self.chain,
            "measurement": tuple(measurement.own_landmarks for measurement in self.measurements),
            "check": tuple(check.landmarks for check in self.checks),
            "frame": tuple(frame.all_landmarks for frame in self.frames),
            "label rule": tuple((rule.landmark,) for rule in self.label_rules),
        }
        for kind, groups in used.items():
            for name in dict.fromkeys(name for group in groups for name in group):
                if name not in known:
                    yield f"a {kind} names the unknown landmark {name!r}"

    def _wrong_pairs(self) -> Iterator[str]:
        for kind, pairs in {"pair": self.pairs, "line": self.lines}.items():
            for first, second in pairs:
                if first == second:
                    yield f"a {kind} joins {first!r} with itself"
        for name in _repeated(name for pair in self.pairs for name in dict.fromkeys(pair)):
            yield f"the landmark {name!r} is in two pairs"

    def _wrong_chain(self) -> Iterator[str]:
        if len({len(level) for level in self.chain}) > 1:
            yield "the levels of the chain have different numbers of landmarks"
        if len(self.chain) == 1 or () in self.chain:
            yield "a chain needs at least two levels of at least one landmark"
        for name in _repeated(name for level in self.chain for name in level):
            yield f"the landmark {name!r} is in the chain twice"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the landmarks in order."""
        return tuple(landmark.name for landmark in self.landmarks)

    def __getitem__(self, name: str) -> LandmarkDefinition:
        """The definition of a landmark; KeyError when there is none of this name."""
        for landmark in self.landmarks:
            if landmark.name == name:
                return landmark
        raise KeyError(name)

    def index(self, name: str) -> int:
        """Row of a landmark in arrays; ValueError when there is none of this name."""
        return self.names.index(name)

    def restricted(self, names: Iterable[str]) -> Protocol:
        """The protocol with some of its landmarks, and what joins, checks and measures only them."""
        kept = set(names)
        known = {one.name: one for one in self.measurements}
        return Protocol(
            **{
                **{field: getattr(self, field) for field in type(self).model_fields},
                "landmarks": tuple(one for one in self.landmarks if one.name in kept),
                "pairs": tuple(pair for pair in self.pairs if kept.issuperset(pair)),
                "lines": tuple(line for line in self.lines if kept.issuperset(line)),
                "chain": _unbroken(self.chain, kept),
                "measurements": tuple(
                    one for one in self.measurements if kept.issuperset(landmarks_of(one, known))
                ),
                "checks": tuple(one for one in self.checks if kept.issuperset(one.landmarks)),
                "frames": tuple(one for one in self.frames if kept.issuperset(one.all_landmarks)),
                "label_rules": tuple(one for one in self.label_rules if one.landmark in kept),
            }
        )

    def mirror_permutation(self) -> npt.NDArray[np.intp]:
        """(N,) indices that exchange left and right: ``mirrored = positions[permutation]``.

        Landmarks in no pair keep their place; applying it twice changes nothing.
        """
        return mirror_permutation(self.names, self.pairs)


def _unbroken(chain: tuple[tuple[str, ...], ...], kept: set[str]) -> tuple[tuple[str, ...], ...]:
    """The levels of a chain of which all landmarks are kept; none when one between others is not."""
    there = [n for n, level in enumerate(chain) if kept.issuperset(level)]
    whole = len(there) > 1 and there[-1] - there[0] == len(there) - 1
    return chain[there[0] : there[-1] + 1] if whole else ()


def protocol_of_names(names: Iterable[str], title: str) -> Protocol:
    """A protocol of nothing but names, where nobody has defined the landmarks.

    Raises
    ------
    pydantic.ValidationError
        A name cannot be one of a landmark, or occurs twice.
    """
    return Protocol(
        name=plain_name(title) or "landmarks",
        title=title or "Landmarks",
        version="1.0.0",
        region="unnamed",
        landmarks=tuple(
            LandmarkDefinition(
                name=name, title=name, definition=f"As annotated in {title or 'the data set'}."
            )
            for name in names
        ),
    )


def plain_name(title: str) -> str:
    """What a title is called as a file: lower case letters, digits and dashes; may be empty."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60].strip("-")


def readable(problem: ValidationError, limit: int = 3) -> str:
    """What pydantic found, as a part of one sentence: ``landmarks[2].title: is missing; ...``."""
    errors = problem.errors(include_url=False, include_context=False, include_input=False)
    texts = [_readable_error(list(error["loc"]), error["type"], error["msg"]) for error in errors[:limit]]
    if len(errors) > limit:
        texts.append(f"and {len(errors) - limit} more")
    return "; ".join(texts)


def _readable_error(location: list[str | int], kind: str, message: str) -> str:
    place = re.sub(r"^\.", "", "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in location))
    text = {"missing": "is missing", "extra_forbidden": "is not a known entry"}.get(kind)
    if text is None:
        text = message.removeprefix("Value error, ")
        text = text[:1].lower() + text[1:] if kind != "value_error" else text
    # Names come from the file; a line end in one must not break the sentence.
    return " ".join((f"{place}: {text}" if place else text).split())


def _repeated(names: Iterator[str] | tuple[str, ...]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
