"""What a heatmap network looks at when every image is registered to one template first (Reddy et al. 2021).

The template lies on the network's grid: a mean of registered training images about all landmarks. An image is
brought there by an affine map, and the grid's matrix holds the way back, so that predictions are mapped to
the image like those of any other grid.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError, ModelError
from LandmarkDetectionLib.files import atomic_write
from LandmarkDetectionLib.imaging.grid import GridSettings, ImageGrid, check_channels, look_at, normalised
from LandmarkDetectionLib.imaging.registration import (
    AffineAlignment,
    register_to_template,
    resample_to_template,
)
from LandmarkDetectionLib.imaging.template import crop_around

#: Images that the template is the mean of, at most: more make it no clearer.
AVERAGED = 12
#: The template's grey values reach so many standard deviations to either side; one byte each.
REACH = 3.0
LARGEST_BYTES = 64_000_000


@dataclass(frozen=True, eq=False)
class AlignedGrid:
    """An image on a template's grid, and how it came there."""

    grid: ImageGrid
    alignment: AffineAlignment


def look_at_aligned(volumes: Sequence[Volume], template: Volume, settings: GridSettings) -> AlignedGrid:
    """Bring the channels of one case onto the template's grid; the first is registered, all are resampled.

    Raises
    ------
    InputError
        As `grid.look_at` and `registration.register_to_template`.
    """
    check_channels(volumes, settings)
    alignment = register_to_template(volumes[0], template)
    image = np.stack([_on_template(volume, template, alignment, settings) for volume in volumes])
    to_ras = (alignment.affine.inverse @ template.affine).matrix
    return AlignedGrid(ImageGrid(image, to_ras, image.shape[1:]), alignment)


def mean_template(
    chosen: Volume,
    positions: np.ndarray,
    others: Iterable[Volume],
    settings: GridSettings,
    multiple: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Volume:
    """The mean of registered images about the landmarks of one of them, on the network's grid.

    Registering succeeds as well with a mean as with one image, and a model can be passed on with it: of a
    dozen faces nobody's is left.

    Parameters
    ----------
    chosen
        See `template.choose_template`.
    positions : (N, 3)
        Its landmarks, RAS mm.
    others
        Further images; the first ``AVERAGED - 1`` are looked at, those that cannot be registered left out.

    Returns
    -------
    Volume
        uint8; its first voxel is the grid's first voxel.
    """
    grid = look_at([crop_around(chosen, positions)], settings, multiple)
    shape = grid.image.shape[1:]
    empty = Volume(
        np.zeros(shape if len(shape) == 3 else (1, *shape), np.uint8),
        grid.to_ras,
        name="template",
        spacing_known=chosen.spacing_known,
    )
    here = AffineAlignment(np.eye(4), 0.0, 0.0, 0.0)
    total, count = _on_template(chosen, empty, here, settings), 1
    template = replace(empty, voxels=_as_bytes(total, empty))
    for number, volume in enumerate(others):
        if number == AVERAGED - 1:
            break
        alignment = register_to_template(volume, template)
        if alignment.succeeded:
            total, count = total + _on_template(volume, empty, alignment, settings), count + 1
        if progress is not None:
            progress(number + 2)
    return replace(empty, voxels=_as_bytes(total / count, empty))


def template_bytes(template: Volume) -> bytes:
    """A template as the safetensors file of a model package."""
    from safetensors.numpy import save

    return bytes(
        save(
            {
                "voxels": np.ascontiguousarray(template.voxels, np.uint8),
                "ijk_to_ras": np.ascontiguousarray(template.ijk_to_ras, np.float64),
                "spacing_known": np.array([template.spacing_known], np.uint8),
            }
        )
    )


def write_template(path: Path, template: Volume) -> None:
    """Write `template_bytes` to a file."""
    with atomic_write(path) as temporary:
        temporary.write_bytes(template_bytes(template))


def read_template(path: Path, sha256: str | None = None) -> Volume:
    """A template from its file.

    Raises
    ------
    ModelError
        The file is missing, damaged, or not the one with this checksum.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    wrong = f"The template {path.name} of the model is missing or damaged; get the model again."
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise ModelError(wrong)
        content = path.read_bytes()
        if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
            raise ModelError(wrong)
        arrays = load(content)
        known = bool(arrays["spacing_known"][0])
        return Volume(arrays["voxels"], arrays["ijk_to_ras"], name="template", spacing_known=known)
    except (OSError, SafetensorError, KeyError, ValueError, InputError):
        raise ModelError(wrong) from None


def _on_template(
    volume: Volume, template: Volume, alignment: AffineAlignment, settings: GridSettings
) -> np.ndarray:
    """(*S) float32 as networks take it."""
    voxels = resample_to_template(volume, template, alignment).voxels
    image = voxels[0] if settings.dimensions == 2 else voxels
    return normalised(image, settings.intensity, volume).astype(np.float32)


def _as_bytes(image: np.ndarray, template: Volume) -> np.ndarray:
    scaled = (image - image.mean()) / max(float(image.std()), 1e-6)
    scaled = np.clip((scaled / REACH + 1) * 127.5, 0, 255).round().astype(np.uint8)
    return np.asarray(scaled.reshape(template.shape))
