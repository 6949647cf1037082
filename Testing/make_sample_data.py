"""Make the samples that ship: ``python Testing/make_sample_data.py``.

It needs the extra ``synthesis``, and BodyParts3D for their bones (see ``landmark-detection skeleton``).
A generated CT and a generated lateral head film of no patient, with their true landmarks and thumbnails; the
same command gives the same files.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.files import atomic_write, resource_path
from LandmarkDetectionLib.io.markups import write_landmarks
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.io.volumes import write_volume
from LandmarkDetectionLib.synthesis.body.phantom import make_phantom
from LandmarkDetectionLib.synthesis.radiograph.head.stream import CephalogramStream
from LandmarkDetectionLib.typing import Array

BODY = "synthetic-body-ct"
SEED = 8  # an adult, arms at the sides; the body of `landmark-detection demo`
SPACING_MM = 5.0
STEP_HU = 8  # noise is what does not compress
BODY_HU = -300

HEAD = "synthetic-cephalogram"
HEAD_SEED = 1_900_004  # of no training; an ear rod, a ruler, fillings
HEAD_SHAPE = (640, 544)


def main() -> None:
    """Write images, truths and thumbnails."""
    resource_path("SampleData").mkdir(exist_ok=True)
    make_body()
    make_head()


def make_head() -> None:
    """A lateral cephalogram."""
    stream = CephalogramStream(HEAD_SEED, 1, HEAD_SHAPE, variety=0.6, disturbance=0.35)
    batch = stream.batch(0)
    size = round(float(batch.pixel_mm[0]), 4)
    picture = np.rint(batch.images[0] * 255).astype(np.uint8)
    volume = Volume(picture[None], np.diag([-size, -size, 1.0, 1.0]), "DX")
    places = volume.ijk_to_ras_points(np.c_[batch.points[0], np.zeros(len(batch.points[0]))])
    names = load_protocol("cephalometric-19").names
    truth = LandmarkSet(
        tuple(Landmark(name, place) for name, place in zip(names, places, strict=True)), name=HEAD
    )
    folder = resource_path("SampleData")
    write_volume(volume, folder / f"{HEAD}.nrrd")
    write_landmarks(truth, folder / f"{HEAD}-truth.mrk.json")
    _write_framed(picture, folder / f"{HEAD}.png")


def make_body() -> None:
    """A whole-body CT."""
    volume, truth = make_phantom(SEED, spacing_mm=SPACING_MM, bones=True)
    coarse = (np.rint(volume.voxels / STEP_HU) * STEP_HU).astype(np.int16)
    volume = replace(volume, voxels=coarse)
    folder = resource_path("SampleData")
    write_volume(volume, folder / f"{BODY}.nrrd")
    write_landmarks(truth, folder / f"{BODY}-truth.mrk.json")
    _write_framed(_seen_from_the_front(volume), folder / f"{BODY}.png")


def _seen_from_the_front(volume: Volume) -> Array:
    """Like a radiograph, (H, W) uint8."""
    # Mean over the rays of what is denser than air; voxels are (K, J, I) with K to the head, I to the left.
    density = np.maximum(volume.voxels.astype(np.float32) - BODY_HU, 0).mean(axis=1)[::-1]
    beside = np.quantile(density, 0.4)  # the table
    light = ((density - beside) / (np.quantile(density, 0.999) - beside)).clip(0, 1) ** 0.6
    return np.asarray((light * 255).astype(np.uint8))


def _write_framed(image: Array, path: Path) -> None:
    """A thumbnail of the size that the module Sample Data shows."""
    from PIL import Image

    picture = Image.fromarray(image)
    picture.thumbnail((240, 160), Image.Resampling.LANCZOS)
    framed = Image.new("L", (240, 160))
    framed.paste(picture, ((240 - picture.width) // 2, (160 - picture.height) // 2))
    with atomic_write(path) as temporary:
        framed.save(temporary, format="PNG")


if __name__ == "__main__":
    main()
