"""Read and write MetaImage (https://itk.org/Wiki/ITK/MetaIO/Documentation), attached or with a data file.

Read here and not by ITK, which fills what is missing of a compressed file with zeros, ignores the units and
the rescaling that a header gives, and cannot read every name it writes.
"""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import numpy as np

from LandmarkDetectionLib.core.doubts import Doubt, DoubtKind
from LandmarkDetectionLib.core.geometry import ras_from_lps
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import atomic_write
from LandmarkDetectionLib.io.formats import require_geometry, require_size, rescaled, stem, writable_dtype
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
#: A long has four bytes here, as on the systems the format comes from.
TYPES = {
    "i1": ("MET_CHAR", "MET_ASCII_CHAR"),
    "u1": ("MET_UCHAR",),
    "i2": ("MET_SHORT",),
    "u2": ("MET_USHORT",),
    "i4": ("MET_INT", "MET_LONG"),
    "u4": ("MET_UINT", "MET_ULONG"),
    "i8": ("MET_LONG_LONG",),
    "u8": ("MET_ULONG_LONG",),
    "f4": ("MET_FLOAT",),
    "f8": ("MET_DOUBLE",),
}
MM_PER_UNIT = {"": 1.0, "?": 1.0, "none": 1.0, "mm": 1.0, "cm": 10.0, "m": 1000.0, "um": 1e-3, "nm": 1e-6}


def read(path: Path) -> Volume:
    """Read a ``.mha`` or ``.mhd`` file with one value per voxel.

    The unit of lengths and the rescaling of values that a header may give are applied. With a negative
    spacing the axis runs the other way, as in ITK.

    Raises
    ------
    InputError
        The file or its data file is missing or damaged, or it is no single grey volume.
    """
    fields, voxels, matrix, doubts = _read(path, 1)
    slope = _number(path, fields, "elementtointensityfunctionslope", 1.0)
    offset = _number(path, fields, "elementtointensityfunctionoffset", 0.0)
    if slope != 0 and (slope, offset) != (1, 0):
        voxels = rescaled(voxels, slope, offset)
        text = (
            "The file gives a slope and an offset for its values. They were applied; Slicer shows the stored "
            "values."
        )
        doubts = (*doubts, Doubt(text, DoubtKind.IMAGE_FILE))
    known = "elementspacing" in fields or "elementsize" in fields
    return Volume(voxels[0], matrix, name=stem(path), spacing_known=known, doubts=doubts)


def read_vectors(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read three values per voxel: (3, K, J, I), and the (4, 4) matrix to RAS mm; raises InputError."""
    _, vectors, matrix, _ = _read(path, 3)
    return vectors, matrix


def slices(path: Path) -> int:
    """Slices as the header says; raises InputError."""
    fields, _, _ = _header(path)
    size = _integers(path, fields, "dimsize", _dimensions(path, fields))
    return size[2] if len(size) > 2 else 1


def write(volume: Volume, path: Path) -> None:
    """Write a volume in LPS mm, compressed; ``.mhd`` puts its voxels into a ``.zraw`` file beside it.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    voxels = np.ascontiguousarray(volume.voxels, writable_dtype(volume.voxels.dtype).newbyteorder("<"))
    matrix = ras_from_lps(volume.ijk_to_ras)
    directions = (matrix[:3, :3] / volume.spacing).T.ravel()
    packed = zlib.compress(voxels.tobytes(), 2)
    detached = path.suffix.lower() == ".mhd"
    data = path.with_name(data_name(path, ".zraw"))
    lines = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": "True",
        "CompressedDataSize": str(len(packed)),
        "TransformMatrix": " ".join(map(number_text, directions)),
        "Offset": " ".join(map(number_text, matrix[:3, 3])),
        "CenterOfRotation": "0 0 0",
        "ElementSpacing": " ".join(map(number_text, volume.spacing)),
        "DimSize": " ".join(map(str, volume.size)),
        "ElementType": TYPES[voxels.dtype.str[1:]][0],
        "ElementDataFile": data.name if detached else "LOCAL",
    }
    header = "".join(f"{key} = {value}\n" for key, value in lines.items()).encode("utf-8", "surrogateescape")
    if detached:
        # Data first: a header whose data is missing would be worse than data whose header is missing.
        with atomic_write(data) as temporary:
            temporary.write_bytes(packed)
    with atomic_write(path) as temporary, temporary.open("wb") as stream:
        stream.write(header)
        if not detached:
            stream.write(packed)


def _read(path: Path, values: int) -> tuple[dict[str, str], np.ndarray, np.ndarray, tuple[Doubt, ...]]:
    """Fields, (values, K, J, I) voxels as stored, the (4, 4) matrix to RAS mm, and what is doubtful."""
    fields, files, end = _header(path)
    dimensions = _dimensions(path, fields)
    size = _integers(path, fields, "dimsize", dimensions)
    channels = _integers(path, fields, "elementnumberofchannels", 1, [1])[0]
    require_values(path, channels, values)
    require_size(path, tuple(size))
    matrix, doubts = _matrix(path, fields, dimensions)
    dtype = _dtype(path, fields)
    binary = _switch(path, fields, "binarydata", True)
    packed = _switch(path, fields, "compresseddata", False)
    encoding = "text" if not binary else "gzip" if packed else "raw"
    stored = [Stored(file) for file in files] if files else [Stored(path, end)]
    shape = (*size[2::-1], *([channels] if channels > 1 else []))
    skip = _integers(path, fields, "headersize", 1, [0])[0]
    if skip == -1 and encoding == "raw" and len(stored) == 1:
        stored = [Stored(stored[0].file, -int(np.prod(shape, dtype=object)) * dtype.itemsize)]
    elif skip > 0 and files:
        stored = [Stored(one.file, skip) for one in stored]
    elif skip != 0:
        raise InputError(f"{path} skips a part of its data in an unusual way; save it again as .mha.")
    voxels = load_voxels(stored, encoding, shape, dtype, path)
    voxels = voxels.reshape((1,) * (dimensions < 3) + (*size[2::-1], channels))
    return fields, np.ascontiguousarray(np.moveaxis(voxels, -1, 0)), matrix, doubts


def _header(path: Path) -> tuple[dict[str, str], list[Path], int]:
    """Fields by lower-case name, data files if they are separate, and the header's length."""
    with path.open("rb") as stream:
        raw = stream.read(HEADER_BYTES)
    last = re.search(
        rb"^[ \t]*ElementDataFile[ \t]*=[ \t]*([^\r\n]*)\r?\n?", raw, re.MULTILINE | re.IGNORECASE
    )
    if last is None:
        raise _damaged(path)
    fields: dict[str, str] = {}
    for line in re.split(r"\r?\n", raw[: last.start()].decode("utf-8", "surrogateescape")):
        name, equals, value = line.partition("=")
        if not equals:
            continue
        name = name.strip().lower()
        if name in fields:
            raise InputError(f"{path} is damaged: its header says '{name[:40]}' twice; export it again.")
        # An entry without a value says nothing.
        if value.strip():
            fields[name] = value.strip()
    named = last[1].decode("utf-8", "surrogateescape").strip()
    if named.upper() == "LOCAL":
        return fields, [], last.end()
    following = raw[last.end() :].decode("utf-8", "surrogateescape").splitlines()
    files = data_files(path, named, following)
    if not files:
        raise _damaged(path)
    return fields, files, last.end()


def _matrix(path: Path, fields: dict[str, str], dimensions: int) -> tuple[np.ndarray, tuple[Doubt, ...]]:
    """(4, 4) to RAS mm, and the doubt that other programs ignore the unit."""
    name = next((name for name in ("elementspacing", "elementsize") if name in fields), "elementspacing")
    spacing = _numbers(path, fields, name, dimensions, [1.0] * dimensions)
    keys = ("offset", "position", "origin")
    origin = _numbers(path, fields, _first(fields, keys), dimensions, [0.0] * dimensions)
    keys = ("transformmatrix", "orientation", "rotation")
    turn = _numbers(path, fields, _first(fields, keys), dimensions**2, np.eye(dimensions).ravel().tolist())
    used = min(dimensions, 3)
    matrix = np.eye(4)
    # The file holds a direction after the other, the matrix one beside the other.
    directions = np.reshape(turn, (dimensions, dimensions)).T * spacing
    matrix[:used, :used] = directions[:used, :used]
    matrix[:used, 3] = origin[:used]
    factor = mm_per_unit(path, fields.get("distanceunits", ""), MM_PER_UNIT)
    matrix[:used] *= factor
    matrix = ras_from_lps(matrix)
    require_geometry(path, matrix)
    if factor == 1:
        return matrix, ()
    return matrix, (UNIT_DOUBT,)


def _first(fields: dict[str, str], names: tuple[str, ...]) -> str:
    return next((name for name in names if name in fields), names[0])


def _dtype(path: Path, fields: dict[str, str]) -> np.dtype:
    code = voxel_type(path, fields.get("elementtype", "").upper(), TYPES)
    big = _switch(path, fields, _first(fields, ("elementbyteordermsb", "binarydatabyteordermsb")), False)
    return np.dtype((">" if big else "<") + code)


def _switch(path: Path, fields: dict[str, str], name: str, default: bool) -> bool:
    text = fields.get(name, str(default)).lower()
    if text not in ("true", "t", "1", "yes", "false", "f", "0", "no"):
        raise _damaged(path)
    return text in ("true", "t", "1", "yes")


def _dimensions(path: Path, fields: dict[str, str]) -> int:
    dimensions = _integers(path, fields, "ndims", 1)[0]
    if not 1 <= dimensions <= 5:
        raise _damaged(path)
    return dimensions


def _integers(
    path: Path, fields: dict[str, str], name: str, count: int, default: list[int] | None = None
) -> list[int]:
    if name not in fields and default is not None:
        return default
    return header_integers(fields.get(name, "").split(), count, _damaged(path))


def _number(path: Path, fields: dict[str, str], name: str, default: float) -> float:
    return _numbers(path, fields, name, 1, [default])[0]


def _numbers(path: Path, fields: dict[str, str], name: str, count: int, default: list[float]) -> list[float]:
    """Numbers as Python reads them, whatever the locale."""
    if name not in fields:
        return default
    values = header_floats(fields[name].split(), _damaged(path))
    if len(values) != count or not np.isfinite(values).all():
        raise _damaged(path)
    return values


def _damaged(path: Path) -> InputError:
    return InputError(f"{path} is damaged, truncated or no MetaImage file; copy or export it again.")
