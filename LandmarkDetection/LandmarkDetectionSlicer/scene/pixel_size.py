"""How large the pixels of a radiograph are: by its file, whatever Slicer's reader made of it.

Slicer's reader takes no PixelSpacing of a radiograph, but 1 mm or the size at the detector, and of a picture
file the resolution at which it is to be printed. The library knows better, and what it finds must fit what a
person sees and measures in Slicer: so the spacing of the node is corrected, before anything is found or
measured in it. A size that a person gave the node is never touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import slicer
import vtk

from LandmarkDetectionLib.core.doubts import PIXEL_SIZE, Doubt
from LandmarkDetectionLib.core.geometry import Affine
from LandmarkDetectionLib.io.formats import PICTURES
from LandmarkDetectionSlicer.scene.nodes import landmarkNodes, loadReview, storeReview

if TYPE_CHECKING:
    from collections.abc import Iterable

ATTRIBUTE = "LandmarkDetection.pixelSize"
"""Of a volume: what was corrected, in a sentence."""

AS_IN_FILE_ATTRIBUTE = "LandmarkDetection.asInFile"

SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
SAME_SIZE = 0.005
"""Sizes that differ by a smaller share are the same, written with few digits."""

Sides = tuple[float, float]


@dataclass(frozen=True)
class FileSize:
    """What the file of a single image says of its pixels, along (i, j).

    Attributes
    ----------
    sides
        Mm, or widths of a pixel where the size is not known.
    known
        Whether ``sides`` are mm.
    doubts
        What the millimetres mean, or why there are none.
    read
        What Slicer's readers may have taken for their size.
    """

    sides: Sides
    known: bool
    doubts: tuple[Doubt, ...]
    read: tuple[Sides, ...]


def sizeInFile(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> FileSize | None:
    """What the file of a radiograph says; None for volumes, other formats, and files that are gone."""
    image = volumeNode.GetImageData()
    if image is None or image.GetDimensions()[2] != 1:
        return None
    for path in filesOf(volumeNode):
        if path.is_file():
            stat = path.stat()
            return _sizeIn(path, stat.st_mtime_ns, stat.st_size)
    return None


def isKnown(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> tuple[bool, tuple[Doubt, ...]]:
    """Whether the node's spacing, once corrected, is in mm, and what there is to say of it."""
    size = sizeInFile(volumeNode)
    if size is None:
        return not _looksUnknown(volumeNode), ()
    # Another size than that of the file is a person's.
    return (size.known, size.doubts) if _areSame(volumeNode.GetSpacing()[:2], size.sides) else (True, ())


def correctPixelSize(volumeNode: slicer.vtkMRMLScalarVolumeNode | None) -> None:
    """Give a radiograph the pixel size that its file says, if Slicer's reader has given it another.

    Landmarks that this module has found in it move along. What was done is kept with the node, to be said
    (:func:`correction`).
    """
    size = sizeInFile(volumeNode) if volumeNode is not None else None
    if volumeNode is None or size is None:
        return
    before = volumeNode.GetSpacing()
    if _areSame(before[:2], size.sides) or not _isReaders(before[:2], size):
        return
    matrix = _ijkToRas(volumeNode)
    if not volumeNode.GetModifiedSinceRead():
        volumeNode.SetAttribute(AS_IN_FILE_ATTRIBUTE, str(volumeNode.GetImageData().GetMTime()))
    volumeNode.SetSpacing(*size.sides, before[2])
    moved = Affine(_ijkToRas(volumeNode)) @ Affine(matrix).inverse
    for node in landmarkNodes(volumeNode):
        storeReview(loadReview(node).transformed(moved), None, node)
        slicer.mrmlScene.ClearUndoStack()  # its positions are of the old size
        slicer.mrmlScene.ClearRedoStack()
    volumeNode.SetAttribute(ATTRIBUTE, _sentence(volumeNode.GetName() or "", before[:2], size))


def correction(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> str | None:
    """What was corrected, in one or two sentences; None when nothing was."""
    return volumeNode.GetAttribute(ATTRIBUTE)


def isAsInFile(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> bool:
    """Whether a volume is as its file has it; a corrected size is the one that the library reads there."""
    time = str(volumeNode.GetImageData().GetMTime())
    return not volumeNode.GetModifiedSinceRead() or volumeNode.GetAttribute(AS_IN_FILE_ATTRIBUTE) == time


def filesOf(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> tuple[Path, ...]:
    """Where a volume came from: its files in the DICOM database, else the one it was loaded from."""
    found, storage = filesInDatabase(volumeNode), volumeNode.GetStorageNode()
    if not found and storage is not None and storage.GetFileName():
        return (Path(storage.GetFullNameFromFileName()),)
    return found


def filesInDatabase(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> tuple[Path, ...]:
    """The DICOM files of a volume that the database of a running Slicer knows."""
    database = getattr(slicer, "dicomDatabase", None)
    uids = volumeNode.GetAttribute("DICOM.instanceUIDs") or ""
    if database is None:
        return ()
    return tuple(Path(path) for path in map(database.fileForInstance, uids.split()) if path)


@lru_cache(maxsize=16)
def _sizeIn(path: Path, modified: int, size: int) -> FileSize | None:
    """``modified`` and ``size`` are of the file, which is read again when it has changed."""
    if path.name.lower().endswith(PICTURES):
        from LandmarkDetectionLib.io.raster import printed_spacing

        printed = printed_spacing(path)
        return FileSize((1.0, 1.0), False, (), ((1.0, 1.0), *([printed] if printed else ())))
    from LandmarkDetectionLib.io.dicom import read_header, read_pixel_size

    found = read_pixel_size(path)
    if found is None:
        return None
    header = read_header(path, SPACINGS)
    written = [header.get(keyword) for keyword in SPACINGS] if header is not None else []
    read = [(float(one[1]), float(one[0])) for one in written if one and len(one) == 2]
    return FileSize(found.sides, found.known, found.doubts, ((1.0, 1.0), *read))


def _areSame(sides: Iterable[float], others: Sides) -> bool:
    return bool(np.allclose(tuple(sides), others, rtol=SAME_SIZE, atol=0))


def _isReaders(spacing: Iterable[float], size: FileSize) -> bool:
    sides = tuple(spacing)
    return any(_areSame(sides, one) for one in size.read)


def _looksUnknown(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> bool:
    """Whether the image is of a picture file that is gone, with pixels of the 1 mm that Slicer assumes."""
    storage = volumeNode.GetStorageNode()
    name = (storage.GetFileName() or "").lower() if storage is not None else ""
    return name.endswith(PICTURES) and _areSame(volumeNode.GetSpacing()[:2], (1.0, 1.0))


def _sentence(name: str, before: Iterable[float], size: FileSize) -> str:
    # In English: it is kept in the scene, which others open.
    old, new = (" x ".join(f"{side:.4g}" for side in sides) for sides in (before, size.sides))
    if size.known:
        return f"{PIXEL_SIZE}Slicer had read {name} with {old} mm; it has its DICOM header's {new} mm now."
    return f"{PIXEL_SIZE}Slicer had read {name} with {old} mm that its file does not say; lengths are pixels."


def _ijkToRas(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> np.ndarray:
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)
