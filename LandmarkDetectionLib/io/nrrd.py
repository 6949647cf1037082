"""Read and write NRRD (http://teem.sourceforge.net/nrrd/format.html), attached or with a data file.

Read here and not by ITK, which misplaces the spaces left-anterior-superior (up to 5.4.4) and
right-anterior-superior-time (all versions), mirrors 3D-left-handed, ignores units, and reads and writes
numbers by the process's locale.
"""

from __future__ import annotations

import gzip
import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from LandmarkDetectionLib.core.doubts import Doubt, DoubtKind
from LandmarkDetectionLib.core.geometry import ras_from_lps
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import atomic_write
from LandmarkDetectionLib.io.formats import require_geometry, require_size, stem, writable_dtype
from LandmarkDetectionLib.io.voxel_data import (
    UNIT_DOUBT,
    Stored,
    data_files,
    data_name,
    header_floats,
    header_integers,
    load_voxels,
    mm_per_unit,
    number_text,
    require_values,
    voxel_type,
)

HEADER_BYTES = 2**20
ENCODINGS = {
    **dict.fromkeys(("raw",), "raw"),
    **dict.fromkeys(("gzip", "gz"), "gzip"),
    **dict.fromkeys(("bzip2", "bz2"), "bzip2"),
    **dict.fromkeys(("txt", "text", "ascii"), "text"),
    "hex": "hex",
}
#: The signs that turn the first two axes of a space into RAS.
SPACES = {
    **dict.fromkeys(("right-anterior-superior", "ras"), (1, 1)),
    **dict.fromkeys(("left-anterior-superior", "las"), (-1, 1)),
    **dict.fromkeys(("left-posterior-superior", "lps"), (-1, -1)),
}
#: Spaces that know no patient. Slicer takes both for LPS, and so do we, with a warning.
NOBODYS_SPACES = ("scanner-xyz", "3d-right-handed")
#: Kinds that say an axis lies in space; a time axis does not, but may have a length of one.
DOMAIN_KINDS = ("domain", "space", "???", "none", "")
MM_PER_UNIT = {
    **dict.fromkeys(("", "???", "none", "mm", "millimeter", "millimeters", "millimetre"), 1.0),
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), 1000.0),
    **dict.fromkeys(("cm", "centimeter", "centimeters", "centimetre"), 10.0),
    **dict.fromkeys(("um", "\u00b5m", "\u03bcm", "micron", "microns", "micrometer", "micrometers"), 1e-3),
    **dict.fromkeys(("nm", "nanometer", "nanometers"), 1e-6),
    **dict.fromkeys(("in", "inch", "inches"), 25.4),
}
TYPES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": (
        "longlong", "long long", "long long int", "signed long long", "signed long long int",
        "int64", "int64_t",
    ),
    "u8": (
        "ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t",
    ),
    "f4": ("float",),
    "f8": ("double",),
}  # fmt: skip


@dataclass(frozen=True)
class _Geometry:
    """Where axes lie: the index of each axis in space, and a (4, 4) matrix to RAS mm."""

    axes: tuple[int, ...]
    matrix: np.ndarray
    known: bool
    doubts: tuple[Doubt, ...]


def read(path: Path) -> Volume:
    """Read a ``.nrrd`` or ``.nhdr`` file with one value per voxel.

    Raises
    ------
    InputError
        The file or its data file is missing or damaged, its space cannot be turned into the patient's, or it
        is no single grey volume.
    """
    (voxels,), geometry = _read(path, 1)
    return Volume(
        voxels, geometry.matrix, name=stem(path), spacing_known=geometry.known, doubts=geometry.doubts
    )


def read_vectors(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read three values per voxel: (3, K, J, I), and the (4, 4) matrix to RAS mm; raises InputError."""
    vectors, geometry = _read(path, 3)
    return vectors, geometry.matrix


def slices(path: Path) -> int:
    """Slices as the header says; raises InputError."""
    fields, _, _ = _header(path)
    sizes = _counts(path, fields, "sizes", _dimension(path, fields))
    axes = _geometry(path, fields, sizes).axes
    return sizes[axes[2]] if len(axes) > 2 else 1


def write(volume: Volume, path: Path, packed: bool = True) -> None:
    """Write a volume in LPS mm; ``.nhdr`` puts its voxels into a ``.raw.gz`` file beside it.

    Parameters
    ----------
    packed
        Compress the voxels; False for a file that is read again at once, and never for ``.nhdr``.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    voxels = np.ascontiguousarray(volume.voxels, writable_dtype(volume.voxels.dtype).newbyteorder("<"))
    matrix = ras_from_lps(volume.ijk_to_ras)
    vectors = ["(" + ",".join(map(number_text, column)) + ")" for column in matrix[:3].T]
    detached = path.suffix.lower() == ".nhdr"
    data = path.with_name(data_name(path, ".raw.gz")) if detached else path
    lines = [
        "NRRD0004",
        f"type: {TYPES[voxels.dtype.str[1:]][-1].removesuffix('_t')}",
        "dimension: 3",
        "space: left-posterior-superior",
        "sizes: " + " ".join(map(str, volume.size)),
        "space directions: " + " ".join(vectors[:3]),
        "kinds: domain domain domain",
        "endian: little",
        f"encoding: {'gzip' if packed or detached else 'raw'}",
        f"space origin: {vectors[3]}",
        *([f"data file: {data.name}"] if detached else []),
        "",
    ]
    header = "\n".join(lines).encode("utf-8", "surrogateescape")
    # Data first: a header whose data is missing would be worse than data whose header is missing.
    with atomic_write(data) as temporary, temporary.open("wb") as stream:
        if not detached:
            stream.write(header + b"\n")
        if packed or detached:
            with gzip.GzipFile("", "wb", compresslevel=2, fileobj=stream, mtime=0) as gzipped:
                gzipped.write(voxels.data.cast("B"))
        else:
            stream.write(voxels.data.cast("B"))
    if detached:
        with atomic_write(path) as temporary:
            temporary.write_bytes(header)


def _read(path: Path, values: int) -> tuple[np.ndarray, _Geometry]:
    """(values, K, J, I) voxels and their place."""
    fields, files, end = _header(path)
    dimension = _dimension(path, fields)
    sizes = _counts(path, fields, "sizes", dimension)
    if min(sizes) < 1:
        require_size(path, tuple(sizes))
    geometry = _geometry(path, fields, sizes)
    others = [axis for axis in range(dimension) if axis not in geometry.axes]
    _require_values(path, fields, sizes, geometry.axes, values)
    require_size(path, tuple(sizes[axis] for axis in geometry.axes))
    dtype = _dtype(path, fields)
    encoding = ENCODINGS.get(fields.get("encoding", "").lower())
    if encoding is None:
        raise InputError(f"{path} packs its voxels in an unknown way; save it again with gzip encoding.")
    stored = [_skipped(path, fields, Stored(file), encoding, sizes, dtype) for file in files]
    array = load_voxels(stored or [Stored(path, end)], encoding, tuple(reversed(sizes)), dtype, path)
    # numpy's axes run the other way round; those that are no place come first.
    order = [dimension - 1 - axis for axis in (*others, *reversed(geometry.axes))]
    shape = tuple(sizes[axis] for axis in reversed(geometry.axes))
    ones = (1,) * (3 - len(shape[-3:]))
    return np.ascontiguousarray(array.transpose(order).reshape((values, *ones, *shape[-3:]))), geometry


def _header(path: Path) -> tuple[dict[str, str], list[Path], int]:
    """Fields by lower-case name without blanks, data files if they are separate, and the header's length."""
    with path.open("rb") as stream:
        raw = stream.read(HEADER_BYTES)
    blank = re.search(rb"\n\r?\n", raw)
    # A header of its own may end with its file.
    text = (raw[: blank.start()] if blank else raw).decode("utf-8", "surrogateescape")
    lines = text.replace("\r\n", "\n").split("\n")
    if not re.fullmatch(r"NRRD000\d\s*", lines[0]):
        raise _damaged(path)
    fields: dict[str, str] = {}
    files: list[Path] = []
    for number, line in enumerate(lines[1:], 2):
        name, colon, value = line.partition(":")
        if line.startswith("#") or not colon or value.startswith("="):
            continue
        name = name.lower().replace(" ", "")
        if name in fields:
            raise InputError(f"{path} is damaged: its header says '{name}' twice; export it again.")
        fields[name] = value.strip()
        if name == "datafile":
            files = data_files(path, value.strip(), lines[number:])
            if value.strip().upper().startswith("LIST"):
                break
    if not files and not blank:
        raise _damaged(path)
    return fields, files, blank.end() if blank else len(raw)


def _skipped(
    path: Path, fields: dict[str, str], one: Stored, encoding: str, sizes: list[int], dtype: np.dtype
) -> Stored:
    """Where the voxels of a data file begin."""
    lines = _counts(path, fields, "lineskip", 1)[0] if "lineskip" in fields else 0
    skip = _counts(path, fields, "byteskip", 1)[0] if "byteskip" in fields else 0
    if skip == -1 and encoding == "raw":
        return Stored(one.file, -int(np.prod(sizes, dtype=object)) * dtype.itemsize)
    if lines < 0 or skip < 0 or (skip and encoding != "raw") or lines > HEADER_BYTES:
        raise InputError(f"{path} skips a part of its data file in an unusual way; save it again as .nrrd.")
    with one.file.open("rb") as stream:
        for _ in range(lines):
            stream.readline(HEADER_BYTES)
        return Stored(one.file, stream.tell() + skip)


def _geometry(path: Path, fields: dict[str, str], sizes: list[int]) -> _Geometry:
    space = fields.get("space", "").lower()
    if "space" in fields or "spacedimension" in fields or "spacedirections" in fields:
        return _in_space(path, fields, sizes, space)
    return _without_space(path, fields, sizes)


def _in_space(path: Path, fields: dict[str, str], sizes: list[int], space: str) -> _Geometry:
    """Every axis has a vector, or none when it lies in no space."""
    timed = space.endswith("-time") or space in ("rast", "last", "lpst")
    name = space.removesuffix("-time").removesuffix("t") if space[-1:] == "t" else space.removesuffix("-time")
    if name not in (*SPACES, *NOBODYS_SPACES, ""):
        raise InputError(
            f"{path} lies in the space '{space[:40]}', which says nothing of the patient's sides; "
            "save it again in left-posterior-superior."
        )
    texts = re.findall(r"\(([^()]*)\)|\b(none)\b", fields.get("spacedirections", ""), re.IGNORECASE)
    vectors = [None if none else _floats(path, inside.split(",")) for inside, none in texts]
    length = 4 if timed else 3 if space else _counts(path, fields, "spacedimension", 1)[0]
    if len(vectors) != len(sizes) or not 2 <= length <= 4:
        raise InputError(
            f"{path} does not say where its axes lie (its space directions are missing or too few); "
            "correct its header or export the image again."
        )
    if any(vector is not None and len(vector) != length for vector in vectors):
        raise _damaged(path)
    placed = [(axis, vector) for axis, vector in enumerate(vectors) if vector is not None]
    if length == 4:
        # What runs along the fourth direction only is time.
        placed = [(axis, vector) for axis, vector in placed if any(vector[:3]) or not vector[3]]
    axes = tuple(axis for axis, _ in placed)
    matrix = np.eye(4)
    scale, doubts = _space_scale(path, fields)
    for column, (_, vector) in enumerate(placed[:3]):
        matrix[:3, column] = 0.0
        matrix[: min(length, 3), column] = np.array(vector[:3]) * scale
    if len(placed) == 2:
        matrix[:3, 2] = _third(matrix[:3, 0], matrix[:3, 1])
    if origin := fields.get("spaceorigin"):
        values = _floats(path, origin.strip().strip("()").split(","))
        if len(values) != length:
            raise _damaged(path)
        matrix[: min(length, 3), 3] = np.array(values[:3]) * scale
    signs = SPACES.get(name, (-1, -1))
    matrix = np.diag([*signs, 1.0, 1.0]) @ matrix
    if name not in SPACES:
        text = "The file does not say how it lies in the patient; it is placed as Slicer places it."
        doubts += (Doubt(text, DoubtKind.IMAGE_FILE),)
    if len(axes) <= 3:
        require_geometry(path, matrix)
    return _Geometry(axes, matrix, True, doubts)


def _third(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """A unit vector square to two: the slice axis of a single slice."""
    normal = np.cross(first, second)
    length = np.linalg.norm(normal)
    return normal / length if length > 0 else normal


def _without_space(path: Path, fields: dict[str, str], sizes: list[int]) -> _Geometry:
    """Spacings along the axes; placed as Slicer places it, i to the left and j to posterior."""
    kinds = fields.get("kinds", "").lower().split() or [""] * len(sizes)
    if len(kinds) != len(sizes):
        raise _damaged(path)
    axes = tuple(axis for axis, kind in enumerate(kinds) if kind in DOMAIN_KINDS)
    columns = {
        name: _per_axis(path, fields, name, len(sizes)) for name in ("spacings", "axismins", "axismaxs")
    }
    centers = re.findall(r"\S+", fields.get("centers", fields.get("centerings", "")).lower())
    units = re.findall(r'"([^"]*)"', fields.get("units", "")) or [""] * len(sizes)
    matrix = np.eye(4)
    known = True
    for place, axis in enumerate(axes[:3]):
        spacing, low, high = (columns[name][axis] for name in ("spacings", "axismins", "axismaxs"))
        in_cells = axis >= len(centers) or centers[axis] != "node"
        if spacing is None and low is not None and high is not None:
            spacing = (high - low) / max(sizes[axis] - (not in_cells), 1)
        factor = mm_per_unit(path, units[axis] if axis < len(units) else "", MM_PER_UNIT)
        # Of a single slice the thickness is no spacing.
        known &= spacing is not None or sizes[axis] == 1
        step = 1.0 if spacing is None else spacing
        matrix[place, place] = step * factor
        if low is not None:
            matrix[place, 3] = (low + (step / 2 if in_cells else 0.0)) * factor
    matrix = ras_from_lps(matrix)
    if len(axes) <= 3:
        require_geometry(path, matrix)
    odd = any(mm_per_unit(path, unit, MM_PER_UNIT) != 1 for unit in units)
    return _Geometry(axes, matrix, known, (UNIT_DOUBT,) if odd else ())


def _space_scale(path: Path, fields: dict[str, str]) -> tuple[np.ndarray, tuple[Doubt, ...]]:
    """Mm per unit along the space's first axes, and the doubt that other programs ignore it."""
    units = re.findall(r'"([^"]*)"', fields.get("spaceunits", ""))[:3]
    factors = np.array([mm_per_unit(path, unit, MM_PER_UNIT) for unit in units] + [1.0] * (3 - len(units)))
    dimension = fields.get("spacedimension", "3")
    scale = factors[:2] if dimension == "2" else factors
    return scale, () if (scale == 1).all() else (UNIT_DOUBT,)


def _require_values(
    path: Path, fields: dict[str, str], sizes: list[int], axes: tuple[int, ...], values: int
) -> None:
    """Refuse colours, vectors and time points, or what is no vector when one is wanted."""
    kinds = fields.get("kinds", "").lower().split()
    others = [axis for axis in range(len(sizes)) if axis not in axes]
    for axis in others:
        kind = kinds[axis] if axis < len(kinds) else ""
        if kind == "complex" and sizes[axis] == 2:
            raise InputError(f"{path} has complex voxels; save their magnitude.")
        if sizes[axis] > 1 and (kind in ("time", "domain", "space") or len(sizes) - len(axes) > 1):
            text = " x ".join(map(str, sizes))
            raise InputError(
                f"{path} has four or more dimensions ({text}); save one time point or channel as a 3D volume."
            )
    require_values(path, math.prod(sizes[axis] for axis in others), values)


def _dtype(path: Path, fields: dict[str, str]) -> np.dtype:
    code = voxel_type(path, " ".join(fields.get("type", "").lower().split()), TYPES)
    endian = fields.get("endian", "little" if code.endswith("1") else "").lower()
    if endian not in ("little", "big"):
        if ENCODINGS.get(fields.get("encoding", "").lower()) != "text":
            raise InputError(f"{path} does not say the order of its bytes (endian); export it again.")
        endian = "little"
    return np.dtype(("<" if endian == "little" else ">") + code)


def _dimension(path: Path, fields: dict[str, str]) -> int:
    dimension = _counts(path, fields, "dimension", 1)[0]
    if not 1 <= dimension <= 16:
        raise _damaged(path)
    return dimension


def _counts(path: Path, fields: dict[str, str], name: str, count: int) -> list[int]:
    return header_integers(fields.get(name, "").split(), count, _damaged(path))


def _per_axis(path: Path, fields: dict[str, str], name: str, count: int) -> list[float | None]:
    """A number per axis; None where the header says NaN, which means that there is none."""
    if name not in fields:
        return [None] * count
    values = _floats(path, fields[name].split())
    if len(values) != count:
        raise _damaged(path)
    return [None if np.isnan(value) else value for value in values]


def _floats(path: Path, words: list[str]) -> list[float]:
    return header_floats(words, _damaged(path))


def _damaged(path: Path) -> InputError:
    return InputError(f"{path} is damaged, truncated or no NRRD file; copy or export it again.")
