"""Named landmarks in RAS millimetres, and the files they are kept in.

Three kinds of file are written and read, chosen by the suffix:

==============  ====================================================================================
``.mrk.json``   Slicer Markups (schema 1.0.3), LPS mm in the file
``.fcsv``       Slicer's older Markups table, LPS mm in the file
``.csv``        ``name,x,y,z,confidence,status`` in RAS mm, for spreadsheets and statistics
==============  ====================================================================================

DICOM Structured Reports are read by :mod:`LandmarkDetectionLib.io.dicom_sr`. The sign change between LPS
files and RAS positions happens in these two modules and nowhere else. Markups know neither
confidence nor status. Where the file has a record of them (the annotations of a store have one, under
``annotation``), that counts for every point that lies where the record has it. In other files they travel at
the end of a point's description, as in ``centre of the humeral head | confidence 0.93 | detected``, which is
read here and nowhere else in the library.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from LandmarkDetectionLib.core.landmarks import (
    BrokenError,
    Landmark,
    LandmarkSet,
    Status,
    first_repeated,
    landmarks_from_records,
    require_sane,
    unique,
)
from LandmarkDetectionLib.errors import InputError, OutputError
from LandmarkDetectionLib.files import read_json, read_text, write_text
from LandmarkDetectionLib.io.csv_text import TableError, not_a_number, table_rows, table_text, unguarded
from LandmarkDetectionLib.typing import FloatArray

MARKUPS_SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/"
    "Resources/Schema/markups-schema-v1.0.3.json#"
)
LANDMARK_SUFFIXES = (".mrk.json", ".fcsv", ".csv")
#: The same, and DICOM Structured Reports, which :mod:`LandmarkDetectionLib.reporting` writes.
READ_SUFFIXES = (*LANDMARK_SUFFIXES, ".dcm")
MAX_LANDMARKS = 100_000

_LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])  # its own inverse
_NOT_MOVED_MM = 1e-3  # as much as other programs round positions
_FCSV_COLUMNS = "id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID"
_FCSV_UNDEFINED, _FCSV_DEFINED, _FCSV_MISSING = "0", "2", "3"  # in the column after associatedNodeID


def read_landmarks(path: str | os.PathLike[str], *, described: bool = True) -> LandmarkSet:
    """Read a landmark file.

    That is ``.mrk.json``, ``.fcsv``, ``.csv``, the full ``.json`` record of a detection, or a DICOM
    Structured Report (``.dcm``, or another name) whose points are in space.

    Files of other programs are welcome: missing optional fields get defaults, points without a position
    become absent landmarks, and a position that was placed on a landmark said to be absent becomes
    ``corrected``.

    Parameters
    ----------
    path
        The file; its suffix decides how it is read.
    described
        Whether status and confidence are taken from descriptions where the file has no record of them; if
        not, such a landmark is what its position says, or missing where the file calls it so.

    Returns
    -------
    LandmarkSet
        RAS mm.

    Raises
    ------
    InputError
        The file is missing, of an unknown kind, or broken, or its points are pixels of an image; the sentence
        says where.

    Examples
    --------
    >>> import LandmarkDetectionLib as ld
    >>> landmarks = ld.read_landmarks("ct.mrk.json")
    >>> "knee_left" in landmarks, landmarks["knee_left"].status.value
    (True, 'detected')
    """
    path = Path(path)
    readers = {".json": _parse_json, ".fcsv": _parse_fcsv, ".csv": _parse_csv}
    reader = _by_suffix(path, readers)
    if reader is None:
        from LandmarkDetectionLib.io.dicom_sr import is_sr, read_sr

        if path.name.lower().endswith(".dcm") or is_sr(path):
            return read_sr(path).landmarks()
        raise InputError(
            f"Cannot read landmarks from {path}: unknown kind of file; known are {', '.join(READ_SUFFIXES)}."
        )
    try:
        landmarks = reader(described, path)
    except (BrokenError, TableError) as problem:
        raise InputError(f"Cannot read landmarks from {path}: {problem}.") from None
    if len(landmarks.landmarks) > MAX_LANDMARKS:
        raise InputError(f"Cannot read landmarks from {path}: it has more than {MAX_LANDMARKS} points.")
    return landmarks


def write_landmarks(landmarks: LandmarkSet, path: str | os.PathLike[str]) -> None:
    """Write ``.mrk.json``, ``.fcsv`` or ``.csv`` by the suffix of ``path``, whole or not at all.

    Absent landmarks stay in the file without a position. Markups keep two digits of the confidence and no
    covariance; the full record is written by :func:`LandmarkDetectionLib.io.records.write_detection`.

    Raises
    ------
    OutputError
        The suffix is unknown or the file cannot be written.

    Examples
    --------
    >>> import LandmarkDetectionLib as ld
    >>> chin = ld.Landmark("chin", [2.5, 90.0, 700.0])
    >>> ld.write_landmarks(ld.LandmarkSet((chin,)), "chin.fcsv")
    >>> ld.read_landmarks("chin.fcsv")["chin"].position.tolist()
    [2.5, 90.0, 700.0]
    """
    path = Path(path)
    formatter = _by_suffix(path, {".mrk.json": _format_json, ".fcsv": _format_fcsv, ".csv": _format_csv})
    if formatter is None:
        raise OutputError(
            f"Cannot write landmarks to {path}: unknown kind of file; use {', '.join(LANDMARK_SUFFIXES)}."
        )
    write_text(path, formatter(landmarks))


# --- the description that carries confidence and status -------------------------------------------------

_CONFIDENCE = re.compile(r"confidence ([01](?:\.\d+)?)")
_STATUS_OF = {status.value: status for status in Status}


def describe(landmark: Landmark) -> str:
    """``definition | confidence 0.93 | detected``, as a reader of Slicer's table sees it."""
    parts = [landmark.description] if landmark.description else []
    if landmark.confidence is not None:
        parts.append(f"confidence {landmark.confidence:.2f}")
    return " | ".join([*parts, landmark.status.value])


def parse_description(text: str) -> tuple[str, float | None, Status | None]:
    """Inverse of :func:`describe`: definition, confidence and status; foreign text is all definition."""
    parts = text.split(" | ")
    status = _STATUS_OF.get(parts[-1])
    if status is None:
        return text, None, None
    parts.pop()
    confidence = None
    if parts and (match := _CONFIDENCE.fullmatch(parts[-1])) and float(match[1]) <= 1:
        confidence = float(match[1])
        parts.pop()
    return " | ".join(parts), confidence, status


def landmark_from_markup(
    name: str,
    position: FloatArray | None,
    description: str,
    *,
    called_missing: bool = False,
    described: bool = True,
) -> Landmark:
    """A landmark as a Markups file gives it: whether there is a position outweighs what the text says.

    Parameters
    ----------
    name, description
        Of the point.
    position : (3,) float64, optional
        RAS mm.
    called_missing
        Without a position: the file says that somebody looked and did not find it, unless the description
        is ours and knows better (Slicer has one word for what a model and what a person says).
    described
        As of :func:`read_landmarks`.
    """
    definition, confidence, status = parse_description(description)
    if position is None and called_missing and status in (None, Status.MISSING):
        status = Status.MISSING
    elif not described:
        confidence, status = None, None
    status, confidence = _settle(position, status, confidence)
    return Landmark(
        name=name,
        position=np.full(3, np.nan) if position is None else position,
        status=status,
        confidence=confidence,
        description=definition,
    )


def _settle(
    position: FloatArray | None, status: Status | None, confidence: float | None
) -> tuple[Status, float | None]:
    """Status by whether there is a position; a confidence said of the other case is void."""
    if status is None:
        status = Status.ABSENT if position is None else Status.DETECTED
    if (position is not None) == status.has_position:
        return status, confidence
    # Somebody set or unset the point after its status was written.
    return (Status.MISSING if position is None else Status.CORRECTED), None


# --- .mrk.json ------------------------------------------------------------------------------------------


def markups_record(landmarks: LandmarkSet) -> dict[str, Any]:
    """The content of a ``.mrk.json`` file, as JSON values."""
    markup: dict[str, Any] = {"type": "Fiducial"}
    if landmarks.name:
        markup["name"] = landmarks.name
    markup |= {
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "locked": False,
        "fixedNumberOfControlPoints": False,
        "controlPoints": [_control_point(i, mark) for i, mark in enumerate(landmarks, start=1)],
    }
    return {"@schema": MARKUPS_SCHEMA, "markups": [markup]}


def _format_json(landmarks: LandmarkSet) -> str:
    return json.dumps(markups_record(landmarks), indent=1, ensure_ascii=False) + "\n"


def _control_point(number: int, landmark: Landmark) -> dict[str, Any]:
    point: dict[str, Any] = {
        "id": str(number),
        "label": landmark.name,
        "description": describe(landmark),
        "selected": True,
        "locked": False,
        "visibility": True,
        # Slicer itself writes "missing" with position "" here, which its own schema forbids. Without a
        # position and "undefined" the file is valid, and Slicer offers to place the point.
        "positionStatus": "defined" if landmark.is_present else "undefined",
    }
    if landmark.is_present:
        point["position"] = _without_minus_zero(landmark.position * _LPS_TO_RAS)
    return point


def _parse_json(described: bool, path: Path) -> LandmarkSet:
    content = read_json(path)
    if "markups" in content:
        points, record = _parse_markups(content["markups"], described), content.get("annotation")
        if not isinstance(record, dict) or "landmarks" not in record:
            return points
        return as_recorded(points, landmarks_from_records(record["landmarks"]))
    if "landmarks" in content:
        return landmarks_from_records(content["landmarks"], name=str(content.get("name") or ""))
    if "shapes" in content:
        raise BrokenError("it is a LabelMe file, whose points are pixels of an image; name it in a datalist")
    raise BrokenError("it has no entry 'markups', so it is not a Slicer Markups file")


def as_recorded(points: LandmarkSet, recorded: LandmarkSet) -> LandmarkSet:
    """Points with all that a record says of them; no text is asked then.

    A point that somebody has moved, set or unset since is corrected or missing; one that the record does not
    know is what the point itself says.
    """
    known = {one.name: one for one in recorded}
    return replace(points, landmarks=tuple(_settled(point, known.get(point.name)) for point in points))


def _settled(point: Landmark, recorded: Landmark | None) -> Landmark:
    if recorded is None:
        return point
    if np.allclose(point.position, recorded.position, rtol=0, atol=_NOT_MOVED_MM, equal_nan=True):
        return recorded
    return replace(point, status=Status.CORRECTED if point.is_present else Status.MISSING, confidence=None)


def _parse_markups(markups: Any, described: bool) -> LandmarkSet:
    if not isinstance(markups, list) or not all(isinstance(markup, dict) for markup in markups):
        raise BrokenError("its entry 'markups' is not a list of markups")
    # Lines, angles and curves drawn beside the landmarks are no landmarks.
    fiducials = [markup for markup in markups if markup.get("type") == "Fiducial"]
    if not fiducials:
        kinds = sorted({str(markup.get("type")) for markup in markups})
        raise BrokenError(f"it has no point list, only {', '.join(kinds) or 'nothing'}")
    landmarks: list[Landmark] = []
    for markup in fiducials:
        factors = _unit_factor(markup.get("coordinateUnits", "mm")) * _sign(
            markup.get("coordinateSystem", "LPS")
        )
        points = markup.get("controlPoints", [])
        if not isinstance(points, list) or not all(isinstance(point, dict) for point in points):
            raise BrokenError("its 'controlPoints' is not a list of points")
        landmarks += [
            _parse_control_point(point, factors, len(landmarks) + i, described)
            for i, point in enumerate(points, 1)
        ]
    return unique(landmarks, name=str(fiducials[0].get("name") or ""))


def _parse_control_point(
    point: dict[str, Any], factors: FloatArray, number: int, described: bool
) -> Landmark:
    name = str(point.get("label") or f"point_{number}")
    position = _numbers(name, point.get("position"))
    word = str(point.get("positionStatus") or "defined").strip().lower()
    if position is not None and word != "defined":
        # Slicer leaves the position of a point that is nowhere empty, templates have zeros. A position beside
        # any other word ("preview", "edit" of dental programs) was put there by somebody and is one.
        if not position.any():
            position = None
        elif word == "missing":
            raise BrokenError(
                f"point '{name}' is called missing and has a position; set its positionStatus to defined, "
                "or take the position out"
            )
    return landmark_from_markup(
        name,
        None if position is None else position * factors,
        str(point.get("description") or ""),
        called_missing=word == "missing",
        described=described,
    )


def _numbers(name: str, values: Any) -> FloatArray | None:
    """(3,) float64, or None where the file says that there is no position."""
    if values is None or values == "" or values == []:
        return None
    try:
        position = np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise BrokenError(f"the position of point '{name}' is not three numbers") from None
    if position.shape != (3,):
        raise BrokenError(f"the position of point '{name}' is not three numbers")
    if np.isnan(position).all():
        return None
    try:
        require_sane("position", position)
    except ValueError as problem:
        raise BrokenError(f"the {problem} (point '{name}')") from None
    return position


def _sign(coordinate_system: Any) -> FloatArray:
    """Factors from the file's coordinate system to RAS; Slicer's older files use the numbers 0 and 1."""
    known = {"RAS": np.ones(3), "0": np.ones(3), "LPS": _LPS_TO_RAS, "1": _LPS_TO_RAS}
    if str(coordinate_system).strip().upper() not in known:
        raise BrokenError(f"its coordinate system is {coordinate_system!r}; RAS or LPS are needed")
    return known[str(coordinate_system).strip().upper()]


def _unit_factor(units: Any) -> float:
    """Factor to millimetres; units are a word or a DICOM code triple."""
    word = units[0] if isinstance(units, list) and units else units
    if word not in ("mm", "um"):
        raise BrokenError(f"its coordinate units are {word!r}; mm or um are needed")
    return 1.0 if word == "mm" else 0.001


# --- .fcsv ----------------------------------------------------------------------------------------------


def _format_fcsv(landmarks: LandmarkSet) -> str:
    rows = []
    for number, landmark in enumerate(landmarks, start=1):
        position = _without_minus_zero(landmark.position * _LPS_TO_RAS) if landmark.is_present else [0.0] * 3
        status = _FCSV_DEFINED if landmark.is_present else _FCSV_MISSING
        # Slicer reads this file line by line: line ends inside a text would break it.
        texts = [" ".join(text.split()) for text in (landmark.name, describe(landmark))]
        rows.append([number, *position, 0, 0, 0, 1, 1, 1, 0, *texts, "", status, 0])
    head = f"# Markups fiducial file version = 5.10\n# CoordinateSystem = LPS\n# columns = {_FCSV_COLUMNS}\n"
    # No spreadsheet's file: its texts are not guarded, because Slicer would show the guard.
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return head + stream.getvalue()


@dataclass
class _FcsvHead:
    """What the lines that begin with # say."""

    versioned: bool = False
    factors: FloatArray | None = None
    columns: list[str] | None = None
    separator: str = ","

    def take(self, line: str) -> None:
        # Spreadsheets put quotation marks around such a line, and separators behind it.
        text = line.strip().strip('"').rstrip(",;").rstrip('"').lstrip("# ")
        key, _, value = text.partition("=")
        if key.strip().lower().startswith("markups fiducial file"):
            self.versioned = True
        elif key.strip().lower() == "coordinatesystem":
            self.factors = _sign(value)
        elif key.strip().lower() == "columns":
            self.separator = max(",;", key=value.count)
            self.columns = [word.strip() for word in value.split(self.separator)]


def _parse_fcsv(described: bool, path: Path) -> LandmarkSet:
    head = _FcsvHead()
    lines: list[str] = []
    text = read_text(path)
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if line.lstrip(' "').startswith("#"):
            head.take(line)
        elif line.strip():
            lines.append(line + "\n")
    if not lines and not head.versioned:
        raise BrokenError("it is empty")
    # What Slicer does: a Markups file is LPS unless it says otherwise, the lists of Slicer 3 are RAS.
    factors = head.factors if head.factors is not None else _LPS_TO_RAS if head.versioned else np.ones(3)
    try:
        rows = [row for row in csv.reader(lines, delimiter=head.separator, strict=False) if row]
    except csv.Error as problem:
        raise BrokenError(f"it is no table ({problem})") from None
    columns = head.columns or _FCSV_COLUMNS.split(",")
    if head.columns is None and not head.versioned and all(len(row) <= len(_SLICER_3) for row in rows):
        columns = list(_SLICER_3)
    if missing := [word for word in ("x", "y", "z", "label") if word not in columns]:
        raise BrokenError(f"its columns lack '{missing[0]}'")
    whole = _joined(rows, columns)
    return unique([_parse_fcsv_row(row, columns, factors, n, described) for n, row in enumerate(whole, 1)])


_SLICER_3 = ("label", "x", "y", "z", "sel", "vis")


def _joined(rows: list[list[str]], columns: list[str]) -> list[list[str]]:
    """Rows whose description was broken by a line end are put together again."""
    whole: list[list[str]] = []
    for row in rows:
        is_point = len(row) >= len(columns) or _is_point(dict(zip(columns, row, strict=False)))
        if whole and "desc" in columns and len(whole[-1]) < len(columns) and not is_point:
            *before, last = whole[-1]
            whole[-1] = [*before, f"{last} {row[0]}", *row[1:]]
        else:
            whole.append(row)
    return whole


def _is_point(cells: dict[str, str]) -> bool:
    try:
        return all(np.isfinite(float(cells[axis])) for axis in "xyz")
    except (KeyError, ValueError):
        return False


def _parse_fcsv_row(
    row: list[str], columns: list[str], factors: FloatArray, number: int, described: bool
) -> Landmark:
    cells, status = _fcsv_cells(row, columns, number)
    name = cells.get("label", "").strip() or f"point_{number}"
    position = _cells_to_numbers(name, [cells.get(axis, "") for axis in "xyz"])
    if position is None:
        raise BrokenError(f"point {number} has no position")
    # With these two codes Slicer writes where a point was before it was unset. Any other word, "preview" too,
    # stands beside a position that somebody put there, except in a template's zeros.
    nowhere = status in (_FCSV_UNDEFINED, _FCSV_MISSING)
    nowhere |= status not in ("", _FCSV_DEFINED, "defined") and not position.any()
    return landmark_from_markup(
        name,
        None if nowhere else position * factors,
        cells.get("desc", ""),
        called_missing=status == _FCSV_MISSING,
        described=described,
    )


def _fcsv_cells(row: list[str], columns: list[str], number: int) -> tuple[dict[str, str], str]:
    """Cells by column, and the position status that Slicer 5 appends, with a flag, without naming a column.

    Commas of a description without quotation marks make further cells; the columns behind it tell how many.
    """
    row = [cell.strip() for cell in row]
    width = len(columns)
    while len(row) > width + 2 and not row[-1]:
        row.pop()
    extra = len(row) - width
    if extra <= 0:
        return dict(zip(columns, row, strict=False)), ""
    if columns[-2:] != ["desc", "associatedNodeID"]:
        if any(row[width:]):
            raise BrokenError(_too_many_cells(row, columns, number))
        return dict(zip(columns, row, strict=False)), ""
    layouts = [tail for tail in (2, 1, 0) if tail <= extra and _is_tail(row, tail)]
    if layouts:
        tail = layouts[0]
    elif extra <= 2 and _NODE_ID.fullmatch(row[width - 1]):
        tail = extra  # a word that is no status of Slicer's
    else:
        raise BrokenError(_too_many_cells(row, columns, number))
    middle = row[width - 2 : len(row) - tail - 1]
    if len(middle) > 1 and not _has_frame(dict(zip(columns, row, strict=False))):
        raise BrokenError(_too_many_cells(row, columns, number))
    cells = dict(zip(columns[:-2], row, strict=False)) | {"desc": ", ".join(middle)}
    return cells, row[len(row) - tail].lower() if tail else ""


_NODE_ID = re.compile(r"|vtk\w*")


def _is_tail(row: list[str], tail: int) -> bool:
    """Whether a row ends with the ID of a node (or none) and so many of status and flag."""
    told = row[len(row) - tail :] if tail else []
    known = (("", "0", "1", "2", "3"), ("", "0", "1"))
    return bool(_NODE_ID.fullmatch(row[len(row) - tail - 1])) and all(
        cell in words for cell, words in zip(told, known, strict=False)
    )


def _has_frame(cells: dict[str, str]) -> bool:
    """Whether orientation and flags are where they belong, so that it is the description that has commas."""
    try:
        turn = [float(cells[word]) for word in ("ow", "ox", "oy", "oz")]
    except (KeyError, ValueError):
        return False
    length = float(np.linalg.norm(turn))
    flags = {cells.get(word) for word in ("vis", "sel", "lock")}
    return (length == 0 or abs(length - 1) < 1e-3) and flags <= {"0", "1"}


def _too_many_cells(row: list[str], columns: list[str], number: int) -> str:
    return (
        f"point {number} has {len(row)} cells for {len(columns)} columns; write decimal points, and put "
        "quotation marks around texts that have commas"
    )


# --- .csv -----------------------------------------------------------------------------------------------

_CSV_COLUMNS = ("name", "x", "y", "z", "confidence", "status")


def _format_csv(landmarks: LandmarkSet) -> str:
    rows: list[list[object]] = [list(_CSV_COLUMNS)]
    for landmark in landmarks:
        position = _without_minus_zero(landmark.position) if landmark.is_present else [""] * 3
        confidence = "" if landmark.confidence is None else f"{landmark.confidence:.6g}"
        rows.append([landmark.name, *position, confidence, landmark.status.value])
    return table_text(rows)


def read_index_table(path: str | os.PathLike[str]) -> LandmarkSet:
    """Read a ``.csv`` whose x, y and z are voxel indices (i, j, k), not mm; z may be left out and is then 0.

    The only place where a LandmarkSet does not hold RAS mm; ``pixel_landmarks`` makes it so.

    Raises
    ------
    InputError
        The file is missing or broken.
    """
    try:
        return _parse_csv(False, Path(path), planar=True)
    except (BrokenError, TableError) as problem:
        raise InputError(f"Cannot read landmarks from {path}: {problem}.") from None


def _parse_csv(described: bool, path: Path, planar: bool = False) -> LandmarkSet:
    """Our own table, and the one Slicer exports (label,r,a,s or label,l,p,s,defined,...)."""
    rows = table_rows(read_text(path))
    columns = [word.lower() for word in rows[0]]
    name_column = next((word for word in ("name", "label") if word in columns), None)
    kinds = ("xyz", "ijk", "xy", "ij") if planar else ("xyz", "ras", "lps")
    axes = next((axes for axes in kinds if set(axes) <= set(columns)), None)
    if name_column is None or axes is None:
        raise BrokenError(f"its first line does not name the columns name,x,y{'' if planar else ',z'}")
    if (twice := first_repeated(word for word in columns if word)) is not None:
        raise BrokenError(f"its first line names the column '{twice}' twice")
    factors = _LPS_TO_RAS if axes == "lps" else np.ones(3)
    landmarks = []
    for number, row in enumerate(rows[1:], start=1):
        cells = dict(zip(columns, row, strict=False))
        name = unguarded(cells.get(name_column, "")) or f"point_{number}"
        values = [cells.get(axis, "") for axis in axes]
        position = _cells_to_numbers(name, values + ["0"] * (3 - len(axes)) if any(values) else values)
        there = position is not None and _is_defined(name, cells.get("defined", ""))
        place = position * factors if there else None  # type: ignore[operator]
        landmarks.append(_parse_csv_row(name, place, cells, described))
    return unique(landmarks)


_YES = ("", "true", "t", "yes", "y", "defined", "x", "wahr", "ja", "vrai", "oui", "verdadero", "vero")
_NO = ("false", "f", "no", "n", "undefined", "missing", "absent", "falsch", "nein", "faux", "non", "falso")


def _is_defined(name: str, cell: str) -> bool:
    """What the column ``defined`` says; spreadsheets turn Slicer's 1 and 0 into other words."""
    word = cell.lower()
    if word in _YES or word in _NO:
        return word in _YES
    try:
        return {1.0: True, 0.0: False}[float(word)]
    except (KeyError, ValueError):
        raise BrokenError(f"whether '{name}' is defined is told by {cell!r}; write 1 or 0") from None


def _parse_csv_row(
    name: str, position: FloatArray | None, cells: dict[str, str], described: bool
) -> Landmark:
    landmark = landmark_from_markup(name, position, cells.get("description", ""), described=described)
    try:
        confidence = float(cells["confidence"]) if cells.get("confidence") else landmark.confidence
        status = Status(cells["status"].lower()) if cells.get("status") else landmark.status
        status, confidence = _settle(position, status, confidence)
        return replace(landmark, confidence=confidence, status=status)
    except ValueError:
        raise BrokenError(f"the confidence or status of '{name}' is not understood") from None


def _by_suffix(path: Path, choices: dict[str, Callable[..., Any]]) -> Callable[..., Any] | None:
    name = path.name.lower()
    return next((choice for suffix, choice in choices.items() if name.endswith(suffix)), None)


def _cells_to_numbers(name: str, cells: list[str]) -> FloatArray | None:
    if all(not cell.strip() for cell in cells):
        return None
    values = []
    for cell in cells:
        try:
            values.append(float(cell))
        except ValueError:
            reason = f": {not_a_number(cell)}" if cell.strip() else ""
            raise BrokenError(f"the position of point '{name}' is not three numbers{reason}") from None
    return _numbers(name, values)


def _without_minus_zero(position: FloatArray) -> list[float]:
    return [float(value) + 0.0 for value in position]
