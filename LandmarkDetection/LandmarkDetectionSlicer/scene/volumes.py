"""A volume node as the library's Volume, and what cannot work said in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from LandmarkDetectionLib.core.geometry import Affine, geometry_problem
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.formats import PICTURES
from LandmarkDetectionSlicer.scene import pixel_size
from LandmarkDetectionSlicer.scene.transforms import isWarped, linearToWorld


def readVolume(volumeNode: slicer.vtkMRMLScalarVolumeNode, world: bool = True) -> Volume:
    """The volume that a node shows.

    Parameters
    ----------
    volumeNode
        Its voxels are seen, not copied: they change with the node.
    world
        Place the voxels in the world, as the slice views do; else in the node's own coordinates, without its
        parent transform. A non-linear parent is left out in both cases.

    Returns
    -------
    Volume
        With DICOM's word for the modality where the scene tells it. The size of a radiograph's pixels is that
        of its file, which the node is given first (:mod:`LandmarkDetectionSlicer.scene.pixel_size`).

    Raises
    ------
    InputError
        The node is no single grey image; the sentence is that of :func:`refusal`.
    """
    if problem := refusal(volumeNode):
        raise InputError(problem)
    pixel_size.correctPixelSize(volumeNode)
    matrix = _ijkToRas(volumeNode)
    known, doubts = pixel_size.isKnown(volumeNode)
    return Volume(
        voxels=slicer.util.arrayFromVolume(volumeNode),
        ijk_to_ras=(linearToWorld(volumeNode) @ Affine(matrix)).matrix if world else matrix,
        modality=_modality(volumeNode),
        name=volumeNode.GetName() or "",
        spacing_known=known,
        doubts=doubts,
    )


def _pictureFile(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> Path | None:
    """The PNG, TIFF, JPEG or BMP file that a volume was loaded from."""
    storage = volumeNode.GetStorageNode()
    name = (storage.GetFileName() or "") if storage is not None else ""
    return Path(name) if name.lower().endswith(PICTURES) else None


def refusal(volumeNode: slicer.vtkMRMLNode | None) -> str | None:
    """Why landmarks cannot be looked for in a node, and what to do about it; None when they can.

    Quick enough to be asked whenever something changes: one slice of voxels is enough, unless it is all NaN.
    """
    if volumeNode is None:
        return _("No volume is selected; choose the image to find landmarks in.")
    name = volumeNode.GetName() or _("The volume")
    if kind := _otherKind(volumeNode.GetClassName()):
        return _("{name} is {kind}, not an image; choose the CT or MR image itself.").format(
            name=name, kind=kind
        )
    if not volumeNode.IsA("vtkMRMLScalarVolumeNode"):
        return _("{name} is no volume; choose the CT or MR image itself.").format(name=name)
    volume = cast("slicer.vtkMRMLScalarVolumeNode", volumeNode)
    return _imageProblem(name, volume) or _placeProblem(name, volume)


def remark(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> str | None:
    """What a person should know about a volume that can be used all the same, in a sentence or two."""
    from LandmarkDetectionLib.io.raster import is_turned

    remarks = []
    picture = _pictureFile(volumeNode)
    if picture is not None and is_turned(picture):
        remarks.append(
            _(
                "{name} is shown as it is stored; other programs, and the command line, turn it by its EXIF "
                "orientation, so their landmarks lie elsewhere. Save it turned to see both alike."
            ).format(name=volumeNode.GetName())
        )
    if isWarped(volumeNode):
        remarks.append(
            _(
                "{name} is under a non-linear transform: landmarks are found in the untransformed image and "
                "move with it."
            ).format(name=volumeNode.GetName())
        )
    if corrected := pixel_size.correction(volumeNode):
        remarks.append(corrected)
    return " ".join(remarks) or None


def isSingleImage(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> bool:
    """Whether a volume has one slice only, as radiographs do; one without voxels has none."""
    image = volumeNode.GetImageData()
    return image is not None and min(image.GetDimensions()) == 1


def _otherKind(className: str) -> str | None:
    """What a node is that people take for an image; None for one that may be an image."""
    if className == "vtkMRMLScalarVolumeNode":  # asked often, and translating takes time
        return None
    return {
        "vtkMRMLLabelMapVolumeNode": _("a label map (a segmentation)"),
        "vtkMRMLDiffusionTensorVolumeNode": _("a diffusion tensor volume"),
        "vtkMRMLDiffusionWeightedVolumeNode": _("a diffusion-weighted volume"),
        "vtkMRMLMultiVolumeNode": _("a volume of several time points"),
        "vtkMRMLSequenceNode": _("a sequence of several time points"),
        "vtkMRMLSegmentationNode": _("a segmentation"),
        "vtkMRMLModelNode": _("a surface model"),
    }.get(className)


def _imageProblem(name: str, volumeNode: slicer.vtkMRMLScalarVolumeNode) -> str | None:
    """What is wrong with the voxels."""
    image = volumeNode.GetImageData()
    scalars = image.GetPointData().GetScalars() if image is not None else None
    if scalars is None or scalars.GetNumberOfTuples() == 0:
        return _("{name} holds no image data (yet); wait until it is loaded, or load it again.").format(
            name=name
        )
    components = scalars.GetNumberOfComponents()
    if components > 1:
        return _(
            "{name} has {components} values per voxel (colours or time points), one is needed; convert it "
            "to a scalar volume first, for example with the module Vector to Scalar Volume."
        ).format(name=name, components=components)
    if sorted(image.GetDimensions())[1] < 2:
        return _("{name} is a single line of {size} voxels; choose a volume, or a radiograph.").format(
            name=name, size=" x ".join(map(str, image.GetDimensions()))
        )
    isWhole = scalars.GetDataType() not in (vtk.VTK_FLOAT, vtk.VTK_DOUBLE)
    if not isWhole and not _hasNumber(slicer.util.arrayFromVolume(volumeNode)):
        return _(
            "{name} holds no numbers (every voxel is NaN or infinite); load or compute it again."
        ).format(name=name)
    return None


def _placeProblem(name: str, volumeNode: slicer.vtkMRMLScalarVolumeNode) -> str | None:
    """What is wrong with where the voxels lie."""
    if problem := geometry_problem(_ijkToRas(volumeNode)):
        return _("{name} {problem}; correct its spacing and directions in the module Volumes.").format(
            name=name, problem=problem
        )
    if problem := geometry_problem((linearToWorld(volumeNode) @ Affine(_ijkToRas(volumeNode))).matrix):
        return _(
            "{name} {problem} under its transform; correct the transform or take the volume out of it."
        ).format(name=name, problem=problem)
    return None


def _hasNumber(voxels: np.ndarray) -> bool:
    """Whether any value is finite: most images show it in a few slices, only hopeless ones are read whole."""
    return any(np.isfinite(voxels[index]).any() for index in _spreadOut(len(voxels)))


def _spreadOut(count: int) -> Iterator[int]:
    """All indices below a count, those in the middle and spread over the whole first."""
    stride = max(count // 8, 1)
    for start in (stride // 2, *(other for other in range(stride) if other != stride // 2)):
        yield from range(start, count, stride)


def _ijkToRas(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> np.ndarray:
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def _modality(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> str:
    """DICOM's word for the modality: from the node, its place in the subject hierarchy, or its file."""
    attribute = "DICOM.Modality"
    if word := volumeNode.GetAttribute(attribute):
        return word
    scene = volumeNode.GetScene()
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene) if scene else None
    item = hierarchy.GetItemByDataNode(volumeNode) if hierarchy is not None else 0
    if hierarchy is not None and item and (word := hierarchy.GetItemAttribute(item, attribute)):
        return word
    if word := _modalityInDatabase(volumeNode.GetAttribute("DICOM.instanceUIDs")):
        return word
    units = volumeNode.GetVoxelValueUnits()
    return "CT" if units is not None and units.GetCodeValue() in ("[hnsf'U]", "HU") else ""


def _modalityInDatabase(instanceUids: str | None) -> str:
    """What the DICOM database of a running Slicer says of an image; "" when there is none."""
    database = getattr(slicer, "dicomDatabase", None)
    if database is None or not instanceUids:
        return ""
    return database.instanceValue(instanceUids.split()[0], "0008,0060") or ""
