"""Stand-ins for Slicer's MRML widgets, on the real scene."""

import weakref
from collections.abc import Callable
from typing import Any, ClassVar

import shiboken6
import slicer
from PySide6 import QtCore, QtWidgets

from .properties import stored, withSetters


class SceneObserver:
    """Observations of VTK objects that end with the widget that made them, or with the host."""

    _alive: ClassVar["weakref.WeakSet[SceneObserver]"] = weakref.WeakSet()

    def __init__(self, widget: QtCore.QObject) -> None:
        self._alive.add(self)
        self._widget = weakref.ref(widget)
        self._tags: list[tuple[Any, int]] = []

    def observe(self, subject: Any, event: Any, call: str) -> None:
        """Call the widget's method ``call`` with the subject whenever ``event`` happens."""

        reference = self._widget

        def happened(caller: Any, _: str) -> None:
            widget = reference()
            if widget is not None and shiboken6.isValid(widget):
                getattr(widget, call)(caller)

        self._tags.append((subject, subject.AddObserver(event, happened)))

    def forget(self) -> None:
        for subject, tag in self._tags:
            subject.RemoveObserver(tag)
        self._tags.clear()

    @classmethod
    def forgetAll(cls) -> None:
        """A scene that is collected as garbage must not call into Python any more."""
        for observer in list(cls._alive):
            observer.forget()


class qMRMLWidget(QtWidgets.QWidget):
    """A widget that knows the scene and tells when it changes."""

    mrmlSceneChanged = QtCore.Signal(object)
    _signatures: ClassVar[dict[str, str]] = {"mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged(PyObject)"}

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene = None

    def mrmlScene(self) -> Any:
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        if scene is not self._scene:
            self._scene = scene
            self.mrmlSceneChanged.emit(scene)


class qSlicerWidget(qMRMLWidget):
    """Slicer's base class of panels."""


@withSetters
class qMRMLNodeComboBox(qMRMLWidget):
    """A list of the scene's nodes of some classes."""

    currentNodeChanged = QtCore.Signal(object)
    currentNodeIDChanged = QtCore.Signal(str)
    nodeActivated = QtCore.Signal(object)
    nodeAdded = QtCore.Signal(object)
    nodeAddedByUser = QtCore.Signal(object)
    nodeAboutToBeRemoved = QtCore.Signal(object)
    _signatures: ClassVar[dict[str, str]] = {
        f"{name}(vtkMRMLNode*)": f"{name}(PyObject)"
        for name in (
            "currentNodeChanged",
            "nodeActivated",
            "nodeAdded",
            "nodeAddedByUser",
            "nodeAboutToBeRemoved",
        )
    }

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._combo = QtWidgets.QComboBox()
        self._combo.setSizePolicy(QtWidgets.QSizePolicy.Expanding, QtWidgets.QSizePolicy.Fixed)
        layout.addWidget(self._combo)
        self._nodeTypes: list[str] = []
        self._noneEnabled = False
        self._attributes: list[tuple[str, str, str | None]] = []
        self._current: str | None = None
        self._observer = SceneObserver(self)
        self._nodeObserver = SceneObserver(self)
        self._combo.currentIndexChanged.connect(self._chosen)
        self._combo.activated.connect(lambda _: self.nodeActivated.emit(self.currentNode()))

    def setMRMLScene(self, scene: Any) -> None:
        if scene is self._scene:
            return
        self._observer.forget()
        if scene is not None:
            for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndBatchProcessEvent):
                self._observer.observe(scene, event, "_sceneChanged")
        super().setMRMLScene(scene)
        self._fill()

    def _sceneChanged(self, _: Any) -> None:
        # Slicer waits for the end of loading and closing as well.
        if not self._scene.IsBatchProcessing():
            self._fill()

    def _nodes(self) -> list[Any]:
        if self._scene is None:
            return []
        nodes = [self._scene.GetNthNode(index) for index in range(self._scene.GetNumberOfNodes())]
        return [node for node in nodes if self._isListed(node)]

    def _isListed(self, node: Any) -> bool:
        if node.GetHideFromEditors() and not self.showHidden:
            return False
        kinds = [kind for kind in self._nodeTypes if node.IsA(kind)]
        if not self.showChildNodeTypes:
            kinds = [kind for kind in kinds if node.GetClassName() == kind]
        return bool(kinds) and all(
            node.GetAttribute(name) is not None and value in (None, node.GetAttribute(name))
            for kind, name, value in self._attributes
            if node.IsA(kind)
        )

    def _fill(self) -> None:
        nodes = self._nodes()
        blocked = self._combo.blockSignals(True)
        self._combo.clear()
        if self._noneEnabled:
            self._combo.addItem(self.noneDisplay, None)
        self._nodeObserver.forget()
        for node in nodes:
            self._combo.addItem(node.GetName(), node.GetID())
            self._nodeObserver.observe(node, "ModifiedEvent", "_nodeModified")
        self._combo.currentIndex = self._combo.findData(self._current) if self._current else -1
        if self._combo.currentIndex < 0 and self._combo.count:
            self._combo.currentIndex = 0
        self._combo.blockSignals(blocked)
        self._chosen()

    def _nodeModified(self, node: Any) -> None:
        index = self._combo.findData(node.GetID())
        if index >= 0 and self._combo.itemText(index) != node.GetName():
            self._combo.setItemText(index, node.GetName())

    def _chosen(self, *_: Any) -> None:
        chosen = self._combo.currentData
        if chosen != self._current:
            self._current = chosen
            self.currentNodeChanged.emit(self.currentNode())
            self.currentNodeIDChanged.emit(chosen or "")

    def currentNode(self) -> Any:
        return self._scene.GetNodeByID(self._current) if self._scene and self._current else None

    def setCurrentNode(self, node: Any) -> None:
        self.setCurrentNodeID(node.GetID() if node is not None else "")

    def setCurrentNodeID(self, identifier: str | None) -> None:
        index = self._combo.findData(identifier) if identifier else -1
        # As in Slicer: without a "None" entry an unknown node leaves nothing chosen.
        self._combo.currentIndex = index if index >= 0 else (0 if self._noneEnabled else -1)

    def nodeCount(self) -> int:
        return len(self._nodes())

    def addAttribute(self, nodeType: str, name: str, value: str | None = None) -> None:
        self._attributes.append((nodeType, name, value))
        self._fill()

    def removeAttribute(self, nodeType: str, name: str) -> None:
        self._attributes = [known for known in self._attributes if known[:2] != (nodeType, name)]
        self._fill()

    def addNode(self, nodeType: str | None = None) -> Any:
        kind = nodeType or self._nodeTypes[0]
        node = self._scene.AddNewNodeByClass(kind, self._scene.GenerateUniqueName(self.baseName or kind))
        if self.selectNodeUponCreation:
            self.setCurrentNode(node)
        self.nodeAddedByUser.emit(node)
        return node

    def _setNodeTypes(self, kinds: list[str]) -> None:
        self._nodeTypes = list(kinds)
        self._fill()

    def _setNoneEnabled(self, enabled: bool) -> None:
        self._noneEnabled = enabled
        self._fill()

    nodeTypes = QtCore.Property("QStringList", lambda self: self._nodeTypes, _setNodeTypes)
    noneEnabled = QtCore.Property(bool, lambda self: self._noneEnabled, _setNoneEnabled)
    currentNodeID = QtCore.Property(str, lambda self: self._current or "", setCurrentNodeID)
    noneDisplay = stored(str, "noneDisplay", "None")
    addEnabled = stored(bool, "addEnabled", True)
    removeEnabled = stored(bool, "removeEnabled", True)
    editEnabled = stored(bool, "editEnabled", False)
    renameEnabled = stored(bool, "renameEnabled", False)
    showHidden = stored(bool, "showHidden", False)
    showChildNodeTypes = stored(bool, "showChildNodeTypes", True)
    selectNodeUponCreation = stored(bool, "selectNodeUponCreation", True)
    baseName = stored(str, "baseName", "")


@withSetters
class qSlicerMarkupsPlaceWidget(qMRMLWidget):
    """The button that starts and ends placing by mouse: here it only sets the interaction node's mode."""

    PlaceSinglePoint, PlaceMultipleControlPoints = range(2)
    UnlimitedPlacement = -1

    activeMarkupsFiducialListPlaceModeChanged = QtCore.Signal(bool)
    activeMarkupsPlaceModeChanged = QtCore.Signal(bool)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._button = QtWidgets.QToolButton()
        self._button.checkable = True
        self._button.toggled.connect(self._toggled)
        layout.addWidget(self._button)
        self._node = None

    def setCurrentNode(self, node: Any) -> None:
        self._node = node

    def currentNode(self) -> Any:
        return self._node

    def placeButton(self) -> QtWidgets.QToolButton:
        return self._button

    def _toggled(self, placing: bool) -> None:
        interaction = slicer.app.applicationLogic().GetInteractionNode()
        selection = slicer.app.applicationLogic().GetSelectionNode()
        if placing and self._node is not None:
            selection.SetReferenceActivePlaceNodeClassName(self._node.GetClassName())
            selection.SetActivePlaceNodeID(self._node.GetID())
        interaction.SetCurrentInteractionMode(interaction.Place if placing else interaction.ViewTransform)
        self.activeMarkupsPlaceModeChanged.emit(placing)
        self.activeMarkupsFiducialListPlaceModeChanged.emit(placing)

    placeModeEnabled = QtCore.Property(
        bool, lambda self: self._button.checked, lambda self, value: setattr(self._button, "checked", value)
    )
    currentNodeActive = QtCore.Property(
        bool, lambda self: self._button.checked, lambda self, value: setattr(self._button, "checked", value)
    )
    buttonsVisible = stored(bool, "buttonsVisible", True)
    deleteAllControlPointsOptionVisible = stored(bool, "deleteAllControlPointsOptionVisible", True)
    placeMultipleMarkups = stored(int, "placeMultipleMarkups", 0)
    placeModePersistency = stored(bool, "placeModePersistency", False)


WIDGETS: dict[str, Callable[..., QtWidgets.QWidget]] = {
    cls.__name__: cls for cls in (qMRMLWidget, qSlicerWidget, qMRMLNodeComboBox, qSlicerMarkupsPlaceWidget)
}
