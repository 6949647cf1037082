"""What tests of the Slicer side start from: a small volume, transforms, and a detection in it."""

import zipfile
from pathlib import Path

import numpy as np
import slicer
import vtk

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.doubts import Doubt, DoubtKind
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status

NOWHERE = np.full(3, np.nan)
KNEE = Landmark("knee_left", [-70.0, 12.0, -372.0], Status.DETECTED, 0.9, np.diag([4.0, 9.0, 1.0]), "joint")
CHIN = Landmark("chin", [1.0, 90.0, 700.0], Status.UNCERTAIN, 0.3, description="lowest point")
TOE = Landmark("toe_left", NOWHERE, Status.ABSENT, 0.05, description="tip of the große Zehe")
WRIST = Landmark("wrist_left", [-200.0, 5.0, 10.0], Status.DETECTED, 0.8)
LANDMARKS = (KNEE, CHIN, TOE, WRIST)
NAMES = tuple(landmark.name for landmark in LANDMARKS)
DETECTION = Detection(
    LandmarkSet(LANDMARKS, name="body"),
    "whole-body-ct",
    "1.0.0",
    {"threshold": -400.0, "device": "cpu"},
    (Doubt("The chin may be cut off.", DoubtKind.CUT_OFF, ("chin",)),),
    {"total": 1.5},
)
DEFINED = slicer.vtkMRMLMarkupsNode.PositionDefined
MISSING = slicer.vtkMRMLMarkupsNode.PositionMissing
TURN = np.array([[0, -2.0, 0, 10], [2.0, 0, 0, 20], [0, 0, 2.0, 30], [0, 0, 0, 1]])
SHIFT = np.array([[1.0, 0, 0, 100], [0, 1, 0, 0], [0, 0, 1, -50], [0, 0, 0, 1]])


def add_volume(name: str = "scan", voxels: np.ndarray | None = None) -> "slicer.vtkMRMLScalarVolumeNode":
    voxels = np.zeros((4, 5, 6), np.int16) if voxels is None else voxels
    return slicer.util.addVolumeFromArray(voxels, np.diag([-2.0, -2.0, 3.0, 1.0]), name)


def add_transform(matrix: np.ndarray, *children: "slicer.vtkMRMLTransformableNode"):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(np.asarray(matrix, dtype=float)))
    for child in children:
        child.SetAndObserveTransformNodeID(node.GetID())
    return node


def add_warp(*children: "slicer.vtkMRMLTransformableNode"):
    spline = vtk.vtkThinPlateSplineTransform()
    source, target = vtk.vtkPoints(), vtk.vtkPoints()
    for point in np.random.default_rng(0).uniform(-500, 500, (8, 3)):
        source.InsertNextPoint(point)
        target.InsertNextPoint(point * 1.1 + np.sin(point / 100) * 20)
    spline.SetSourceLandmarks(source)
    spline.SetTargetLandmarks(target)
    spline.SetBasisToR()
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode")
    node.SetAndObserveTransformToParent(spline)
    for child in children:
        child.SetAndObserveTransformNodeID(node.GetID())
    return node


def position(node: "slicer.vtkMRMLMarkupsFiducialNode", name: str) -> np.ndarray:
    return np.array(node.GetNthControlPointPosition(node.GetControlPointIndexByLabel(name)))


def world_position(node: "slicer.vtkMRMLMarkupsFiducialNode", name: str) -> np.ndarray:
    return np.array(node.GetNthControlPointPositionWorld(node.GetControlPointIndexByLabel(name)))


def drag(node: "slicer.vtkMRMLMarkupsFiducialNode", name: str, *steps: np.ndarray) -> None:
    """What the mouse does to a point in Slicer's views, in world RAS mm."""
    index = node.GetControlPointIndexByLabel(name)
    slicer.mrmlScene.SaveStateForUndo()
    node.InvokeEvent(node.PointStartInteractionEvent)
    for step in steps:
        node.SetNthControlPointPositionWorld(index, *[float(value) for value in step])
    node.InvokeEvent(node.PointEndInteractionEvent)


def save_scene(scene: "slicer.vtkMRMLScene", kind: str, folder: Path) -> Path:
    """Save the scene as Slicer does, as "mrb" or as "mrml"; gives the path of its ``.mrml``."""
    markups = slicer.vtkSlicerMarkupsLogic()  # knows how points are stored
    markups.SetMRMLScene(scene)
    folder.mkdir(exist_ok=True)
    if kind == "mrb":
        assert scene.WriteToMRB(str(folder / "case.mrb"))
        with zipfile.ZipFile(folder / "case.mrb") as bundle:
            bundle.extractall(folder)
        return next(folder.rglob("*.mrml"))
    scene.SetRootDirectory(str(folder))
    for storable in slicer.util.getNodesByClass("vtkMRMLStorableNode"):
        # The dialog lists no hidden nodes.
        if storable.GetHideFromEditors() or not storable.AddDefaultStorageNode():
            continue
        storage = storable.GetStorageNode()
        if storage is None:  # nobody knows how to write it, so the dialog does not offer it
            continue
        storage.SetFileName(str(folder / f"{storable.GetID()}.{storage.GetDefaultWriteFileExtension()}"))
        assert storage.WriteData(storable)
    scene.SetURL(str(folder / "case.mrml"))
    assert scene.Commit()
    return folder / "case.mrml"


def load_scene(scene: "slicer.vtkMRMLScene", path: Path) -> None:
    """Replace the scene by a saved one."""
    scene.Clear(False)
    scene.SetRootDirectory(str(path.parent))
    scene.SetURL(str(path))
    assert scene.Import()
