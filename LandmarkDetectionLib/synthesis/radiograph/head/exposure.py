"""What parts of a head hold back, and how films of heads are exposed and shown."""

from __future__ import annotations

import numpy as np

from LandmarkDetectionLib.synthesis.radiograph.film import SOFT, Film
from LandmarkDetectionLib.synthesis.radiograph.head.parts import Head
from LandmarkDetectionLib.typing import Array

#: Attenuation per mm at 60 to 70 keV. Bone, teeth and air are named by their difference to soft tissue, in
#: which they lie; marrow and sinuses by the difference to the bone that they lie in.
DIFFERENCE = {"vault": 0.042, "bone": 0.026, "jaw": 0.044, "neck": 0.042, "tooth": 0.042, "enamel": 0.036}
METAL = 0.35
MISSING, CROWNED = 0.07, 0.05  # shares of teeth


def draw_densities(head: Head, rng: np.random.Generator) -> Array:
    """Attenuation (S,) per mm of every surface, as it adds to what it lies in."""
    strength = rng.uniform(0.6, 1.3)  # of mineral, in the whole head
    of_kind = {kind: value * strength * rng.uniform(0.8, 1.25) for kind, value in DIFFERENCE.items()}
    of_kind["bone"] *= rng.uniform(0.8, 1.6)
    spongy = rng.uniform(0.3, 0.75)
    aired = {name: rng.uniform(0.1, 1.15) for name in ("frontal", "sphenoid", "maxillary", "mastoid")}
    aired["frontal recess"] = max(rng.uniform(-0.6, 1.0), 0.0)
    airway = rng.uniform(0.5, 1.0)
    result = np.zeros(len(head.kinds), np.float32)
    for n, (kind, name) in enumerate(zip(head.kinds, head.names, strict=True)):
        if kind == "skin":
            result[n] = SOFT
        elif kind == "marrow":
            result[n] = -spongy * of_kind["jaw" if name == "Mandible" else "neck"]
        elif kind == "air":
            result[n] = -SOFT * airway
        elif kind == "sinus":
            around = of_kind["vault" if name == "frontal" else "bone"]
            result[n] = -(0.7 * SOFT + 0.75 * around) * aired[name]
        elif kind == "walled sinus":
            result[n] = -of_kind["bone"] - SOFT * min(aired[name], 1.0)
        else:
            result[n] = of_kind[kind]
    _restored_teeth(result, head, rng)
    return result


def _restored_teeth(density: Array, head: Head, rng: np.random.Generator) -> None:
    """Some teeth are missing, some have crowns or fillings, in place; middle incisors are always there."""
    missing, crowned = MISSING * rng.gamma(0.5, 2.0), CROWNED * rng.gamma(0.5, 2.0)
    fate = {}
    for n, (kind, name) in enumerate(zip(head.kinds, head.names, strict=True)):
        if kind not in ("tooth", "enamel"):
            continue
        position = int(name.split()[1])
        if name not in fate:
            draw = rng.random()
            gone = missing * (4.0 if position == 8 else 1.0)
            if position > 1 and draw < gone:
                fate[name] = "gone"
            elif draw > 1 - crowned * (1.6 if position in (4, 5, 6, 7) else 0.3):
                fate[name] = "metal"
            else:
                fate[name] = "whole"
        if fate[name] == "gone":
            density[n] = 0.0
        elif fate[name] == "metal" and kind == "enamel":
            density[n] = METAL * rng.uniform(0.3, 1.0)


def draw_film(rng: np.random.Generator, disturbance: float = 1.0) -> Film:
    """A film of the many there are; ``disturbance`` 0 leaves noise, blur and scatter out."""
    return Film(
        exposure=rng.uniform(0.75, 1.15),
        heel=(rng.normal(0, 0.25), rng.normal(0, 0.2)),
        wedge=(rng.uniform(0.5, 0.8), rng.uniform(0.05, 0.4), max(rng.normal(0.1, 0.3), 0)),
        scatter=rng.uniform(0.02, 0.4) * disturbance,
        scatter_reach=rng.uniform(15, 60),
        noise=float(np.exp(rng.uniform(np.log(0.004), np.log(0.03)))) * disturbance,
        grain=rng.uniform(0.0, 0.025) * disturbance,
        blur=rng.uniform(0.3, 0.95) * disturbance,
        sharpening=rng.uniform(0.0, 1.2) * (rng.random() < 0.6),
        sharpening_reach=float(np.exp(rng.uniform(np.log(3), np.log(25)))),
        low=rng.uniform(-0.12, 0.14),
        high=rng.uniform(0.86, 1.25),
        gamma=float(np.exp(rng.normal(0.35, 0.3))),
        knee=rng.uniform(0.02, 0.3),
        base=(rng.uniform(0.0, 0.06), rng.uniform(0.85, 1.0)),
        inverted=bool(rng.random() < 0.04),
    )
