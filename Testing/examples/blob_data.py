"""Small data sets with known landmarks, as files: spots of three shapes in noise, in 2D and 3D."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.io.volumes import write_volume

NAMES = ("round", "tall", "wide")
#: Fields of a training that learns them in seconds.
SMALL_TRAINING: dict[str, Any] = {
    "parameters": {"width": 8, "levels": 3, "dropout": 0.0, "spatial_kernel": 5, "spatial_pooling": 4},
    "batch_size": 4,
    "averaging": 0.9,
    "learning_rate": 4e-3,
    "validate_every": 1000,
    "radius": 2.0,
}
#: Where they lie on average, as shares of x, y(, z), and their widths in pixels along the same.
PLACES = np.array([[0.3, 0.3, 0.4], [0.7, 0.4, 0.5], [0.45, 0.75, 0.6]])
WIDTHS = np.array([[2.0, 2.0, 2.0], [1.2, 4.5, 2.0], [4.5, 1.2, 2.0]])


def spots(
    rng: np.random.Generator, shape: tuple[int, ...], channels: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """(C, *shape) float32 and the places (3, d), x first, in voxels."""
    d = len(shape)
    size = np.array(shape[::-1])
    middle = rng.uniform(-0.06, 0.06, d) * size
    places = PLACES[:, :d] * size + middle + rng.uniform(-0.04, 0.04, (3, d)) * size
    axes = np.indices(shape)[::-1]
    image = rng.normal(0, 0.15, (channels, *shape))
    for place, width in zip(places, WIDTHS[:, :d], strict=True):
        image += np.exp(-0.5 * sum(((a - p) / w) ** 2 for a, p, w in zip(axes, place, width, strict=True)))
    return image.astype(np.float32), places


def write_blob_data(
    folder: Path,
    count: int = 12,
    shape: tuple[int, ...] = (64, 64),
    spacing: float = 0.5,
    channels: int = 1,
    splits: dict[str, int] | None = None,
) -> Path:
    """Write images with landmark tables and the datalist, whose path is given back.

    Parameters
    ----------
    splits
        Cases of each split, in order; the rest is in "train". None is in any when left out.
    """
    rng = np.random.default_rng(4)
    folder.mkdir(parents=True, exist_ok=True)
    names = [split for split, number in (splits or {}).items() for _ in range(number)]
    names += ["train"] * (count - len(names)) if splits else []
    rows = []
    for n in range(count):
        image, places = spots(rng, shape, channels)
        d = len(shape)
        matrix = np.diag([-spacing, -spacing, spacing, 1.0])
        files = []
        for c, channel in enumerate(image):
            name = f"case{n:02d}" + (f"_{c}" if channels > 1 else "") + ".nrrd"
            voxels = channel if d == 3 else channel[None]
            write_volume(Volume(voxels, matrix), folder / name)
            files.append(name)
        ras = np.zeros((3, 3))
        ras[:, :d] = places * np.array([-spacing, -spacing, spacing])[:d]
        table = "name,x,y,z\n" + "".join(
            f"{name},{x:.6f},{y:.6f},{z:.6f}\n" for name, (x, y, z) in zip(NAMES, ras, strict=True)
        )
        (folder / f"case{n:02d}.csv").write_text(table)
        row = {
            "image": files if channels > 1 else files[0],
            "landmarks": f"case{n:02d}.csv",
            "subject": f"s{n:02d}",
        }
        rows.append(row | ({"split": names[n]} if n < len(names) else {}))
    path = folder / "data.json"
    path.write_text(json.dumps({"name": "Blobs", "cases": rows}))
    return path
