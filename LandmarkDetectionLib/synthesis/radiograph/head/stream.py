"""Endless lateral cephalograms with their 19 landmarks, from a seed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from LandmarkDetectionLib.synthesis.bone_thickness import projected_thickness
from LandmarkDetectionLib.synthesis.radiograph.film import exposed
from LandmarkDetectionLib.synthesis.radiograph.head.accessories import add_frame, add_metal
from LandmarkDetectionLib.synthesis.radiograph.head.exposure import draw_densities, draw_film
from LandmarkDetectionLib.synthesis.radiograph.head.landmarks import landmarks
from LandmarkDetectionLib.synthesis.radiograph.head.parts import Head, load_head
from LandmarkDetectionLib.synthesis.radiograph.head.shapes import draw_shape, shaped
from LandmarkDetectionLib.synthesis.radiograph.projection import Setup, obliquity, turned_head
from LandmarkDetectionLib.synthesis.radiograph.stream import RadiographBatch, RadiographStream
from LandmarkDetectionLib.typing import Array

#: A picture is as high as so many mm on the film.
HEIGHT_MM = (220.0, 340.0)
#: Share of pictures that may cut off a part of the face, and the marks that others show.
CUT_OFF = 0.05
IN_VIEW = ("soft nasion", "upper_lip", "soft_pogonion", "sella")
#: Where the ear rods lie in the picture: mean and deviation as shares of its width and height.
EAR_AT, EAR_SPREAD = (0.32, 0.50), (0.06, 0.05)


@dataclass(frozen=True)
class CephalogramStream(RadiographStream):
    """Lateral cephalograms that look to the right; landmarks in the order of ``head.landmarks.LANDMARKS``."""

    batch_size: int = 32
    shape: tuple[int, int] = (320, 272)

    def batch(self, number: int) -> RadiographBatch:
        """See `RadiographStream.batch`."""
        head = load_head(self.path)
        rng = np.random.default_rng(np.random.SeedSequence([self.seed, number, 17]))
        seen, setups, density = [], [], []
        for _ in range(self.batch_size):
            points = shaped(head, draw_shape(rng, self.variety))
            setup = _draw_setup(head, points, self.shape, rng)
            seen.append(setup.projected(points))
            setups.append(setup)
            density.append(draw_densities(head, rng))
        projected = np.stack(seen)
        attenuation = projected_thickness(projected, head.surfaces, np.stack(density), self.shape)
        images = np.empty_like(attenuation)
        marks = np.empty((self.batch_size, 19, 2), np.float32)
        for n, setup in enumerate(setups):
            through = attenuation[n] * obliquity(setup, self.shape)
            if self.disturbance > 0:
                add_metal(through, head, projected[n], setup, rng)
            images[n] = exposed(through, draw_film(rng, self.disturbance), rng)
            if self.disturbance > 0:
                add_frame(images[n], rng)
            marks[n] = landmarks(head, projected[n])
        return RadiographBatch.of(images, marks, setups)


def _draw_setup(head: Head, points: Array, shape: tuple[int, int], rng: np.random.Generator) -> Setup:
    """A head in its cephalostat: turned by a few degrees, and where the film lies."""
    rows, columns = shape
    axis = points[head.marks["porion"]].mean(axis=0) + np.array([0.0, 0.0, -4.0])
    turn = turned_head(rng.normal(0, 0.03), rng.normal(0, 0.025), rng.normal(-0.05, 0.09))
    centre = rng.normal(EAR_AT, EAR_SPREAD) * (columns, rows)
    setup = Setup(
        turn=turn,
        axis=axis.astype(np.float64),
        source_mm=rng.uniform(1400, 1600) if rng.random() < 0.8 else rng.uniform(1600, 3600),
        film_mm=rng.uniform(90, 200),
        pixel_mm=float(np.exp(rng.uniform(*np.log(HEIGHT_MM)))) / rows,
        centre=centre,
    )
    # A technician sees to it that the face is in the picture, mostly.
    if rng.random() > CUT_OFF:
        seen = setup.projected(points[[head.marks[name][0] for name in IN_VIEW]])[:, :2]
        room = np.array([columns, rows]) * rng.uniform(0.02, 0.08)
        over = np.maximum(seen.max(axis=0) - (np.array([columns, rows]) - 1 - room), 0)
        under = np.maximum(room - seen.min(axis=0), 0)
        setup = replace(setup, centre=centre - over + under)
    return setup
