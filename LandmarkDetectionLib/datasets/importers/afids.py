"""AFIDs (Lau et al. 2019): 32 anatomical fiducials of the brain in BIDS folders."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet
from LandmarkDetectionLib.datasets.importers.writing import Imported, ImportedCase, write_import
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.formats import ITK, NIFTI
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.io.records import read_recorded_landmarks
from LandmarkDetectionLib.wording import counted

PROTOCOL = "afids-32"
SPACE = re.compile(r"_space-([A-Za-z0-9]+)_")
#: What BIDS and the AFIDs call the space of the image itself.
OWN_SPACES = ("t1w", "native", "orig", "individual", "scanner")
RATER = re.compile(r"_desc-(\w+?)_afids\.fcsv$")


def import_afids(
    folder: str | os.PathLike[str], out: str | os.PathLike[str], raters: bool = False
) -> Imported:
    """Import one or several BIDS data sets with AFIDs.

    Parameters
    ----------
    folder
        Holds, at any depth, ``derivatives/afids_groundtruth/sub-*/anat/*_afids.fcsv`` or
        ``derivatives/afids_rater/sub-*/anat/*_desc-rater01_afids.fcsv`` and, beside ``derivatives``, the
        images ``sub-*/anat/*_T1w.nii.gz``. A file whose name has another ``space`` than ``T1w`` is in that
        of a template and is left out, unless the image's name has it, too.
    out
        New folder to write.
    raters
        Whether to take the placements of each rater instead of the ground truth, which is their consensus.

    Raises
    ------
    InputError
        The folder is laid out differently, or a file does not have the points 1 to 32.
    OutputError
        The new folder cannot be written.
    """
    folder = Path(folder)
    kind = "afids_rater" if raters else "afids_groundtruth"
    files = sorted(folder.rglob(f"derivatives/{kind}*/sub-*/**/*_afids.fcsv")) if folder.is_dir() else []
    if not files:
        raise InputError(
            f"{folder} is not laid out as an AFIDs data set: there is no "
            f"derivatives/{kind}/sub-*/anat/*_afids.fcsv in it."
        )
    names = load_protocol(PROTOCOL).names
    sets: dict[Path, dict[str, LandmarkSet | Path]] = {}
    left_out = 0
    elsewhere: list[Path] = []
    for file in files:
        image = _image(file)
        if image is None:
            if _space(file) is None:
                left_out += 1
            else:
                elsewhere.append(file)
            continue
        found = RATER.search(file.name)
        rater = found[1] if found and raters else "rater"
        if rater in sets.setdefault(image, {}):
            raise InputError(
                f"{image} has two files of landmarks by {rater}; {file} is one of them; move one."
            )
        sets[image][rater] = named_afids(file, names)
    cases = []
    for image, landmarks in sets.items():
        root = image.parents[len(image.parts) - image.parts.index(_subject(image)) - 1]
        cases.append(
            ImportedCase(
                name=f"{root.name}_{image.name.split('.')[0]}",
                images=(image,),
                landmarks=landmarks,
                subject=f"{root.name}/{_subject(image)}",
            )
        )
    if elsewhere and not cases:
        raise InputError(
            f"The landmarks of {folder} are in the space of a template ({_space(elsewhere[0])} in "
            f"{elsewhere[0].name}), not in that of the images sub-*_T1w; bring them into the images' space "
            "first."
        )
    one, many = (
        "file of landmarks has no image here and was",
        "files of landmarks have no image here and were",
    )
    notes = [f"{counted(left_out, one, many)} left out"] if left_out else []
    if elsewhere:
        notes.append(
            f"{counted(len(elsewhere), 'file is', 'files are')} in the space of a template, not of the "
            f"image, and {'was' if len(elsewhere) == 1 else 'were'} left out: "
            f"{elsewhere[0].name}" + (" ..." if len(elsewhere) > 1 else "")
        )
    return write_import(out, cases, name=folder.name, protocol=PROTOCOL, notes=notes)


def named_afids(file: Path, names: tuple[str, ...]) -> LandmarkSet:
    """The points 1 to 32 of an AFIDs file under the protocol's names.

    Raises
    ------
    InputError
        A point has another label.
    """
    marks: list[Landmark] = []
    for mark in read_recorded_landmarks(file):
        number = int(mark.name) if mark.name.isdecimal() else 0
        if not 1 <= number <= len(names):
            raise InputError(f"{file} has a point '{mark.name}', and AFIDs are labelled 1 to {len(names)}.")
        if names[number - 1] in (one.name for one in marks):
            raise InputError(f"{file} has the point {number} twice; remove one of them.")
        marks.append(replace(mark, name=names[number - 1]))
    return LandmarkSet(tuple(sorted(marks, key=lambda mark: names.index(mark.name))), name="afids")


def _space(file: Path) -> str | None:
    """The space that a file's name says its points are in, unless it is the image's own."""
    found = SPACE.search(file.name)
    return None if found is None or found[1].lower() in OWN_SPACES else found[1]


def _subject(path: Path) -> str:
    return next(part for part in path.parts if part.startswith("sub-"))


def _image(file: Path) -> Path | None:
    """The T1w image that a landmark file belongs to: of the same space, and of no other session, run or kind.

    Of several the one with the same entities before ``space``, else the only one.
    """
    subject = _subject(file)
    at = max(n for n, part in enumerate(file.parts) if part == "derivatives")
    anat = Path(*file.parts[:at]) / subject
    stem = re.split(r"_(?:space|desc|afids)", file.name)[0]
    images = sorted(
        one
        for one in anat.rglob(f"{subject}_*T1w.*")
        if one.name.lower().endswith((*NIFTI, *ITK))
        and _space(one) == _space(file)
        and not _contradicts(one, file)
    )
    same = [one for one in images if re.split(r"_(?:space|T1w)", one.name)[0] == stem]
    if len(same) == 1:
        return same[0]
    return images[0] if len(images) == 1 else None


def _contradicts(image: Path, file: Path) -> bool:
    """Whether both names have an entity (``ses-01``) with different values."""
    first, second = (
        dict(re.findall(r"(ses|run|acq|rec|echo)-([A-Za-z0-9]+)", one.name)) for one in (image, file)
    )
    return any(first[key] != second[key] for key in first.keys() & second.keys())
