"""nnLandmark's layout (Ertl et al. 2026), which ``importers.nnlandmark`` reads: nnU-Net's, with tables."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from LandmarkDetectionLib.core.geometry import Affine
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.cases import Datalist
from LandmarkDetectionLib.datasets.exporters.images import (
    Exported,
    case_names,
    new_folder,
    rating_of,
    write_nifti,
)
from LandmarkDetectionLib.datasets.importers.nnlandmark import TABLE
from LandmarkDetectionLib.datasets.raters import MEAN
from LandmarkDetectionLib.datasets.splits import is_test
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import write_text
from LandmarkDetectionLib.io.volumes import write_volume
from LandmarkDetectionLib.typing import Array
from LandmarkDetectionLib.wording import counted


def export_nnlandmark(datalist: Datalist, out: str | os.PathLike[str], rater: str = MEAN) -> Exported:
    """Write a raw data set of nnLandmark into a new folder, whole or not at all.

    ``imagesTr`` and ``imagesTs`` have every channel as ``case_0000.nii.gz``, ``labelsTr`` a cube of 3 x 3 x
    3 voxels per landmark, a single voxel where cubes would touch or leave the image, since nnLandmark takes
    the centre of mass; ``all_landmarks_voxel.json`` keeps places (i, j, k) between voxels. Cases of a test
    split are its test set.

    Parameters
    ----------
    datalist, out
        A data set of volumes, and the new folder, which nnU-Net wants to be called ``Dataset123_Name``.
    rater
        Whose landmarks, or ``mean``.

    Raises
    ------
    InputError
        The images are no volumes, two landmarks lie in one voxel, there is no such rater, or a file cannot
        be read.
    OutputError
        The folder holds something already, or cannot be written.
    """
    target = Path(out).absolute()
    labels = {name: n for n, name in enumerate(datalist.landmark_names, start=1)}
    table: dict[str, Any] = {}
    spacings: dict[str, Any] = {}
    training, channels, lacking = 0, 0, 0
    with new_folder(target) as folder:
        for part in ("imagesTr", "imagesTs", "labelsTr"):
            (folder / part).mkdir()
        for case, name in zip(datalist, case_names(datalist.cases), strict=True):
            volumes = case.read_channels()
            first = volumes[0]
            if first.is_2d:
                raise InputError(f"nnLandmark learns from volumes, and {case.name} is a single image.")
            channels = len(volumes)
            test = is_test(case.split)
            for number, volume in enumerate(volumes):
                file = folder / ("imagesTs" if test else "imagesTr") / f"{name}_{number:04d}.nii.gz"
                image = case.images[number] if len(case.images) == channels and not case.spacing else None
                write_nifti(volume, image if isinstance(image, Path) else None, file)
            voxels = Affine(first.ijk_to_ras).apply_inverse(rating_of(case, datalist, rater, first).positions)
            placed = np.asarray(np.isfinite(voxels).all(axis=1))
            lacking += int((~placed).sum())
            table[name] = {one: voxels[n].round(4).tolist() for n, one in enumerate(labels) if placed[n]}
            spacings[name] = {"image_spacing": first.spacing.round(6).tolist(), "annotation_spacing": None}
            if not test:
                training += 1
                cubes = _cubes(first, voxels, placed, case.name, datalist.landmark_names)
                write_volume(Volume(cubes, first.ijk_to_ras), folder / "labelsTr" / f"{name}.nii.gz")
        description = {
            "channel_names": {str(n): "image" for n in range(channels)},
            "labels": {"background": 0, **labels},
            "numTraining": training,
            "file_ending": ".nii.gz",
            "name": datalist.name,
        }
        files = {TABLE: table, "name_to_label.json": labels, "spacing.json": spacings}
        for file_name, content in (*files.items(), ("dataset.json", description)):
            write_text(folder / file_name, json.dumps(content, indent=1) + "\n")
    notes = (
        (
            f"{counted(lacking, 'landmark has no place and is', 'landmarks have no place and are')} left "
            "out; nnLandmark learns that what is left out is not in the image",
        )
        if lacking
        else ()
    )
    return Exported(target / TABLE, len(datalist), notes)


def _cubes(volume: Volume, voxels: Array, placed: Array, case: str, names: tuple[str, ...]) -> Array:
    """(K, J, I) label map."""
    labels = np.zeros(volume.shape, np.uint16 if len(names) > 255 else np.uint8)
    size = np.array(volume.size)
    chosen = np.flatnonzero(placed)
    centres = {n: np.clip(np.rint(voxels[n]).astype(int), 0, size - 1) for n in chosen.tolist()}
    for n, centre in centres.items():
        apart = [(np.abs(centre - other).max(), m) for m, other in centres.items() if m != n]
        if apart and min(apart)[0] == 0:
            raise InputError(
                f"{names[n]} and {names[min(apart)[1]]} lie in one voxel of {case}; nnLandmark cannot "
                "tell them apart: leave one out."
            )
        # A cube that another cuts, or the border, would have its centre elsewhere.
        whole = (not apart or min(apart)[0] > 2) and (centre > 0).all() and (centre < size - 1).all()
        reach = 1 if whole else 0
        i, j, k = (slice(c - reach, c + reach + 1) for c in centre.tolist())
        labels[k, j, i] = n + 1
    return labels
