"""A datalist of MONAI: images and points in RAS mm, as ``load_decathlon_datalist`` and ``GenerateHeatmapd``
take them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from LandmarkDetectionLib.datasets.cases import Case, Datalist
from LandmarkDetectionLib.datasets.exporters.images import (
    Exported,
    case_names,
    is_seen_alike,
    new_folder,
    rating_of,
    write_nifti,
)
from LandmarkDetectionLib.datasets.raters import MEAN
from LandmarkDetectionLib.datasets.splits import is_test, is_validation
from LandmarkDetectionLib.files import write_text
from LandmarkDetectionLib.wording import counted

DATALIST = "datalist.json"
#: Where a case stands, by what its split is for.
LISTS = ("training", "validation", "test")


def export_monai(datalist: Datalist, out: str | os.PathLike[str], rater: str = MEAN) -> Exported:
    """Write a datalist of MONAI into a new folder, whole or not at all.

    Of every case ``image`` is one file or its channels; ``landmarks`` are points (N, 3) in RAS mm, in the
    order of the list's own ``landmarks``, NaN where there is none, of which
    ``GenerateHeatmapd(coordinate_space="world")`` makes empty heatmaps. What else is known of it stands in
    ``case``: MONAI takes any text beside for a path if a file of this name exists. NIfTI stays where it is;
    other images, and those that MONAI would put elsewhere, are written as NIfTI.

    Parameters
    ----------
    datalist, out
        The data set, and the new folder.
    rater
        Whose landmarks, or ``mean``.

    Raises
    ------
    InputError
        An image or its landmarks cannot be read, or there is no such rater.
    OutputError
        The folder holds something already, or cannot be written.
    """
    target = Path(out).absolute()
    lists: dict[str, list[dict[str, Any]]] = {name: [] for name in LISTS}
    written = 0
    with new_folder(target) as folder:
        (folder / "images").mkdir()
        for case, name in zip(datalist, case_names(datalist.cases), strict=True):
            volumes = case.read_channels()
            images = []
            for number, volume in enumerate(volumes):
                source = _source(case, number, len(volumes))
                if source is not None and not case.spacing and is_seen_alike(source, volume):
                    images.append(_relative(source, target))
                    continue
                file = Path("images", f"{name}_{number:04d}.nii.gz")
                write_nifti(volume, None if case.spacing else source, folder / file)
                images.append(file.as_posix())
                written += 1
            rating = rating_of(case, datalist, rater, volumes[0])
            known = {"subject": case.subject, "split": case.split, "side": case.side}
            about: dict[str, Any] = {key: value for key, value in known.items() if value}
            missing = [
                one
                for one, told, place in zip(
                    datalist.landmark_names, rating.known, rating.positions, strict=True
                )
                if told and not place[0] == place[0]
            ]
            if missing:
                about["missing"] = missing
            lists[_list_of(case.split)].append(
                {
                    "image": images[0] if len(images) == 1 else images,
                    "landmarks": rating.positions.round(6).tolist(),
                    "case": about,
                }
            )
        content = {
            "name": datalist.name,
            "coordinate_space": "world",
            "landmarks": list(datalist.landmark_names),
            "numTraining": len(lists["training"]),
            "numTest": len(lists["test"]),
            **{name: rows for name, rows in lists.items() if rows or name == "training"},
        }
        if not written:
            (folder / "images").rmdir()
        write_text(folder / DATALIST, json.dumps(content, indent=1) + "\n")
    notes = (f"{counted(written, 'image was', 'images were')} written as NIfTI",) if written else ()
    return Exported(target / DATALIST, len(datalist), notes)


def _list_of(split: str) -> str:
    return "validation" if is_validation(split) else "test" if is_test(split) else "training"


def _source(case: Case, number: int, channels: int) -> Path | None:
    """The file that a channel is read from, where it is one."""
    image = case.images[number] if len(case.images) == channels else None
    return image if isinstance(image, Path) else None


def _relative(file: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(file.absolute(), folder)).as_posix()
    except ValueError:
        return file.absolute().as_posix()  # another drive of Windows
