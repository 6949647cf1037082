"""Loading and saving through Slicer's own storage nodes, without its I/O manager."""

from pathlib import Path
from typing import Any

import slicer

_TYPES = {
    "VolumeFile": ("vtkMRMLScalarVolumeNode", "vtkMRMLVolumeArchetypeStorageNode"),
    "TextFile": ("vtkMRMLTextNode", "vtkMRMLTextStorageNode"),
    "TableFile": ("vtkMRMLTableNode", "vtkMRMLTableStorageNode"),
    "TransformFile": ("vtkMRMLLinearTransformNode", "vtkMRMLTransformStorageNode"),
    "ModelFile": ("vtkMRMLModelNode", "vtkMRMLModelStorageNode"),
}
_MARKUPS = {"MarkupsFile", "MarkupsFiducials"}


def loadNodeFromFile(filename: Any, filetype: str | None = None, properties: Any = None, *_: Any) -> Any:
    """Load one node; RuntimeError if the file cannot be read, as in Slicer."""
    path = str(filename)
    if filetype in _MARKUPS or path.endswith((".mrk.json", ".fcsv")):
        kind = "Fiducial" if path.endswith(".fcsv") else "Json"
        nodeClass, storageClass = "vtkMRMLMarkupsFiducialNode", f"vtkMRMLMarkups{kind}StorageNode"
    else:
        nodeClass, storageClass = _TYPES[filetype or "VolumeFile"]
    name = (properties or {}).get("name") or _stem(path)
    node = slicer.mrmlScene.AddNewNodeByClass(nodeClass, name)
    storage = slicer.mrmlScene.AddNewNodeByClass(storageClass)
    storage.SetFileName(path)
    if not Path(path).exists() or not storage.ReadData(node):
        slicer.mrmlScene.RemoveNode(storage)
        slicer.mrmlScene.RemoveNode(node)
        raise RuntimeError(f"Failed to load node from file: {path}")
    node.SetAndObserveStorageNodeID(storage.GetID())
    if hasattr(node, "CreateDefaultDisplayNodes"):
        node.CreateDefaultDisplayNodes()
    if filetype == "VolumeFile" and (properties or {}).get("show", True):
        slicer.app.applicationLogic().GetSelectionNode().SetActiveVolumeID(node.GetID())
        slicer.app.applicationLogic().PropagateVolumeSelection()
    return node


def saveNode(node: Any, filename: Any, properties: Any = None) -> bool:
    """Save one node through its default storage node."""
    storage = node.GetStorageNode() or node.CreateDefaultStorageNode()
    if storage.GetScene() is None:
        slicer.mrmlScene.AddNode(storage)
        storage.UnRegister(None)
        node.SetAndObserveStorageNodeID(storage.GetID())
    storage.SetFileName(str(filename))
    return bool(storage.WriteData(node))


def saveScene(filename: Any, properties: Any = None) -> bool:
    """Save the scene: .mrb with the nodes' data, .mrml without."""
    path = str(filename)
    if path.endswith(".mrb"):
        return bool(slicer.mrmlScene.WriteToMRB(path))
    slicer.mrmlScene.SetURL(path)
    return bool(slicer.mrmlScene.Commit())


def loadScene(filename: Any, properties: Any = None) -> bool:
    """Replace the scene by a saved one."""
    path = str(filename)
    slicer.mrmlScene.Clear(0)
    if path.endswith(".mrb"):
        return bool(slicer.mrmlScene.ReadFromMRB(path))
    slicer.mrmlScene.SetURL(path)
    return bool(slicer.mrmlScene.Import())


def _stem(path: str) -> str:
    name = Path(path).name
    return next(
        (name[: -len(end)] for end in (".mrk.json", ".nii.gz") if name.endswith(end)), Path(path).stem
    )
