"""How dense bones are, and what else in a body is as dense as bone: contrast agent, metal, calcium.

Densities are those of the bone channel of a CT: 0 at the threshold of bone, 1 at 900 HU above it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from LandmarkDetectionLib.imaging.voxel_loops import compiled, in_slabs
from LandmarkDetectionLib.synthesis.body.binding import Binding
from LandmarkDetectionLib.typing import Array

#: Lowest and highest mean density of healthy bones by what their names hold; the first that fits counts.
DENSITIES: tuple[tuple[tuple[str, ...], float, float], ...] = (
    (("disk",), 0.0, 0.0),
    (("costal_cartilage",), 0.0, 0.25),
    (("Frontal", "Occipital", "parietal", "temporal"), 0.50, 0.95),
    (("Mandible", "maxilla"), 0.35, 0.95),
    (("Sphenoid", "Ethmoid", "nasal", "Vomer", "zygomatic", "lacrimal", "palatine", "concha"), 0.25, 0.7),
    (("vertebra", "Axis"), 0.20, 0.85),
    (("Sacrum",), 0.05, 0.70),
    (("hip_bone", "talus", "calcaneus", "patella"), 0.25, 0.85),
    (("_rib",), 0.12, 0.60),
    (("Manubrium", "sternum"), 0.10, 0.60),
    (("clavicle", "scapula"), 0.25, 0.70),
    (("femur", "tibia", "fibula", "humerus", "radius", "ulna"), 0.65, 1.0),
    (("phalanx", "metacarpal", "metatarsal"), 0.30, 0.75),
)
OTHERWISE = (0.20, 0.50)
SPONGY = (0.01, 0.35)  # inside hollow bones, evenly on a logarithmic scale
#: Share of bodies whose discs show, by thick slices, calcium or a segmentation, and how much of a vertebra's
#: density they then have at most.
DISCS_SHOW, DISC_SHARE = 0.4, 0.9
LOST = 0.008  # share of bones that are too thin or too soft to be seen


def draw_densities(binding: Binding, count: int, rng: np.random.Generator) -> Array:
    """Density (B, S) of every surface of the binding; negative for cavities."""
    ranges = np.array([_range_of(name) for name in binding.names])
    health = rng.beta(2.0, 2.0, (count, 1))  # low bone density concerns the whole skeleton
    kind = np.clip(health + rng.normal(0, 0.15, (count, len(ranges))), 0, 1)
    solid = ranges[:, 0] + (ranges[:, 1] - ranges[:, 0]) * kind
    solid *= np.exp(rng.normal(0, 0.10, solid.shape))
    cartilage = np.array(["cartilage" in name for name in binding.names])
    solid *= np.where(cartilage & (rng.random((count, 1)) < 0.5), 0.0, 1.0)
    solid *= rng.random(solid.shape) >= LOST
    discs = np.array(["disk" in name for name in binding.names])
    shown = np.where(rng.random((count, 1)) < DISCS_SHOW, rng.uniform(0, DISC_SHARE, (count, 1)), 0.0)
    place = np.clip(health + rng.normal(0, 0.2, (count, 1)), 0, 1)
    spongy = SPONGY[0] * (SPONGY[1] / SPONGY[0]) ** place
    inside = spongy * np.exp(rng.normal(0, 0.2, (count, len(binding.cavity_of))))
    # A disc is as dense as the inside of vertebrae, not as their shells.
    solid = np.where(discs, shown * spongy, solid)
    cavity = -np.maximum(solid[:, binding.cavity_of] - inside, 0)
    return np.concatenate([solid, cavity], axis=1).astype(np.float32)


def _range_of(name: str) -> tuple[float, float]:
    for parts, low, high in DENSITIES:
        if any(part in name for part in parts):
            return low, high
    return OTHERWISE


# --- what is as dense as bone without being one ------------------------------------------------------------

MOST = 72  # ellipsoids of a body
#: Centre RAS mm, half axes mm, density.
Ellipsoid = tuple[Array, Array, float]


def draw_dense_parts(binding: Binding, bones: Array, rng: np.random.Generator) -> Array:
    """Ellipsoids (B, MOST, 7): centre RAS mm, half axes mm, density; density 0 where there are fewer.

    Parameters
    ----------
    bones : (B, N, 3)
        Posed points of the binding.
    """
    result = np.zeros((len(bones), MOST, 7), np.float32)

    for b in range(len(bones)):
        places = {name: np.asarray(bones[b, binding.point(name)], float) for name in binding.landmarks}
        parts: list[Ellipsoid] = []
        size = float(np.linalg.norm(places["vertebra_t1"] - places["vertebra_l5"])) / 440.0
        if rng.random() < 0.45:
            parts += _contrast(places, size, rng)
        if rng.random() < 0.25:
            parts += _metal(places, size, rng)
        if rng.random() < 0.35:
            for _ in range(rng.integers(1, 7)):  # calcium, pills, clips, lines
                near = bones[b, rng.integers(len(binding.bone_index))] + rng.normal(0, 45 * size, 3)
                parts.append((near, rng.uniform(2, 9, 3) * size, float(rng.uniform(0.1, 1.0))))
        for n, (centre, radii, density) in enumerate(parts[:MOST]):
            result[b, n] = (*centre, *radii, density)
    return result


def _contrast(places: Mapping[str, Array], size: float, rng: np.random.Generator) -> list[Ellipsoid]:
    """Contrast agent in vessels, heart, kidneys, bowel and bladder."""
    parts: list[Ellipsoid] = []
    levels = [f"vertebra_t{n}" for n in range(4, 13)] + [f"vertebra_l{n}" for n in range(1, 5)]
    spine = np.array([places[name] for name in levels])
    strength = rng.uniform(0.02, 0.28)
    radius = rng.uniform(8, 15) * size
    for point in spine[:: rng.integers(1, 3)]:  # the aorta, left in front of the spine
        centre = point + np.array([-12.0, 30.0, 0.0]) * size + rng.normal(0, 3, 3)
        parts.append((centre, np.array([radius, radius, 22 * size]), strength))
    if rng.random() < 0.7:
        heart = spine[3] + np.array([-25.0, 75.0, -10.0]) * size + rng.normal(0, 10, 3)
        parts.append((heart, rng.uniform(28, 48, 3) * size, strength * rng.uniform(0.3, 1.0)))
    if rng.random() < 0.8:
        enhanced = rng.uniform(0.03, 0.25)
        for side in (1.0, -1.0):
            kidney = spine[10] + np.array([side * 60.0, -5.0, 5.0]) * size + rng.normal(0, 8, 3)
            parts.append((kidney, np.array([25.0, 27.0, 52.0]) * size * rng.uniform(0.8, 1.2, 3), enhanced))
    if rng.random() < 0.3:
        symphysis = places["pubic_symphysis"]
        bladder = symphysis + np.array([0.0, -38.0, 35.0]) * size + rng.normal(0, 8, 3)
        parts.append((bladder, rng.uniform(18, 50, 3) * size, float(rng.uniform(0.05, 0.9))))
    if rng.random() < 0.3:
        for _ in range(rng.integers(3, 14)):
            bowel = spine[-1] + rng.normal(0, 1, 3) * np.array([75.0, 25.0, 60.0]) * size + (0, 70 * size, 0)
            parts.append((bowel, rng.uniform(10, 24, 3) * size, float(rng.uniform(0.03, 0.5))))
    if rng.random() < 0.4:
        for name in ("neck", "vertebra_c5", "vertebra_c3"):
            for side in (1.0, -1.0):
                vessel = places[name] + np.array([side * 28.0, 12.0, 0.0]) * size + rng.normal(0, 4, 3)
                parts.append((vessel, np.array([5.0, 5.0, 20.0]) * size, strength))
    if rng.random() < 0.4:  # liver and spleen lie hardly above the threshold
        liver = spine[8] + np.array([70.0, 50.0, 0.0]) * size
        parts.append((liver, np.array([75.0, 65.0, 70.0]) * size, float(rng.uniform(0.005, 0.03))))
    return parts


def _metal(places: Mapping[str, Array], size: float, rng: np.random.Generator) -> list[Ellipsoid]:
    """Nails and rods, a prosthesis of the hip, screws, fillings, a pacemaker."""
    parts: list[Ellipsoid] = []
    side = rng.choice(["right", "left"])
    kind = rng.integers(5)

    def rod(start: Array, end: Array, radius: float, count: int = 14) -> None:
        step = np.abs(end - start) / count * 0.75
        for share in np.linspace(0, 1, count):
            parts.append((start + share * (end - start), np.maximum(step, radius), 1.0))

    if kind == 0:
        bone = rng.choice(["femur", "humerus", "tibia"])
        ends = {
            "femur": ("greater_trochanter", "knee"),
            "humerus": ("humeral_head", "elbow"),
            "tibia": ("tibial_plateau", "ankle"),
        }[bone]
        rod(places[f"{ends[0]}_{side}"], places[f"{ends[1]}_{side}"], 5.0 * size, 20)
    elif kind == 1:
        hip = places[f"femoral_head_{side}"]
        parts.append((hip, np.full(3, rng.uniform(16, 27)) * size, 1.0))
        rod(hip, places[f"greater_trochanter_{side}"] * 0.6 + hip * 0.4, 8 * size, 5)
    elif kind == 2:
        first, last = sorted(rng.choice(np.arange(1, 13), 2, replace=False))
        names = [f"vertebra_t{n}" for n in range(5, 13)] + [f"vertebra_l{n}" for n in range(1, 6)]
        shift = np.array([22.0, -38.0, 0.0]) * size
        for sign in (1.0, -1.0):
            here = shift * (sign, 1, 1)
            rod(places[names[first]] + here, places[names[last]] + here, 3.0 * size, 14)
    elif kind == 3:
        chin = places["chin"]
        for _ in range(rng.integers(1, 10)):
            tooth = chin + np.array([rng.normal(0, 18), -20, rng.uniform(22, 48)]) * size
            parts.append((tooth, rng.uniform(2, 6, 3) * size, 1.0))
    else:
        device = places[f"clavicle_lateral_{side}"] + np.array([0.0, 35.0, -60.0]) * size
        parts.append((device, np.array([24.0, 6.0, 24.0]) * size, 1.0))
    return parts


def add_dense_parts(
    parts: Array,
    lateral: bool,
    origin: Array,
    spacing: Array,
    near: Array,
    far: Array,
    thickness: Array,
    moment: Array,
    subset: Array | None = None,
) -> None:
    """Add ellipsoids (B, n, 7) to thickness and moment in place; see ``bone_thickness`` for the rest."""
    body = np.arange(len(origin)) if subset is None else np.asarray(subset)
    in_slabs(
        lambda *slab: _add(parts, lateral, origin, spacing, near, far, body, thickness, moment, *slab),
        len(origin),
    )


@compiled
def _add(parts, lateral, origin, spacing, near, far, body, thickness, moment, start, stop):  # type: ignore[no-untyped-def]
    rows, columns = thickness.shape[1:]
    for n in range(start, stop):
        for p in range(parts.shape[1]):
            part = parts[body[n], p]
            density = part[6]
            if density == 0:
                continue
            x = -part[1] if lateral else -part[0]
            z = (part[0] if lateral else -part[1]) - near[n]
            rx = (part[4] if lateral else part[3]) / spacing[n, 0]
            rz = part[3] if lateral else part[4]
            ry = part[5] / spacing[n, 1]
            cx, cy = (x - origin[n, 0]) / spacing[n, 0], (-part[2] - origin[n, 1]) / spacing[n, 1]
            for r in range(max(0, int(np.ceil(cy - ry))), min(rows - 1, int(np.floor(cy + ry))) + 1):
                for c in range(max(0, int(np.ceil(cx - rx))), min(columns - 1, int(np.floor(cx + rx))) + 1):
                    q = ((c - cx) / rx) ** 2 + ((r - cy) / ry) ** 2
                    if q >= 1:
                        continue
                    half = rz * np.sqrt(1 - q)
                    a = min(max(z - half, np.float32(0)), far[n] - near[n])
                    e = min(max(z + half, np.float32(0)), far[n] - near[n])
                    thickness[n, r, c] += density * (e - a)
                    moment[n, r, c] += density * (e * e - a * a) / 2
