"""Endless antero-posterior radiographs of spines with the 68 corners of T1 to L5, from a seed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from LandmarkDetectionLib.synthesis.bone_thickness import projected_thickness
from LandmarkDetectionLib.synthesis.radiograph.film import exposed
from LandmarkDetectionLib.synthesis.radiograph.projection import Setup, obliquity, turns
from LandmarkDetectionLib.synthesis.radiograph.spine.accessories import add_frame, add_metal, stitched
from LandmarkDetectionLib.synthesis.radiograph.spine.corners import corners
from LandmarkDetectionLib.synthesis.radiograph.spine.exposure import draw_densities, draw_film
from LandmarkDetectionLib.synthesis.radiograph.spine.shapes import draw_shape, shaped
from LandmarkDetectionLib.synthesis.radiograph.spine.trunk import Trunk, load_trunk
from LandmarkDetectionLib.synthesis.radiograph.stream import RadiographBatch, RadiographStream
from LandmarkDetectionLib.typing import Array, FloatArray

PICTURES_PER_TRUNK = 2
#: Share of pictures that are shown as if seen from behind, the patient's left at the picture's left.
FROM_BEHIND = 0.04
#: Share of exposures whose rays come from behind.
POSTERO_ANTERIOR = 0.6
#: Share of pictures that may cut off corners.
CUT_OFF = 0.06


@dataclass(frozen=True)
class SpineStream(RadiographStream):
    """Antero-posterior radiographs of whole spines; landmarks are those of ``spine-68``, in their order."""

    batch_size: int = 16
    shape: tuple[int, int] = (512, 192)

    def batch(self, number: int) -> RadiographBatch:
        """See `RadiographStream.batch`."""
        trunk = load_trunk(self.path)
        rng = np.random.default_rng(np.random.SeedSequence([self.seed, number, 29]))
        seen, setups, density = [], [], []
        for n in range(self.batch_size):
            if n % PICTURES_PER_TRUNK == 0:
                shape = draw_shape(trunk, rng, self.variety)
                points = shaped(trunk, shape)
            behind = rng.random() < POSTERO_ANTERIOR
            setup = _draw_setup(trunk, points, self.shape, behind, rng)
            projected = setup.projected(points)
            strength = draw_densities(trunk, shape, rng)
            if behind != (rng.random() < FROM_BEHIND):
                # Shown from the other side than where the rays come from.
                projected[:, 0] = self.shape[1] - 1 - projected[:, 0]
                strength = -strength
            seen.append(projected)
            setups.append(setup)
            density.append(strength)
        stacked = np.stack(seen)
        attenuation = projected_thickness(stacked, trunk.surfaces, np.stack(density), self.shape)
        images = np.empty_like(attenuation)
        marks = np.empty((self.batch_size, 68, 2), np.float32)
        for n, setup in enumerate(setups):
            marks[n] = corners(trunk, stacked[n])
            through = attenuation[n] * obliquity(setup, self.shape)
            if self.disturbance > 0:
                add_metal(through, trunk, stacked[n], setup, rng)
            image = exposed(through, draw_film(rng, self.disturbance), rng)
            if self.disturbance > 0:
                image, marks[n] = stitched(image, marks[n], rng)
                add_frame(image, rng)
            images[n] = image
        return RadiographBatch.of(images, marks, setups)


def turned_body(yaw: float, roll: float, pitch: float, behind: bool) -> FloatArray:
    """(3, 3) that takes the body (right, anterior, up) to (towards the source, picture's right, up)."""
    about_z, about_y, about_x = turns(yaw, roll, pitch)
    sign = -1.0 if behind else 1.0
    face = np.array([[0, sign, 0], [-sign, 0, 0], [0, 0, 1.0]])
    return np.asarray(face @ about_y @ about_x @ about_z)


def _draw_setup(
    trunk: Trunk, points: Array, shape: tuple[int, int], behind: bool, rng: np.random.Generator
) -> Setup:
    """A patient before the film: turned by a few degrees; the field of view shows the spine, mostly."""
    rows, columns = shape
    rims = points[trunk.rims].reshape(-1, 3)
    setup = Setup(
        turn=turned_body(rng.normal(0, 0.05), rng.normal(0, 0.02), rng.normal(0, 0.03), behind),
        axis=rims.mean(axis=0).astype(np.float64),
        source_mm=rng.uniform(1500, 2800),
        film_mm=rng.uniform(100, 300),
        pixel_mm=1.0,
        centre=np.zeros(2),
    )
    seen = setup.projected(rims)[:, :2]
    low, high = seen.min(axis=0), seen.max(axis=0)
    height, width = high[1] - low[1], high[0] - low[0]
    wide = rng.random() < 0.2
    above = rng.uniform(0.0, 0.25) if wide else abs(rng.normal(0.05, 0.05))
    under = rng.uniform(0.0, 0.5) if wide else abs(rng.normal(0.07, 0.06))
    if rng.random() < CUT_OFF:
        above, under = above - rng.uniform(0, 0.12), under - rng.uniform(0, 0.12)
    pixel = height * (1 + above + under) / rows
    # The sides need room, too.
    pixel = max(pixel, width / (columns * rng.uniform(0.7, 0.97)))
    spare = rows - height / pixel
    top = spare * above / max(above + under, 1e-3) if spare > 0 else -height * abs(above) / pixel
    room = max(columns - width / pixel, 0.0)
    left = room * np.clip(rng.normal(0.5, 0.18), 0.03, 0.97)
    centre = np.array([left - low[0] / pixel, top - low[1] / pixel])
    return replace(setup, pixel_mm=float(pixel), centre=centre)
