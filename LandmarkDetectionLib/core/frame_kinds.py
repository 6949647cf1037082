"""How a protocol file says where a coordinate frame lies: origin, axes along lines, checks; no formulas.

A frame is one readable entry, and nothing in a file is ever evaluated::

    {"name": "anterior_pelvic_plane", "title": "Anterior pelvic plane", "origin": ["asis_right", "asis_left"],
     "axes": [{"axis": "right", "line": ["asis_left", "asis_right"]},
              {"axis": "superior", "line": ["pubic_symphysis", ["asis_right", "asis_left"]]}],
     "checks": [{"landmarks": ["psis_right", "asis_right"], "along": "anterior", "otherwise": "mirrored"}]}

The first axis runs along its line; the second is what is left of its line across the first; the third stands
on both, so that a frame is never mirrored. How frames are placed is in :mod:`LandmarkDetectionLib.alignment`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, model_validator

from LandmarkDetectionLib.core.measurement_kinds import Direction, Frozen, Name, OrderCheck, Text

Place = Name | Annotated[tuple[Name, ...], Field(min_length=2, max_length=50)]
"""A landmark, or the middle of several."""

#: Directions that lie along the same axis of a frame.
AXES = {
    "right": "right",
    "left": "right",
    "anterior": "anterior",
    "posterior": "anterior",
    "superior": "superior",
    "inferior": "superior",
    "picture_right": "picture_right",
    "picture_down": "picture_down",
}


class FrameAxis(Frozen):
    """One axis of a frame.

    Parameters
    ----------
    axis
        The direction of the frame that the line has.
    line
        From a place to another.
    """

    axis: Direction
    line: tuple[Place, Place]


class CoordinateFrame(Frozen):
    """A frame whose axes are called right, anterior and superior, or the directions of a picture.

    Parameters
    ----------
    name, title
        Unique in the protocol; for people.
    description
        What it is for, or how it is defined, in a sentence.
    source
        Where the definition is from.
    origin
        Where its coordinates are 0.
    axes
        Two in space, the more certain one first; one in a picture, which has only one turn.
    checks
        What must be so in the frame itself, however the patient lies: it tells mirrored landmarks.
    """

    name: Name
    title: Text
    description: str = ""
    source: str = ""
    origin: Place
    axes: Annotated[tuple[FrameAxis, ...], Field(min_length=1, max_length=2)]
    checks: tuple[OrderCheck, ...] = ()

    @model_validator(mode="after")
    def _two_ways(self) -> CoordinateFrame:
        for one in self.axes:
            if set(landmarks_of_place(one.line[0])) == set(landmarks_of_place(one.line[1])):
                raise ValueError(f"the axis {one.axis!r} of the frame {self.name!r} begins where it ends")
        if len({AXES[one.axis] for one in self.axes}) < len(self.axes):
            raise ValueError(f"both axes of the frame {self.name!r} run along {self.axes[0].axis!r}")
        return self

    @property
    def landmarks(self) -> tuple[str, ...]:
        """Landmarks that it is placed by, each once; checks do without theirs."""
        ends = [self.origin, *(place for one in self.axes for place in one.line)]
        return tuple(dict.fromkeys(name for place in ends for name in landmarks_of_place(place)))

    @property
    def all_landmarks(self) -> tuple[str, ...]:
        """Those of its checks, too."""
        return tuple(
            dict.fromkeys((*self.landmarks, *(name for one in self.checks for name in one.landmarks)))
        )


def landmarks_of_place(place: Place) -> tuple[str, ...]:
    """The landmark that a place is, or those that it is the middle of."""
    return (place,) if isinstance(place, str) else place


def frame_problems(frames: tuple[CoordinateFrame, ...], in_picture: bool) -> Iterator[str]:
    """What is wrong with the frames of a protocol, besides the names of landmarks."""
    names = [one.name for one in frames]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield f"the frame {name!r} is defined twice"
    for one in frames:
        directions = [axis.axis for axis in one.axes] + [check.along for check in one.checks]
        if any(AXES[along].startswith("picture") != in_picture for along in directions):
            where = "a picture" if in_picture else "space"
            yield f"the frame {one.name!r} names a direction that {where} does not have"
        if len(one.axes) != (1 if in_picture else 2):
            yield f"the frame {one.name!r} needs " + ("one axis, in a picture" if in_picture else "two axes")
