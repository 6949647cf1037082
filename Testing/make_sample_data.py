"""Make the sample that ships: ``python Testing/make_sample_data.py``.

It needs the extra ``synthesis``, and BodyParts3D for its bones (see ``landmark-detection skeleton``).
A generated CT of no patient, with its true landmarks and a thumbnail; the same command gives the same files.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.files import atomic_write, resource_path
from LandmarkDetectionLib.io.markups import write_landmarks
from LandmarkDetectionLib.io.volumes import write_volume
from LandmarkDetectionLib.synthesis.body.phantom import make_phantom

NAME = "synthetic-body-ct"
SEED = 8  # an adult, arms at the sides; the body of `landmark-detection demo`
SPACING_MM = 5.0
STEP_HU = 8  # noise is what does not compress
BODY_HU = -300


def main() -> None:
    """Write volume, truth and thumbnail."""
    volume, truth = make_phantom(SEED, spacing_mm=SPACING_MM, bones=True)
    coarse = (np.rint(volume.voxels / STEP_HU) * STEP_HU).astype(np.int16)
    volume = replace(volume, voxels=coarse)
    folder = resource_path("SampleData")
    folder.mkdir(exist_ok=True)
    write_volume(volume, folder / f"{NAME}.nrrd")
    write_landmarks(truth, folder / f"{NAME}-truth.mrk.json")
    _write_thumbnail(volume, folder / f"{NAME}.png")


def _write_thumbnail(volume: Volume, path: Path) -> None:
    """Seen from the front, like a radiograph."""
    from PIL import Image

    # Mean over the rays of what is denser than air; voxels are (K, J, I) with K to the head, I to the left.
    density = np.maximum(volume.voxels.astype(np.float32) - BODY_HU, 0).mean(axis=1)[::-1]
    beside = np.quantile(density, 0.4)  # the table
    light = ((density - beside) / (np.quantile(density, 0.999) - beside)).clip(0, 1) ** 0.6
    picture = Image.fromarray((light * 255).astype(np.uint8))
    picture.thumbnail((240, 160), Image.Resampling.LANCZOS)
    framed = Image.new("L", (240, 160))
    framed.paste(picture, ((240 - picture.width) // 2, (160 - picture.height) // 2))
    with atomic_write(path) as temporary:
        framed.save(temporary, format="PNG")


if __name__ == "__main__":
    main()
