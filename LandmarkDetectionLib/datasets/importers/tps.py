"""TPS files of morphometrics (Rohlf's tpsDig): landmarks of specimens in pictures, y from the bottom.

A specimen is ``LM=N``, N lines ``x y``, and ``IMAGE=``, ``ID=``, ``SCALE=`` behind them; the words may be
in any case and order after the points. The format says no more than that numbers are pixels and that y
grows upwards, as in tpsDig (https://www.sbmorphometrics.org/soft-dataacq.html); the unit of ``SCALE`` is
whatever the person took, which is taken for mm. geomorph's convention holds for what is missing: a negative
number or ``NA``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PureWindowsPath

import numpy as np

from LandmarkDetectionLib.datasets.importers.table import YFrom, landmark_names, pixel_rows, relative_protocol
from LandmarkDetectionLib.datasets.importers.tables import find_images, match_image, number_of
from LandmarkDetectionLib.datasets.importers.writing import Imported, ImportedCase, pixel_set, write_import
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import MAX_TEXT_BYTES, read_text
from LandmarkDetectionLib.wording import counted

_ENTRY = re.compile(r"\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.*?)\s*$")
#: Entries that are followed by blocks of points which are no landmarks.
_CURVES = ("CURVES", "OUTLINES")


@dataclass
class Specimen:
    """One block of a TPS file.

    Attributes
    ----------
    line
        At which it begins, from 1.
    points : (N, 2)
        As the file has them, NaN where a landmark is missing.
    image, id, scale
        As the file has them; empty and None without one.
    curves
        How many curves and outlines it has, which are left out.
    """

    line: int
    points: np.ndarray
    image: str = ""
    id: str = ""
    scale: float | None = None
    curves: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What its image is called: the last part of a path of any system, else its ID."""
        return PureWindowsPath(self.image).name or self.id


def import_tps(
    images: str | os.PathLike[str],
    out: str | os.PathLike[str],
    tables: Mapping[str, str | os.PathLike[str]] | None = None,
    *,
    protocol: str = "",
    names: Sequence[str] = (),
    pixel_mm: float | None = None,
    origin: float = 0.0,
    y_from: YFrom = "bottom",
    unit_mm: float = 1.0,
) -> Imported:
    """Import pictures with TPS files.

    Parameters
    ----------
    images
        Folder with the pictures, searched with its folders, or a TPS file that lies beside its pictures.
    out
        New folder to write.
    tables
        TPS file by rater; the ``.tps`` files of the folder, of one rater, when None.
    protocol, names
        Of the landmarks, in the order of the file; ``landmark_1`` and so on when neither is given.
    pixel_mm
        Size of a pixel, in the place of ``SCALE``.
    origin
        Index of the first pixel's centre, from the left and from where y is counted: 0, or 0.5 for numbers
        that count from the image's edge.
    y_from
        Where y is counted from.
    unit_mm
        mm that the unit of ``SCALE`` has: 10 where it is cm per pixel.

    Raises
    ------
    InputError
        There is no TPS file, one is broken (the line is named), specimens have different numbers of
        landmarks, an image is named twice, or none is here.
    OutputError
        The folder holds something already or cannot be written.
    """
    source = Path(images)
    files = _files(source, tables)
    folder = source.parent if source.is_file() else source
    found = find_images(folder)
    notes: list[str] = []
    read: dict[str, dict[Path, Specimen]] = {}
    for rater, several in files.items():
        for file in several:
            _match(file, read_tps(file), found, read.setdefault(rater, {}), notes)
    used = [image for image in found.values() if any(image in rows for rows in read.values())]
    if not used:
        listed = ", ".join(str(file) for several in files.values() for file in several)
        raise InputError(
            f"No specimen of {listed} names an image in {folder}; check its lines IMAGE= and ID=."
        )
    specimens = [one for rows in read.values() for one in rows.values()]
    landmarks = _names(specimens, names, protocol, next(iter(files.values()))[0])
    cases = []
    for image in used:
        own = {rater: rows[image] for rater, rows in read.items() if image in rows}
        scale = next((one.scale for one in own.values() if one.scale is not None), None)
        cases.append(
            ImportedCase(
                name=image.name.split(".")[0],
                images=(image,),
                landmarks={
                    rater: pixel_set(landmarks, pixel_rows(one.points, image, origin, y_from))
                    for rater, one in own.items()
                },
                subject=image.name.split(".")[0],
                unit="pixel",
                spacing=pixel_mm if pixel_mm is not None or scale is None else _size(scale * unit_mm, image),
            )
        )
    assumed = _assumed(specimens, unit_mm) if pixel_mm is None else []
    notes += [*assumed, *_notes(specimens, pixel_mm, len(found) - len(used))]
    done = write_import(out, cases, name=folder.name, protocol=relative_protocol(protocol), notes=notes)
    return replace(done, assumed=tuple(assumed))


def read_tps(path: str | os.PathLike[str]) -> list[Specimen]:
    """Read a TPS file.

    Raises
    ------
    InputError
        The file is missing or broken; the sentence names the line.
    """
    lines = _text(Path(path)).splitlines()
    specimens: list[Specimen] = []
    number = 0
    while number < len(lines):
        line, at = lines[number].strip(), number + 1
        number += 1
        if not line:
            continue
        entry = _ENTRY.match(line)
        key, value = (entry[1].upper(), entry[2]) if entry else ("", "")
        if key in ("LM", "LM3"):
            count = _count(value, path, at)
            rows = lines[number : number + count]
            specimens.append(Specimen(at, _points(rows, count, 3 if key == "LM3" else 2, path, number)))
            number += count
        elif not specimens:
            raise InputError(
                f"Cannot read {path}: line {at} is no 'LM=' with a number, so it is no TPS file."
            )
        elif key == "POINTS":
            number += _count(value, path, at)
        elif key in _CURVES:
            specimens[-1].curves += _count(value, path, at)
        elif entry:
            _describe(specimens[-1], key, value, path, at)
        else:
            raise InputError(
                f"Cannot read {path}: line {at} ('{line[:40]}') is neither an entry such as IMAGE= nor a "
                "point that its LM= counts."
            )
    if not specimens:
        raise InputError(f"Cannot read {path}: it holds no 'LM=', so it is no TPS file.")
    return specimens


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except InputError:
        if not path.is_file() or path.stat().st_size > MAX_TEXT_BYTES:
            raise
    # Programs of Windows write names in its own letters.
    return path.read_bytes().decode("cp1252", errors="replace")


def _count(value: str, path: str | os.PathLike[str], line: int) -> int:
    if not re.fullmatch(r"\d{1,6}", value):
        raise InputError(f"Cannot read {path}: '{value[:20]}' in line {line} is no number of points.")
    return int(value)


def _points(
    rows: Sequence[str], count: int, dimensions: int, path: str | os.PathLike[str], before: int
) -> np.ndarray:
    """(N, 2) numbers; NaN for what is missing."""
    points = np.full((count, 2), np.nan)
    if len(rows) < count:
        raise InputError(
            f"Cannot read {path}: it ends within the {counted(count, 'point')} that line {before} announces."
        )
    for n, row in enumerate(rows):
        cells = row.split()
        values = [number_of(cell) for cell in cells]
        if len(cells) != dimensions or any(value is None for value in values):
            comma = "; write numbers with a decimal point" if "," in row else ""
            raise InputError(
                f"Cannot read {path}: line {before + n + 1} ('{row.strip()[:40]}') is not {dimensions} "
                f"numbers{comma}."
            )
        position = np.array(values, float)
        if dimensions == 3 and np.isfinite(position).all() and position[2] != 0:
            raise InputError(
                f"Cannot use {path}: the landmarks of line {before} have three coordinates (LM3), as on "
                "surfaces; landmarks of pictures have two."
            )
        if np.isfinite(position).all() and (position[:2] >= 0).all():
            points[n] = position[:2]
    return points


def _describe(specimen: Specimen, key: str, value: str, path: str | os.PathLike[str], line: int) -> None:
    """One entry behind the points; those that say nothing of landmarks are left out."""
    if key == "IMAGE":
        specimen.image = value
    elif key == "ID":
        specimen.id = value
    elif key == "SCALE":
        scale = number_of(value)
        if scale is None or not 1e-6 <= scale < 1000:
            raise InputError(f"Cannot read {path}: SCALE={value[:20]} in line {line} is no size of a pixel.")
        specimen.scale = scale


def _files(source: Path, tables: Mapping[str, str | os.PathLike[str]] | None) -> dict[str, list[Path]]:
    if tables:
        return {rater: [Path(file)] for rater, file in tables.items()}
    if source.is_file():
        return {"rater": [source]}
    found = sorted(file for file in source.rglob("*") if file.suffix.lower() == ".tps" and file.is_file())
    if not found:
        raise InputError(f"There is no .tps file in {source}; name it, or check the folder.", about="table")
    return {"rater": found}


def _match(
    file: Path,
    specimens: Sequence[Specimen],
    images: dict[str, Path],
    rows: dict[Path, Specimen],
    notes: list[str],
) -> None:
    """Put specimens to their images; what has none is noted."""
    lost = []
    for one in specimens:
        image = match_image(one.name, images) or match_image(one.id, images)
        if image is None:
            lost.append(one.name or f"line {one.line}")
        elif image in rows:
            raise InputError(
                f"{file} has two specimens of the image {image.name} (lines {rows[image].line} and "
                f"{one.line}); keep one, or give a file of its own for each person.",
                about="table",
            )
        else:
            rows[image] = one
    if lost:
        single = f"specimen of {file.name} has no image here and was"
        several = f"specimens of {file.name} have no image here and were"
        shown = ", ".join(lost[:5]) + (" ..." if len(lost) > 5 else "")
        notes.append(f"{counted(len(lost), single, several)} left out: {shown}")


def _size(pixel_mm: float, image: Path) -> float:
    if not 1e-6 <= pixel_mm < 1000:
        raise InputError(f"By SCALE a pixel of {image.name} has {pixel_mm:.3g} mm; check it and its unit.")
    return pixel_mm


def _names(specimens: Sequence[Specimen], names: Sequence[str], protocol: str, file: Path) -> tuple[str, ...]:
    counts = sorted({len(one.points) for one in specimens})
    if len(counts) > 1:
        odd = next(one for one in specimens if len(one.points) != counts[-1])
        raise InputError(
            f"The specimens of {file} have {' and '.join(map(str, counts))} landmarks; "
            f"{odd.name or 'that'} of line "
            f"{odd.line} has {len(odd.points)}. Mark what is missing as NA, so that all have the same number."
        )
    if names or protocol:
        return landmark_names(counts[0], names, protocol, file)
    return tuple(f"landmark_{n}" for n in range(1, counts[0] + 1))


def _assumed(specimens: Sequence[Specimen], unit_mm: float) -> list[str]:
    """What is said where the unit of a scale was not."""
    scaled = sum(one.scale is not None for one in specimens)
    if not scaled:
        return []
    unit = "mm" if unit_mm == 1 else f"{unit_mm:g} mm"
    return [
        f"SCALE of {counted(scaled, 'specimen')} is taken for {unit} per pixel, which TPS files do not say; "
        "another unit can be chosen"
    ]


def _notes(specimens: Sequence[Specimen], pixel_mm: float | None, without: int) -> list[str]:
    notes = []
    if without:
        one, many = "image has no landmarks and was", "images have no landmarks and were"
        notes.append(f"{counted(without, one, many)} left out")
    if curves := sum(one.curves for one in specimens):
        one, many = "curve or outline is no landmark and was", "curves and outlines are no landmarks and were"
        notes.append(f"{counted(curves, one, many)} left out")
    if missing := int(sum(np.isnan(one.points).any(axis=1).sum() for one in specimens)):
        notes.append(f"{counted(missing, 'point is', 'points are')} negative or NA, that is, not annotated")
    scaled = sum(one.scale is not None for one in specimens)
    if pixel_mm is not None and scaled:
        notes.append(f"SCALE of {counted(scaled, 'specimen')} is not taken, as the size of a pixel was given")
    notes.append("each image counts as a subject of its own; change the datalist where people have several")
    return notes
