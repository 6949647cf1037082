"""What parts of a trunk hold back, and how films of spines are exposed and shown."""

from __future__ import annotations

import numpy as np

from LandmarkDetectionLib.synthesis.radiograph.film import SOFT, Film
from LandmarkDetectionLib.synthesis.radiograph.spine.shapes import Shape
from LandmarkDetectionLib.synthesis.radiograph.spine.trunk import Trunk
from LandmarkDetectionLib.typing import Array

#: Attenuation per mm beside that of soft tissue, at 70 to 90 kV.
DIFFERENCE = {"vertebra": 0.045, "rib": 0.031, "long": 0.034, "pelvis": 0.030, "head": 0.022, "flat": 0.014}
#: Lower ribs are thinner than their meshes.
FAINT = {"ninth": 0.85, "tenth": 0.7, "eleventh": 0.6, "twelfth": 0.6}


def draw_densities(trunk: Trunk, shape: Shape, rng: np.random.Generator) -> Array:
    """Attenuation (S,) per mm of every surface, as it adds to what it lies in."""
    strength = rng.uniform(0.55, 1.3)  # of mineral
    of_kind = {kind: value * strength * rng.uniform(0.8, 1.25) for kind, value in DIFFERENCE.items()}
    spongy = rng.uniform(0.5, 0.95)
    of_kind |= {f"marrow {kind}": -spongy * value for kind, value in of_kind.items()}
    air = SOFT * rng.uniform(0.6, 0.92)
    arms = rng.random() < 0.5  # else they are raised
    of_kind |= {"skin": SOFT, "lung": -air, "dome": air, "vessel": air, "air": -0.9 * SOFT}
    of_kind |= {"arm": 0.8 * SOFT * arms, "muscle": 0.12 * SOFT, "breast": 0.8 * SOFT * (shape.breasts > 0)}
    gassy = rng.beta(0.8, 1.1)
    result = np.zeros(len(trunk.kinds), np.float32)
    for n, (kind, name) in enumerate(zip(trunk.kinds, trunk.names, strict=True)):
        if kind == "gas":
            there = rng.random() < (0.75 if name == "stomach" else gassy)
            result[n] = -SOFT * rng.uniform(0.4, 0.95) * there
            continue
        result[n] = of_kind[kind]
        if kind.endswith("rib"):
            result[n] *= FAINT.get(name.split("_")[1], 1.0)
        elif "humerus" in name or "scapula" in name:
            result[n] *= arms
    return result


def draw_film(rng: np.random.Generator, disturbance: float = 1.0) -> Film:
    """A film of the many there are; ``disturbance`` 0 leaves noise, blur and scatter out."""
    return Film(
        exposure=rng.uniform(0.45, 0.95),
        heel=(rng.normal(0, 0.15), rng.normal(0.0, 0.5)),
        wedge=(0.9, 0.4, 0.0),
        scatter=rng.uniform(0.02, 0.45) * disturbance,
        scatter_reach=rng.uniform(15, 60),
        noise=float(np.exp(rng.uniform(np.log(0.001), np.log(0.018)))) * disturbance,
        grain=rng.uniform(0.0, 0.014) * disturbance,
        blur=rng.uniform(0.3, 0.85) * disturbance,
        sharpening=rng.uniform(0.0, 1.5) * (rng.random() < 0.6),
        sharpening_reach=float(np.exp(rng.uniform(np.log(2), np.log(25)))),
        low=rng.uniform(-0.25, 0.28),
        high=rng.uniform(0.92, 1.45),
        gamma=float(np.exp(rng.normal(0.0, 0.35))),
        knee=rng.uniform(0.05, 0.35),
        base=(
            rng.uniform(0.0, 0.04) if rng.random() < 0.8 else rng.uniform(0.04, 0.2),
            rng.uniform(0.75, 1.0),
        ),
        inverted=bool(rng.random() < 0.01),
        equalising=rng.uniform(0.0, 0.75) * (rng.random() < 0.5),
    )
