"""How a protocol file finds landmarks in a label map: a kind, labels, a direction; no formulas.

A rule is one readable entry, and nothing in a file is ever evaluated::

    {"kind": "extreme", "landmark": "iliac_crest_left", "labels": [77], "towards": "superior"}
    {"kind": "sphere_centre", "landmark": "femoral_head_left", "labels": [75],
     "part": {"towards": "superior", "mm": 45}}

Numbers of labels are those of one segmentation program; a protocol that has rules is for its label maps. How
they are evaluated is in :mod:`LandmarkDetectionLib.imaging.label_points`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from LandmarkDetectionLib.core.measurement_kinds import Frozen, Name

PatientDirection = Literal["right", "left", "anterior", "posterior", "superior", "inferior"]
Labels = Annotated[tuple[Annotated[int, Field(ge=1, le=1_000_000)], ...], Field(min_length=1, max_length=100)]


class LabelPart(Frozen):
    """The part of labels that lies within some mm of their end in a direction, as the top of a femur."""

    towards: PatientDirection
    mm: Annotated[float, Field(gt=0, le=2000)]


class _Rule(Frozen):
    """What every kind has.

    Parameters
    ----------
    landmark
        Which one it finds.
    labels
        Taken as one; islands beside the largest piece do not count.
    part
        Of the labels; all of them when left out.
    sd
        Standard deviation in mm, along each axis, of what it finds about the landmark's definition.
    """

    landmark: Name
    labels: Labels
    part: LabelPart | None = None
    sd: Annotated[float, Field(gt=0, le=100)] = 3.0


class Extreme(_Rule):
    """The farthest point of the labels in a direction."""

    kind: Literal["extreme"]
    towards: PatientDirection


class Centroid(_Rule):
    """The middle of the labels' volume."""

    kind: Literal["centroid"]


class SphereCentre(_Rule):
    """The centre of the sphere that fits their surface best."""

    kind: Literal["sphere_centre"]


class AxisEnd(_Rule):
    """The end of their long axis that lies farther in a direction."""

    kind: Literal["axis_end"]
    towards: PatientDirection


class Closest(_Rule):
    """The middle of the gap where they come closest to other labels."""

    kind: Literal["closest"]
    to: Labels


LabelRule = Annotated[Extreme | Centroid | SphereCentre | AxisEnd | Closest, Field(discriminator="kind")]
