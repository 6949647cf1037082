"""The image itself in the 3D view, behind its landmarks: the bones of a CT, the bright parts of other images.

One choice, kept with the scene and taken back by undo: whether Slicer's volume rendering of an image is
visible. How it looks is set when it is first made here; what a person makes of it in the module Volume
Rendering since is theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from LandmarkDetectionSlicer.scene import volumes
from LandmarkDetectionSlicer.scene.nodes import enableUndo

OURS = "LandmarkDetection.rendering"
"""Attribute of a display node that was made here."""

# Value (HU, or share of the range between the quantiles below), opacity, colour. Contrast medium looks as
# bone does.
BONES = (
    (-1024.0, 0.0, (0.4, 0.2, 0.2)),
    (140.0, 0.0, (0.7, 0.45, 0.35)),
    (250.0, 0.18, (0.88, 0.75, 0.55)),
    (700.0, 0.75, (0.96, 0.93, 0.84)),
    (3071.0, 0.85, (1.0, 1.0, 1.0)),
)
BRIGHT = (
    (0.0, 0.0, (0.0, 0.0, 0.0)),
    (0.45, 0.0, (0.5, 0.5, 0.5)),
    (0.8, 0.15, (0.85, 0.85, 0.85)),
    (1.0, 0.6, (1.0, 1.0, 1.0)),
)
QUANTILES = (0.02, 0.995)
AIR_HU = -900.0
SAMPLES_PER_AXIS = 46

_lastRange: tuple[int, tuple[float, float]] | None = None
"""Of the image looked at last, with VTK's time of its last change, which no other image has."""


def isPossible(volumeNode: slicer.vtkMRMLScalarVolumeNode | None) -> bool:
    """Whether there is something to show: a volume of several slices, and Slicer's module that draws it."""
    return (
        volumeNode is not None
        and _logic() is not None
        and volumes.refusal(volumeNode) is None
        and not volumes.isSingleImage(volumeNode)
    )


def showsBones(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> bool:
    """Whether it is the bones that are shown, or just what is bright.

    A file that does not say what it is counts as CT when it holds air in Hounsfield units.
    """
    modality = volumes.readVolume(volumeNode, world=False).modality
    return modality == "CT" or (not modality and _range(volumeNode)[0] <= AIR_HU)


def isShown(volumeNode: slicer.vtkMRMLScalarVolumeNode | None) -> bool:
    """Whether an image is visible in the 3D views."""
    display = _display(volumeNode)
    return display is not None and bool(display.GetVisibility())


def show(volumeNode: slicer.vtkMRMLScalarVolumeNode, isVisible: bool) -> None:
    """Show an image in the 3D views, or no longer; one step of undo."""
    if isVisible == isShown(volumeNode) or not isPossible(volumeNode):
        return
    display = _display(volumeNode) or _newDisplay(volumeNode)
    enableUndo()
    display.SetUndoEnabled(True)  # the scene file does not keep this
    slicer.mrmlScene.SaveStateForUndo()
    display.SetVisibility(isVisible)


def label(volumeNode: slicer.vtkMRMLScalarVolumeNode | None) -> str:
    """What the choice is called."""
    if volumeNode is not None and isPossible(volumeNode) and not showsBones(volumeNode):
        return _("Show bright parts in 3D")
    return _("Show bones in 3D")


def _logic() -> Any:
    """Of Slicer's module; None where there is none."""
    module = getattr(getattr(slicer, "modules", None), "volumerendering", None)
    return module.logic() if module is not None else None


def _display(volumeNode: slicer.vtkMRMLScalarVolumeNode | None) -> Any:
    logic = _logic()
    if volumeNode is None or logic is None:
        return None
    return logic.GetFirstVolumeRenderingDisplayNode(volumeNode)


def _newDisplay(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> Any:
    display = _logic().CreateDefaultVolumeRenderingNodes(volumeNode)
    display.SetVisibility(False)
    display.SetAttribute(OURS, "1")
    points: Sequence[tuple[float, float, tuple[float, float, float]]]
    if showsBones(volumeNode):
        points, low, width = BONES, 0.0, 1.0
    else:
        points, (low, high) = BRIGHT, _range(volumeNode)
        width = max(high - low, 1e-6)
    opacity, color = vtk.vtkPiecewiseFunction(), vtk.vtkColorTransferFunction()
    for value, alpha, (red, green, blue) in points:
        opacity.AddPoint(low + value * width, alpha)
        color.AddRGBPoint(low + value * width, red, green, blue)
    looks = display.GetVolumePropertyNode()
    looks.SetScalarOpacity(opacity)
    looks.SetColor(color)
    looks.GetVolumeProperty().SetInterpolationTypeToLinear()
    looks.GetVolumeProperty().ShadeOn()
    return display


def _range(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> tuple[float, float]:
    """The values between which nearly all of an image lies, from some of its voxels; the last is kept."""
    global _lastRange
    changed = volumeNode.GetImageData().GetMTime()
    if _lastRange is None or _lastRange[0] != changed:
        voxels = slicer.util.arrayFromVolume(volumeNode)
        some = voxels[tuple(slice(None, None, max(1, size // SAMPLES_PER_AXIS)) for size in voxels.shape)]
        # Not numpy's quantile, whose first call imports for as long as a window may stop.
        values = np.sort(some[np.isfinite(some)])
        low, high = (float(values[round(share * (len(values) - 1))]) for share in QUANTILES)
        _lastRange = changed, (low, high)
    return _lastRange[1]
