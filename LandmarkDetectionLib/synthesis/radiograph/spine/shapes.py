"""Spines straight and bent, of children and adults: curves, rotation, kyphosis, and all that moves with them.

Every level of the spine turns about the disc below it, from the sacrum upwards; its own shape may be wedged.
A curve is drawn by its angle (that of Cobb), its apex and its length, in the patterns of Lenke et al. (2001);
vertebrae turn towards the convex side in proportion to the bend (coupling, Stokes et al. 1988).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LandmarkDetectionLib.synthesis.radiograph.spine.soft import COLON
from LandmarkDetectionLib.synthesis.radiograph.spine.trunk import LEVELS, MARKED, PELVIS, T1, Trunk
from LandmarkDetectionLib.typing import Array, FloatArray

COUNT = len(LEVELS)
#: Share of straight spines; the others by which curve leads: thoracic, thoracolumbar, lumbar.
STRAIGHT, LEADING = 0.14, (0.55, 0.2, 0.25)
#: Level of the apex and half the length in levels, with spreads: upper thoracic, thoracic, thoracolumbar,
#: lumbar.
APEX = {"upper": (9.3, 0.7), "thoracic": (14.0, 1.4), "thoracolumbar": (18.3, 0.7), "lumbar": (20.4, 0.8)}
HALF_LENGTH = {"upper": (2.2, 3.6), "thoracic": (3.0, 6.0), "thoracolumbar": (3.2, 6.0), "lumbar": (2.4, 4.2)}


@dataclass(frozen=True)
class Shape:
    """How one trunk differs; angles in radians.

    Attributes
    ----------
    tilt, flexion, turn : (K,)
        Of every level against how it stands at rest: towards the right, forwards, and to the left about its
        own axis.
    wedge : (K,)
        Between a vertebra's end plates, open to the right.
    scale : (K, 3)
        Of every vertebra along its axes.
    size
        Of everything.
    chest : (2,)
        Scales of width and depth.
    fat : (3,)
        Scales of the skin's width and depth, and of its waist.
    ribs : (2,)
        How far ribs are lifted per mm to the side and to the front.
    breath : (2,)
        Scale of the lungs' height, right and left.
    shoulders : (2, 3) mm
        Where right and left shoulder are moved to.
    breasts
        Scale, 0 for none.
    gas : (G, 2, 3) mm
        Shift and radii of every bubble.
    """

    tilt: FloatArray
    flexion: FloatArray
    turn: FloatArray
    wedge: FloatArray
    scale: FloatArray
    size: float
    chest: FloatArray
    fat: FloatArray
    ribs: FloatArray
    breath: FloatArray
    shoulders: FloatArray
    breasts: float
    gas: FloatArray


#: Bubbles of gas that ``soft`` has places for.
BUBBLES = 1 + len(COLON)


def no_difference() -> Shape:
    """The skeleton's own trunk."""
    none = np.zeros(COUNT)
    return Shape(
        tilt=none,
        flexion=none,
        turn=none,
        wedge=none,
        scale=np.ones((COUNT, 3)),
        size=1.0,
        chest=np.ones(2),
        fat=np.ones(3),
        ribs=np.zeros(2),
        breath=np.ones(2),
        shoulders=np.zeros((2, 3)),
        breasts=0.0,
        gas=np.stack([np.zeros((BUBBLES, 3)), np.full((BUBBLES, 3), 12.0)], axis=1),
    )


def draw_shape(trunk: Trunk, rng: np.random.Generator, variety: float = 1.0) -> Shape:
    """A trunk of the many there are; with ``variety`` 0 the skeleton's own, straight as it is."""
    bend = _bends(rng) * variety
    tilt = _stood_upright(bend, rng.normal(0, 0.045) * variety, rng.normal(0, 22.0) * variety)
    turn = np.convolve(bend, (0.25, 0.5, 0.25), mode="same") * rng.uniform(0.8, 2.6)
    lean = np.arctan2(trunk.axes[:, 2, 1], trunk.axes[:, 2, 2])
    thoracic = np.interp(np.arange(COUNT), (8, 11, 16, 19), (0.3, 1, 1, 0))
    factor = rng.normal(-0.25, 0.45) * thoracic + rng.normal(0, 0.3) * (1 - thoracic)
    flexion = (lean * factor + rng.normal(0, 0.06) + rng.normal(0, 0.02, COUNT)) * variety
    child = max(rng.normal(0, 1), 0) * variety
    young = rng.random() < 0.5
    common = rng.normal(0, (0.08, 0.06, 0.05)) * variety
    each = np.cumsum(rng.normal(0, (0.012, 0.01, 0.014), (COUNT, 3)), axis=0)
    scale = np.exp(common + (each - each.mean(axis=0) + rng.normal(0, 0.015, (COUNT, 3))) * variety)
    scale[:, 2] *= 1 - 0.05 * child * young
    gas = np.stack(
        [rng.normal(0, (14, 10, 14), (BUBBLES, 3)), np.exp(rng.normal((2.2, 2.5, 2.2), 0.45, (BUBBLES, 3)))],
        axis=1,
    )
    gas[0] = rng.normal(0, (14, 10, 14)), rng.uniform((16, 14, 9), (40, 30, 38))
    return Shape(
        tilt=tilt,
        flexion=flexion,
        turn=turn,
        wedge=-bend * rng.uniform(0, 0.5),
        scale=scale,
        size=float(np.exp(rng.normal(0, 0.06) * variety)) * (1 - 0.09 * child * young),
        chest=np.exp(rng.normal((-0.06, -0.04), (0.08, 0.09)) * variety),
        fat=np.exp(rng.normal((0.02, 0.0, 0.0), (0.08, 0.16, 0.08)) * variety),
        ribs=rng.uniform((0.0, -0.05), (0.5, 0.3)) * variety,
        breath=np.exp((rng.normal(0, 0.07) + rng.normal(0, 0.03, 2)) * variety),
        shoulders=rng.normal(0, (10, 12, 14), (2, 3)) * variety + rng.normal(0, (0, 0, 6), (1, 3)),
        breasts=float(rng.uniform(0.5, 1.3) * (rng.random() < 0.45)),
        gas=gas,
    )


def _bends(rng: np.random.Generator) -> FloatArray:
    """(K,) by how much every level tilts to the right against the one below."""
    if rng.random() < STRAIGHT:
        angles = dict(zip(APEX, rng.normal(0, 0.07, 4), strict=True))
    else:
        leading = str(rng.choice(list(APEX)[1:], p=LEADING))
        low, high = [(8, 40), (40, 68), (68, 95)][int(rng.choice(3, p=(0.58, 0.32, 0.1)))]
        angle = np.radians(rng.uniform(low, high)) * (-1 if rng.random() < 0.62 else 1)
        if leading == "lumbar":
            angle *= -0.8
        answer = -angle * rng.uniform(0.15, 0.95, 3)
        angles = {
            "thoracic": {"upper": answer[0], "thoracic": angle, "lumbar": answer[1]},
            "thoracolumbar": {"upper": 0.3 * answer[0], "thoracic": 0.7 * answer[1], "thoracolumbar": angle},
            "lumbar": {"thoracic": answer[1], "upper": -0.5 * answer[0], "lumbar": angle},
        }[leading]
    joints = np.arange(COUNT) + 0.5  # below each level
    bend = np.zeros(COUNT)
    for region, angle in angles.items():
        apex = rng.normal(*APEX[region])
        half = rng.uniform(*HALF_LENGTH[region])
        away = np.abs(joints - apex) / (half + 0.8)
        window = np.clip(1 - away ** rng.uniform(1.6, 3.5), 0, None)
        bend += angle * window / window.sum()
    return bend + np.where(joints > T1, rng.normal(0, 0.012, COUNT), 0)


def _stood_upright(bend: FloatArray, obliquity: float, overhang: float) -> FloatArray:
    """Tilts (K,) of bends on a pelvis: lowest discs make up for what would let the body fall to a side."""
    bend = bend.copy()
    bend[PELVIS] = 0.0
    lengths = np.interp(np.arange(COUNT), (7, 18, 23, 24), (18.0, 26.0, 35.0, 0.0))
    tilt = np.cumsum(bend[::-1])[::-1]
    marked = slice(T1, PELVIS)
    makeup = (overhang - (tilt * lengths)[marked].sum()) / lengths[marked].sum()
    tilt = tilt + makeup * np.interp(np.arange(COUNT), (20.0, 23.5), (1.0, 0.25))
    tilt[PELVIS] = obliquity
    # The head is held level.
    tilt[:T1] = tilt[T1] * np.linspace(0.1, 0.9, T1)
    return np.asarray(tilt)


def shaped(trunk: Trunk, shape: Shape) -> Array:
    """All points (N, 3) float32 mm of a trunk of this shape, counted from the sacrum's middle."""
    p = trunk.points.astype(np.float32, copy=True)
    _soft(p, trunk, shape)
    middles = trunk.centres
    pivots = trunk.pivots.copy()
    level = trunk.level
    for k in range(COUNT):
        own = np.flatnonzero(level == k)
        p[own] = _reshaped(p[own], k, trunk, shape)
        # Discs move with the end plates over them.
        pivots[k] = _reshaped(pivots[k][None], k, trunk, shape, wedged=False)[0]
    motions = _motions(pivots, trunk, shape)
    flat = (trunk.weights @ motions.reshape(COUNT, 12).astype(np.float32)).reshape(-1, 3, 4)
    p -= middles[PELVIS].astype(np.float32)
    moved = np.einsum("nij,nj->ni", flat[:, :, :3], p) + flat[:, :, 3]
    moved *= np.float32(shape.size)
    return moved


def _reshaped(p: Array, k: int, trunk: Trunk, shape: Shape, wedged: bool = True) -> Array:
    own = (p - trunk.centres[k]) @ trunk.axes[k].T * shape.scale[k]
    if wedged and k in MARKED:
        half = 10.0 + 0.25 * (k - T1)
        own[:, 2] *= np.clip(1 + shape.wedge[k] * own[:, 0] / (2 * half), 0.6, 1.4)
    return np.asarray(own @ trunk.axes[k] + trunk.centres[k])


def _rotation(tilt: float, flexion: float, turn: float) -> FloatArray:
    """(3, 3): about the body's axis, then forwards, then to the right."""
    ct, st, cf, sf, cz, sz = (f(a) for a in (tilt, flexion, turn) for f in (np.cos, np.sin))
    sideways = np.array([[ct, 0, st], [0, 1, 0], [-st, 0, ct]])
    forwards = np.array([[1, 0, 0], [0, cf, sf], [0, -sf, cf]])
    about = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(sideways @ forwards @ about)


def _motions(pivots: FloatArray, trunk: Trunk, shape: Shape) -> FloatArray:
    """(K, 3, 4): rotation and shift of every level, of points counted from the sacrum's middle."""
    origin = trunk.centres[PELVIS]
    motions = np.zeros((COUNT, 3, 4))
    motions[PELVIS, :, :3] = _rotation(shape.tilt[PELVIS], 0.0, 0.0)
    for k in reversed(range(PELVIS)):
        pivot = pivots[k] - origin
        # The disc lies on the upper end plate of the vertebra below.
        below = _reshaped(trunk.pivots[k][None], k + 1, trunk, shape, wedged=False)[0] - origin
        place = motions[k + 1, :, :3] @ below + motions[k + 1, :, 3]
        rotation = _rotation(shape.tilt[k], shape.flexion[k], shape.turn[k])
        motions[k, :, :3] = rotation
        motions[k, :, 3] = place - rotation @ pivot
    return motions


def _soft(p: Array, trunk: Trunk, shape: Shape) -> None:
    """What is not of the spine: chest, skin, lungs, shoulders, gas; in place."""
    bubble = 0
    gentle = np.float32
    for n, (kind, name) in enumerate(zip(trunk.kinds, trunk.names, strict=True)):
        own = trunk.owned(n)
        part = p[own]
        if trunk.level[own.start] >= 0 or kind == "head":
            continue
        if kind in ("lung", "dome", "vessel"):
            part[:, 2] = 1384 - (1384 - part[:, 2]) * gentle(shape.breath[0 if name == "right" else 1])
        if kind == "gas":
            centre = part.mean(axis=0)
            part[:] = centre + shape.gas[bubble, 0] + (part - centre) * shape.gas[bubble, 1]
            if name == "stomach":  # gas over fluid
                part[:, 2] = np.maximum(part[:, 2], np.quantile(part[:, 2], 0.25))
            bubble += 1
        elif kind == "breast":
            centre = part.mean(axis=0)
            part[:] = centre + (part - centre) * gentle(shape.breasts or 1.0)
        if kind.endswith("rib"):
            part[:, 2] += shape.ribs[0] * np.maximum(np.abs(part[:, 0]) - 20, 0)
            part[:, 2] += shape.ribs[1] * np.maximum(part[:, 1] - 30, 0)
        if "marrow pelvis" != kind != "pelvis":
            away = np.clip((np.abs(part[:, 0]) - 18) / 40, 0, 1)
            part[:, 0] *= 1 + (shape.chest[0] - 1) * away
            deep = np.clip((part[:, 1] - 60) / 40, 0, 1) if kind != "skin" else 1.0
            part[:, 1] = 60 + (part[:, 1] - 60) * (1 + (shape.chest[1] - 1) * deep)
        if kind == "skin":
            waist = np.exp(-0.5 * ((part[:, 2] - 1010) / 55) ** 2)
            part[:, 0] *= shape.fat[0] * (1 + (shape.fat[2] - 1) * waist)
            part[:, 1] = 60 + (part[:, 1] - 60) * shape.fat[1]
        if any(word in name for word in ("clavicle", "scapula", "humerus")) or kind == "arm":
            side = 0 if "ight" in name else 1
            reach = np.clip((np.abs(part[:, 0]) - 15) / 90, 0, 1)[:, None]
            part += (reach * shape.shoulders[side]).astype(np.float32)
        p[own] = part
