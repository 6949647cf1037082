"""Read and write NRRD and MetaImage through SimpleITK."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from LandmarkDetectionLib.errors import InputError, OutputError
from LandmarkDetectionLib.volume import (
    Volume,
    ras_from_lps,
    require_geometry,
    require_size,
    stem,
    writable_dtype,
)

#: Header lines that name a file with the voxels, or give the voxel size.
DATA_FILE = re.compile(r"^(?:data ?file|ElementDataFile)\s*[:=]\s*(\S.*?)\s*$", re.IGNORECASE | re.MULTILINE)
SPACING = re.compile(
    r"^(?:spacings|space directions|ElementSpacing|ElementSize)\s*[:=]", re.IGNORECASE | re.MULTILINE
)
HEADER_BYTES = 2**16
#: A line of a MetaImage header, and the power of the number of dimensions that gives the count of its values.
META_FIELD = re.compile(r"^(\w+)\s*=[^\S\n]*(.*)$", re.MULTILINE)
META_LENGTHS = {
    "dimsize": 1,
    "elementspacing": 1,
    "elementsize": 1,
    "offset": 1,
    "position": 1,
    "origin": 1,
    "centerofrotation": 1,
    "transformmatrix": 2,
    "rotation": 2,
    "orientation": 2,
}
#: Words in ITK's messages, and what they mean to a person.
PROBLEMS = {
    "spacing": "has a voxel spacing of zero; correct its header or export the image again",
    "determinant": "has a singular direction matrix; correct its header or export the image again",
    "allocate": "says it is larger than the memory of this computer; check the file or shrink the image",
}


def read(path: Path) -> Volume:
    """Read a ``.nrrd``, ``.nhdr``, ``.mha`` or ``.mhd`` file.

    Raises
    ------
    InputError
        The file or its data file is missing or damaged, or is no single grey volume.
    """
    import SimpleITK as sitk  # noqa: N813

    header = _header(path)
    _require_data_file(path, header)
    _require_dimensions(path, header)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        with quiet(sitk):
            reader.ReadImageInformation()
            _require_grey(reader, sitk, path)
            image = reader.Execute()
    except RuntimeError as error:
        text = str(error).lower()
        problem = next((problem for word, problem in PROBLEMS.items() if word in text), None)
        raise InputError(
            f"{path} {problem}."
            if problem
            else f"{path} is damaged, truncated or no {_kind(path)} file; copy or export it again."
        ) from error
    matrix = ras_from_lps(_ijk_to_lps(image))
    require_geometry(path, matrix)
    return Volume(
        _voxels(image, sitk),
        matrix,
        name=stem(path),
        spacing_known=bool(SPACING.search(header)),
    )


def write(volume: Volume, path: Path) -> None:
    """Write a volume; ``.nhdr`` and ``.mhd`` put their voxels into a file beside them.

    Raises
    ------
    OutputError
        The file cannot be written; an older one is then untouched.
    """
    import SimpleITK as sitk  # noqa: N813

    image = sitk.GetImageFromArray(volume.voxels.astype(writable_dtype(volume.voxels.dtype), copy=False))
    matrix = ras_from_lps(volume.ijk_to_ras)
    image.SetSpacing(volume.spacing.tolist())
    image.SetOrigin(matrix[:3, 3].tolist())
    image.SetDirection((matrix[:3, :3] / volume.spacing).ravel().tolist())
    try:
        # A header names its data file, so both are written under their final names, then moved data first.
        with tempfile.TemporaryDirectory(prefix=".writing-", dir=path.parent) as folder, quiet(sitk):
            sitk.WriteImage(image, str(Path(folder) / path.name), useCompression=True)
            for file in sorted(Path(folder).iterdir(), key=lambda file: file.name == path.name):
                os.replace(file, path.parent / file.name)  # noqa: PTH105
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "SimpleITK failed"
        raise OutputError(f"Cannot write {path}: {reason.lower()}; choose another folder or name.") from error


def _require_grey(reader: Any, sitk: Any, path: Path) -> None:
    pixel = sitk.GetPixelIDValueAsString(reader.GetPixelIDValue())
    if "complex" in pixel:
        raise InputError(f"{path} has complex voxels; save their magnitude.")
    if reader.GetNumberOfComponents() != 1 or "vector" in pixel:
        raise InputError(
            f"{path} has {reader.GetNumberOfComponents()} values per voxel (colour or vectors); "
            "save it as grey values."
        )
    require_size(path, tuple(reader.GetSize()))


def _ijk_to_lps(image: Any) -> np.ndarray:
    """(4, 4) matrix of an image of two to five dimensions."""
    dimension = min(image.GetDimension(), 3)
    direction = np.reshape(image.GetDirection(), (image.GetDimension(), image.GetDimension()))
    matrix = np.eye(4)
    matrix[:dimension, :dimension] = (direction * image.GetSpacing())[:dimension, :dimension]
    matrix[:dimension, 3] = image.GetOrigin()[:dimension]
    return matrix


class _Borrowed:
    """An image's memory as numpy can wrap it: the array keeps this object, and so the image, alive."""

    def __init__(self, image: Any, view: np.ndarray) -> None:
        self.image = image
        interface = view.__array_interface__
        # Nobody else holds the image, so the array may be written to; torch warns otherwise.
        self.__array_interface__ = {**interface, "data": (interface["data"][0], False)}


def _voxels(image: Any, sitk: Any) -> np.ndarray:
    """(K, J, I) voxels without a copy: sitk.GetArrayFromImage would take the memory twice."""
    voxels = np.asarray(_Borrowed(image, sitk.GetArrayViewFromImage(image)))
    return voxels.reshape((1, *voxels.shape)[-3:])


def _header(path: Path) -> str:
    with path.open("rb") as stream:
        text = stream.read(HEADER_BYTES).decode("latin-1").replace("\r\n", "\n")
    # NRRD ends its header with an empty line, MetaImage with the name of the data file.
    text = text.split("\n\n", 1)[0]
    end = re.search(r"^ElementDataFile.*$", text, re.IGNORECASE | re.MULTILINE)
    return text[: end.end()] if end else text


def _require_data_file(path: Path, header: str) -> None:
    found = DATA_FILE.search(header)
    if not found or found[1].split()[0].upper() in ("LOCAL", "LIST") or "%" in found[1]:
        return
    if not (path.parent / found[1]).is_file():
        raise InputError(
            f"{path} is only a header, and its data file {found[1]} is missing; put both into one folder."
        )


def _require_dimensions(path: Path, header: str) -> None:
    """Refuse a MetaImage header whose counts contradict: ITK's reader would write past its own arrays."""
    if _kind(path) != "MetaImage":
        return
    values = {key.lower(): value.split() for key, value in META_FIELD.findall(header)}
    count = " ".join(values.get("ndims", []))
    dimensions = int(count) if re.fullmatch(r"\d{1,2}", count) else 0
    lengths = {key: dimensions**power for key, power in META_LENGTHS.items() if key in values}
    if not 1 <= dimensions <= 5 or any(len(values[key]) != length for key, length in lengths.items()):
        raise InputError(f"{path} is damaged or no MetaImage file; copy or export it again.")


def _kind(path: Path) -> str:
    return "MetaImage" if path.suffix.lower().startswith(".mh") else "NRRD"


@contextmanager
def quiet(sitk: Any) -> Iterator[None]:
    """Keep C++ from printing: every problem is raised, and what is printed means nothing to a user.

    ITK has a switch, which is put back as other programs in the process share it; MetaIO writes to file
    descriptor 2, which a program without a console may not have.
    """
    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    saved = None
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.flush()
        saved = os.dup(2)
    try:
        if saved is not None:
            with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
                os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        if saved is not None:
            os.dup2(saved, 2)
            os.close(saved)
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)
