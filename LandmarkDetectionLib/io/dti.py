"""DTI colour maps: the principal diffusion direction as colour, weighted by the fractional anisotropy.

Red, green and blue are how much of the direction points left-right, front-back and up-down: ``|v| * FA``
(Pajevic and Pierpaoli, Magn Reson Med 1999), so that the sign of a direction, which diffusion does not know,
does not matter. For a network they are three channels of one case.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from LandmarkDetectionLib.core.geometry import Affine
from LandmarkDetectionLib.core.volume import Volume, with_voxels
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.formats import suffix_of
from LandmarkDetectionLib.io.volumes import MODULES, read_volume

Axes = Literal["patient", "voxel"]
COLOURS = ("left-right", "front-back", "up-down")
#: Unit vectors may be this much longer after interpolation.
LONGEST_DIRECTION = 1.2


@dataclass(frozen=True)
class DTIColourMap:
    """The files a colour map is computed from.

    Attributes
    ----------
    fa
        Fractional anisotropy, 0 to 1.
    directions
        One file of three values per voxel, or three files of one component each.
    axes
        Whether the components are along the patient's axes or along the image's (as FSL writes them).
    """

    fa: Path
    directions: tuple[Path, ...]
    axes: Axes = "patient"

    @property
    def name(self) -> str:
        """File name of the anisotropy, for people."""
        return self.fa.name

    @property
    def files(self) -> tuple[Path, ...]:
        """All files."""
        return (self.fa, *self.directions)

    def read(self) -> tuple[Volume, Volume, Volume]:
        """Read the files and compute the three channels; raises InputError as :func:`colour_map` does."""
        fa = read_volume(self.fa)
        directions, ijk_to_ras = read_directions(self.directions)
        if directions.shape[1:] != fa.shape or not fa.affine.same_grid(Affine(ijk_to_ras), fa.size):
            raise InputError(
                f"{self.directions[0]} does not lie on the grid of {self.fa}; "
                "export both from one tensor image."
            )
        return colour_map(fa, directions, self.axes)


def colour_map(fa: Volume, directions: np.ndarray, axes: Axes = "patient") -> tuple[Volume, Volume, Volume]:
    """Compute ``|v| * FA``.

    Parameters
    ----------
    fa
        Fractional anisotropy.
    directions : (3, K, J, I)
        Unit vectors, of either sign; zero outside the brain.
    axes
        What their components are along.

    Returns
    -------
    tuple of Volume
        float32, left-right, front-back and up-down, on the grid of ``fa``.

    Raises
    ------
    InputError
        The anisotropy is not within 0 and 1, or the directions are longer than 1.
    """
    anisotropy = fa.voxels.astype(np.float32)
    if anisotropy.min() < -1e-3 or anisotropy.max() > LONGEST_DIRECTION:
        raise InputError(
            f"{fa.name or 'the anisotropy'} has values from {anisotropy.min():.3g} to "
            f"{anisotropy.max():.3g}, and fractional anisotropy lies within 0 and 1; check which map this is."
        )
    vectors = np.asarray(directions, np.float32)
    longest = float(np.sqrt(np.square(vectors).sum(axis=0).max()))
    if not 0 < longest <= LONGEST_DIRECTION:
        raise InputError(
            f"the directions beside {fa.name or 'the anisotropy'} have a length of up to {longest:.3g}, "
            "and unit vectors are needed; check which map this is."
        )
    if axes == "voxel":
        cosines = (fa.ijk_to_ras[:3, :3] / fa.spacing).astype(np.float32)
        vectors = np.einsum("ab,bkji->akji", cosines, vectors)
    colours = np.abs(vectors) * np.clip(anisotropy, 0, 1)
    first, second, third = (
        with_voxels(fa, colour, f"{fa.name} {name}") for colour, name in zip(colours, COLOURS, strict=True)
    )
    return first, second, third


def read_directions(paths: Sequence[str | os.PathLike[str]]) -> tuple[np.ndarray, np.ndarray]:
    """Read a principal direction per voxel.

    Parameters
    ----------
    paths
        One NIfTI (a fourth or fifth axis of length 3), NRRD or MetaImage (three values per voxel) file, or
        three files with a component each.

    Returns
    -------
    directions : (3, K, J, I) float32
    ijk_to_ras : (4, 4)

    Raises
    ------
    InputError
        A file is missing, damaged or holds no directions.
    """
    files = [Path(path) for path in paths]
    if len(files) == 3:
        volumes = [read_volume(file) for file in files]
        if not all(volumes[0].is_on_grid_of(one) for one in volumes):
            raise InputError(f"{files[0]} and the other components of the direction do not lie on one grid.")
        return np.stack([one.voxels.astype(np.float32) for one in volumes]), volumes[0].ijk_to_ras
    if len(files) != 1:
        raise InputError(
            f"Directions are one file with three values per voxel, or three files, not {len(files)}."
        )
    path = files[0]
    if not path.is_file():
        raise InputError(f"{path} does not exist; check the name and the folder.")
    if suffix_of(path) not in MODULES:
        raise InputError(f"{path} is no direction volume; give NIfTI, NRRD or MetaImage.")
    directions, ijk_to_ras = MODULES[suffix_of(path)].read_vectors(path)
    if not np.isfinite(directions).all():
        # Outside the brain some programs divide by zero.
        directions = np.nan_to_num(directions, nan=0.0, posinf=0.0, neginf=0.0)
    return np.ascontiguousarray(directions, np.float32), ijk_to_ras
