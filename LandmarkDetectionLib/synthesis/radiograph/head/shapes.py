"""Heads that differ from the one of the skeleton: faces long and short, jaws of all classes, children.

A shape is a chain of smooth maps of space, some of which act on the mandible (and what moves with it) alone.
They carry bones, teeth, air, skin and marked points alike, so landmarks stay where they belong. Spreads are
wider than those of any one population: about twice the standard deviations of adults (Bolton standards,
Broadbent 1975; McNamara 1984).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from LandmarkDetectionLib.synthesis.radiograph.head.parts import Head
from LandmarkDetectionLib.typing import Array, FloatArray

#: Random bumps of space: how many, and how far they reach, mm.
BUMPS, REACH = 14, (14.0, 55.0)
#: The skeleton is of a man of 1.64 m; adults' heads are larger. It has lost the height of its alveolar ridges
#: with its teeth: 66 to 74 mm from the nasal spine to menton (McNamara 1984) are more than it has. The number
#: was raised once, from 0.10, after a look at the mean of 150 annotated cephalograms.
ADULT, RIDGES = 1.09, 0.13


@dataclass(frozen=True)
class Shape:
    """How one head differs; angles in radians, lengths in mm at the skeleton's size, 0 is no difference.

    Attributes
    ----------
    size, depth, height, width
        Logarithms of scales: of all, and along the axes.
    face
        Of the face's size against the braincase; negative in children.
    long_face
        Of heights below the nasion.
    lower_face
        Of heights below the palate.
    base
        Flexion of the skull base: what lies behind the sella turns about it.
    upper_jaw
        How far it stands in front.
    mandible, ramus, body
        How far the mandible stands in front, and logarithms of the ramus' height and of the body's length.
    gonial
        How far the body opens against the ramus.
    opening
        Rotation about the condyles: an open mouth.
    chin, chin_height
        How far it stands out and down.
    upper_incisor, lower_incisor
        Proclination.
    upper_ridge, lower_ridge
        How far the teeth and what holds them stand in front.
    lips, nose, soft_chin
        Thickness of soft tissue.
    neck, neck_curve
        Flexion of the neck about the atlas, and its bend along itself.
    bump_centre, bump_reach, bump : (BUMPS, 3), (BUMPS,), (BUMPS, 3)
        Smooth random displacements.
    """

    size: float
    depth: float
    height: float
    width: float
    face: float
    long_face: float
    lower_face: float
    base: float
    upper_jaw: float
    mandible: float
    ramus: float
    body: float
    gonial: float
    opening: float
    chin: float
    chin_height: float
    upper_incisor: float
    lower_incisor: float
    upper_ridge: float
    lower_ridge: float
    lips: float
    nose: float
    soft_chin: float
    neck: float
    neck_curve: float
    bump_centre: FloatArray
    bump_reach: FloatArray
    bump: FloatArray


#: Standard deviations of what is drawn from a normal distribution.
SPREAD = {
    "size": 0.05, "depth": 0.05, "height": 0.04, "width": 0.05, "face": 0.04, "long_face": 0.06,
    "lower_face": 0.07, "base": 0.07,
    "upper_jaw": 2.5, "mandible": 3.0, "ramus": 0.09, "body": 0.06, "gonial": 0.09, "chin": 2.2,
    "chin_height": 2.2, "upper_incisor": 0.14, "lower_incisor": 0.12, "upper_ridge": 1.8, "lower_ridge": 1.8,
    "lips": 1.5, "nose": 2.5, "soft_chin": 1.8, "neck": 0.12, "neck_curve": 7.0,
}  # fmt: skip
CHILDREN = 0.25
OPEN_MOUTHS = 0.25


def draw_shape(rng: np.random.Generator, variety: float = 1.0) -> Shape:
    """A head of the population; ``variety`` scales how far it may differ."""
    values = {name: float(variety * spread * rng.standard_normal()) for name, spread in SPREAD.items()}
    values["size"] += np.log(ADULT)
    values["lower_face"] += RIDGES
    if rng.random() < CHILDREN:
        young = rng.uniform(0.2, 1.0)
        values["size"] -= 0.13 * young
        values["face"] -= 0.13 * young
        values["long_face"] -= 0.05 * young
        values["nose"] -= 3.0 * young
        values["chin"] -= 1.5 * young
    values["opening"] = rng.uniform(0.01, 0.16) if rng.random() < OPEN_MOUTHS else rng.uniform(-0.01, 0.02)
    reach = np.exp(rng.uniform(float(np.log(REACH[0])), float(np.log(REACH[1])), BUMPS))
    centre = np.stack(
        [rng.uniform(-45, 45, BUMPS), rng.uniform(-60, 90, BUMPS), rng.uniform(-110, 60, BUMPS)], axis=1
    )
    # Small bumps are low ones, so that no surface folds.
    bump = (
        rng.standard_normal((BUMPS, 3)) * np.minimum(0.09 * reach, 3.0)[:, None] * (0.3, 1.0, 1.0) * variety
    )
    return Shape(**values, bump_centre=centre, bump_reach=reach, bump=bump)


def no_difference() -> Shape:
    """The skeleton's own head."""
    zero = {field.name: 0.0 for field in fields(Shape) if not field.name.startswith("bump")}
    return Shape(**zero, bump_centre=np.zeros((0, 3)), bump_reach=np.ones(0), bump=np.zeros((0, 3)))


def shaped(head: Head, shape: Shape) -> Array:
    """Points (N, 3) float32 mm of a head of this shape, in the head's frame; NaN nowhere."""
    p = head.points.astype(np.float32).copy()
    _incline_teeth(p, head, shape)
    _soft_tissue(p, head, shape)
    _jaws(p, head, shape)
    _space(p, head, shape)
    _bumps(p, shape)
    _neck(p, head, shape)
    p *= np.float32(np.exp(shape.size))
    return p


def _near(p: Array, place: FloatArray, reach: float | tuple[float, float, float]) -> Array:
    """1 at a place, falling to 0 around it, (N,)."""
    return np.asarray(
        np.exp(-0.5 * (((p - place.astype(np.float32)) / np.asarray(reach, np.float32)) ** 2).sum(axis=1))
    )


def _smooth(x: Array, low: float, high: float) -> Array:
    share = np.clip((x - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share))


def _turned(p: Array, centre: FloatArray, angle: float | Array) -> Array:
    """Turned about an axis from left to right: positive moves what lies in front downwards."""
    c, s = np.cos(angle), np.sin(angle)
    y, z = p[:, 1] - centre[1], p[:, 2] - centre[2]
    return np.stack([p[:, 0], centre[1] + c * y + s * z, centre[2] - s * y + c * z], axis=1)


def _incline_teeth(p: Array, head: Head, shape: Shape) -> None:
    """Front teeth turned about their apexes; lips follow in part."""
    reference = head.reference
    for jaw, angle, sign in (("upper", shape.upper_incisor, -1.0), ("lower", shape.lower_incisor, 1.0)):
        apex, edge = reference[f"{jaw} apex"], reference[f"{jaw}_incisor"]
        moved = sign * angle
        for n, name in enumerate(head.names):
            if name.startswith(f"{jaw} ") and name.split()[1] in "123":
                own = head.owned(n)
                share = {"1": 1.0, "2": 0.9, "3": 0.45}[name.split()[1]]
                p[own] = _turned(p[own], apex, moved * share)
        mark = head.marks[f"{jaw}_incisor"]
        before = p[mark].copy()
        p[mark] = _turned(p[mark], apex, moved)
        shift = (p[mark] - before)[0]
        lip = edge + np.array([0, 10.0, 3.0 if jaw == "upper" else -6.0])
        skin = _skin(head)
        p[skin] += (0.6 * _near(p[skin], lip, (25.0, 14.0, 7.0)))[:, None] * shift


def _skin(head: Head) -> slice:
    """Rows of the soft tissue."""
    kinds = [n for n, kind in enumerate(head.kinds) if kind == "skin"]
    return slice(head.owned(kinds[0]).start, head.owned(kinds[-1]).stop)


def _soft_tissue(p: Array, head: Head, shape: Shape) -> None:
    r, own = head.reference, _skin(head)
    skin = p[own]
    spine, chin, mouth = r["anterior_nasal_spine"], r["pogonion"], r["upper_incisor"]
    nose = _near(skin, (spine + r["nasion"]) / 2 + (0, 24, -12), (14.0, 16.0, 16.0))
    skin[:, 1] += nose * shape.nose
    skin[:, 2] += nose * 0.5 * shape.nose * np.sign(shape.bump[0, 0] if len(shape.bump) else 1.0)
    skin[:, 1] += shape.lips * _near(skin, mouth + np.array([0, 12, 1]), (30.0, 25.0, 14.0))
    skin[:, 1] += shape.soft_chin * _near(skin, chin + np.array([0, 10, 0]), (30.0, 25.0, 12.0))
    p[own] = skin


def _jaws(p: Array, head: Head, shape: Shape) -> None:
    r = head.reference
    # Ridges with the teeth and lips in front.
    for ridge, forward, weight in (
        (r["upper_incisor"], shape.upper_ridge, 1 - head.jaw),
        (r["lower_incisor"], shape.lower_ridge, head.jaw),
    ):
        p[:, 1] += forward * weight * _near(p, ridge, (40.0, 26.0, 13.0))
    jaw = head.jaw
    moving = np.flatnonzero(jaw > 0)
    m = p[moving]
    condyle, gonion, chin = r["condyle"], r["gonion"], r["menton"]
    m[:, 1] += shape.chin * _near(m, r["pogonion"] + (0, 2, -2), (26.0, 16.0, 9.0))
    m[:, 2] -= shape.chin_height * _near(m, chin, (30.0, 22.0, 13.0))
    # The body against the ramus, then the ramus and the body in their lengths.
    share = _smooth(m[:, 1], gonion[1] - 2, gonion[1] + 28)
    m = _turned(m, gonion, shape.gonial * share)
    m[:, 2] = condyle[2] + (m[:, 2] - condyle[2]) * np.exp(shape.ramus)
    m[:, 1] = condyle[1] + (m[:, 1] - condyle[1]) * np.exp(shape.body)
    m[:, 1] += shape.mandible
    # The jaw closes on the upper teeth again: it turns until the edges overlap as before.
    edge = int(np.flatnonzero(moving == head.marks["lower_incisor"][0])[0])
    wanted = p[head.marks["upper_incisor"][0], 2] + 2.2
    arm = m[edge] - condyle
    closing = -(wanted - m[edge, 2]) / max(float(arm[1]), 30.0)
    m = _turned(m, condyle, float(np.clip(closing, -0.25, 0.25)) + shape.opening)
    p[moving] += jaw[moving, None] * (m - p[moving])


def _space(p: Array, head: Head, shape: Shape) -> None:
    """Maps of all space about the sella."""
    r = head.reference
    below = _smooth(-p[:, 2], -10, 35) * _smooth(p[:, 1], -35, 20)
    nasion = r["nasion"]
    p[:, 1] += shape.upper_jaw * _smooth(-p[:, 2], 5, 35) * _smooth(p[:, 1], -10, 30)
    p[:, 2] += (np.exp(shape.long_face) - 1) * below * (p[:, 2] - nasion[2])
    spine = r["anterior_nasal_spine"]
    lower = np.maximum(head.jaw, _smooth(p[:, 1], -30, 0) * (1 - head.neck)) * _smooth(
        spine[2] - p[:, 2], -4, 8
    )
    p[:, 2] += (np.exp(shape.lower_face) - 1) * lower * (p[:, 2] - spine[2])
    p[:, 1:] += ((np.exp(shape.face) - 1) * below)[:, None] * p[:, 1:]
    angle = shape.base * _smooth(-p[:, 1], -8, 40)
    turned = _turned(p, np.zeros(3), angle)
    turned *= np.exp([shape.width, shape.depth, shape.height])
    p[:] = turned


def _bumps(p: Array, shape: Shape) -> None:
    for centre, reach, bump in zip(shape.bump_centre, shape.bump_reach, shape.bump, strict=True):
        offset = p - centre.astype(np.float32)
        square = np.einsum("nk,nk->n", offset, offset) / np.float32(reach**2)
        p += np.exp(-0.5 * square)[:, None] * bump.astype(np.float32)


def _neck(p: Array, head: Head, shape: Shape) -> None:
    """The neck bends about the atlas, more the lower it lies."""
    moving = np.flatnonzero(head.neck > 0)
    m = p[moving]
    pivot = np.array([0.0, -28.0, -42.0])
    depth = np.clip((pivot[2] - m[:, 2]) / 100.0, 0, 1.5)
    turned = _turned(m, pivot, shape.neck * _smooth(pivot[2] - m[:, 2], -5, 25))
    turned[:, 1] += shape.neck_curve * np.sin(np.pi * np.clip(depth, 0, 1.5))
    p[moving] += head.neck[moving, None] * (turned - m)
