"""Look at a landmark in every view."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import slicer

from LandmarkDetectionSlicer.scene.nodes import volumeOf

SLICE_MM = 160.0
"""The wider side of a slice view after going to a landmark: a joint with what is around it."""
VIEW_3D_MM = 600.0
"""Height of the 3D view then: enough of the body to see where one is."""
LEAST_FIELD_MM = 40.0
FIELD_ATTRIBUTE = "LandmarkDetection.field"
"""Of a slice view: how wide it was made here; what a person makes of it since is theirs."""
YELLOW = (0xF0 / 255, 0xE4 / 255, 0x42 / 255)


def centerOn(position: npt.ArrayLike, zoomMm: float | None = SLICE_MM) -> None:
    """Bring a place into the middle of all slice and 3D views.

    Parameters
    ----------
    position : (3,)
        World RAS mm.
    zoomMm
        The wider side of the slice views becomes this long. A view that a person has brought nearer stays so,
        for a closer look to survive going from landmark to landmark. 3D views come nearer in the same way.
        None only moves the views.
    """
    place = np.asarray(position, dtype=np.float64)
    for sliceNode in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        with slicer.util.NodeModify(sliceNode):
            if zoomMm is not None:
                _zoomSlice(sliceNode, zoomMm)
            sliceNode.JumpSliceByCentering(*place)
    for cameraNode in slicer.util.getNodesByClass("vtkMRMLCameraNode"):
        with slicer.util.NodeModify(cameraNode):
            _aimCamera(cameraNode, place, None if zoomMm is None else VIEW_3D_MM * zoomMm / SLICE_MM)


def highlight(landmarkNode: slicer.vtkMRMLMarkupsFiducialNode, index: int | None) -> None:
    """Show one point, or none, in the colour of the active point; the mouse takes it over in passing."""
    display = landmarkNode.GetDisplayNode()
    if display is not None:
        display.SetActiveColor(YELLOW)
        display.SetActiveControlPoint(-1 if index is None else index)


def suitableField(
    place: npt.ArrayLike,
    others: Sequence[npt.ArrayLike],
    expectedErrorMm: float = 0.0,
    wholeMm: float | None = None,
) -> float:
    """How much of the image to show about a landmark, in mm.

    Its neighbours tell its scale: a finger joint is looked at more closely than a hip. What may be far off
    needs room to be looked for.

    Parameters
    ----------
    place, others : (3,)
        Where the landmark is, or is expected, and where the others are, in mm.
    expectedErrorMm
        How far off it is expected to be.
    wholeMm
        The wider side of a radiograph, whose millimetres may be pixels, or those of a detector: bounds are
        then shares of it. None for a volume, which is as large as a person.
    """
    least, most = (LEAST_FIELD_MM, SLICE_MM) if wholeMm is None else (wholeMm / 8, wholeMm / 2)
    distances = np.sort([np.linalg.norm(np.subtract(place, other)) for other in others])
    near = float(distances[:2].mean()) if len(distances) and np.isfinite(distances[0]) else most
    return min(max(4 * near, 6 * expectedErrorMm, least), most)


def widthOfRadiograph(landmarkNode: slicer.vtkMRMLMarkupsFiducialNode) -> float | None:
    """The wider side of the single image that landmarks belong to, in mm; None where it is a volume."""
    volumeNode = volumeOf(landmarkNode)
    image = volumeNode.GetImageData() if volumeNode is not None else None
    if volumeNode is None or image is None or min(image.GetDimensions()) > 1:
        return None
    return max(np.multiply(image.GetDimensions(), volumeNode.GetSpacing()).tolist())


def _zoomSlice(sliceNode: slicer.vtkMRMLSliceNode, zoomMm: float) -> None:
    width, height, depth = sliceNode.GetFieldOfView()
    now, ours = max(width, height), float(sliceNode.GetAttribute(FIELD_ATTRIBUTE) or "nan")
    if now > zoomMm or np.isclose(now, ours):
        factor = zoomMm / now
        sliceNode.SetFieldOfView(width * factor, height * factor, depth)
        sliceNode.SetAttribute(FIELD_ATTRIBUTE, str(zoomMm))


def _aimCamera(cameraNode: slicer.vtkMRMLCameraNode, place: np.ndarray, heightMm: float | None) -> None:
    """Look at a place from the same direction, not farther away than shows ``heightMm``."""
    away = np.subtract(cameraNode.GetPosition(), cameraNode.GetFocalPoint())
    distance = float(np.linalg.norm(away))
    if heightMm is not None:
        near = heightMm / 2 / math.tan(math.radians(cameraNode.GetViewAngle()) / 2)
        cameraNode.SetParallelScale(min(cameraNode.GetParallelScale(), heightMm / 2))
        if distance > near:
            away *= near / distance
    cameraNode.SetFocalPoint(place)
    cameraNode.SetPosition(place + away)
    cameraNode.ResetClippingRange()
