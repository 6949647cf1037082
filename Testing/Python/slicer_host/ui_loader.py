"""``QUiLoader`` that knows the stand-ins and makes their connections."""

import xml.etree.ElementTree as ElementTree

from PySide6 import QtCore, QtUiTools, QtWidgets

from . import ctk_widgets, mrml_widgets

CUSTOM = {**ctk_widgets.WIDGETS, **mrml_widgets.WIDGETS}


class QUiLoader(QtUiTools.QUiLoader):
    """Loads a .ui file; a custom widget without a stand-in is an error, not an empty widget."""

    def __init__(self, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self._unknown: list[str] = []

    def createWidget(
        self, className: str, parent: QtWidgets.QWidget | None = None, name: str = ""
    ) -> QtWidgets.QWidget:
        if className in CUSTOM:
            widget = CUSTOM[className](parent)
            widget.setObjectName(name)
            return widget
        if className.startswith(("ctk", "qMRML", "qSlicer")):
            self._unknown.append(className)
            return QtWidgets.QWidget(parent)
        return super().createWidget(className, parent, name)

    def load(self, device: QtCore.QIODevice, parent: QtWidgets.QWidget | None = None) -> QtWidgets.QWidget:
        document = ElementTree.fromstring(bytes(device.readAll().data()))
        connections = _takeSceneConnections(document)
        buffer = QtCore.QBuffer()
        buffer.setData(ElementTree.tostring(document))
        buffer.open(QtCore.QIODevice.ReadOnly)
        widget = super().load(buffer, parent)
        if self._unknown:
            raise RuntimeError(f"The host has no stand-in for: {', '.join(sorted(set(self._unknown)))}")
        for sender, receiver in connections:
            _child(widget, sender).mrmlSceneChanged.connect(_child(widget, receiver).setMRMLScene)
        return widget


def _takeSceneConnections(document: ElementTree.Element) -> list[tuple[str, str]]:
    """Remove the connections that hand the scene on: Qt does not know the stand-ins' C++ signatures."""
    taken = []
    for connections in document.iter("connections"):
        for connection in list(connections):
            signal, slot = connection.findtext("signal", ""), connection.findtext("slot", "")
            if signal.startswith("mrmlSceneChanged") and slot.startswith("setMRMLScene"):
                taken.append((connection.findtext("sender", ""), connection.findtext("receiver", "")))
                connections.remove(connection)
    return taken


def _child(widget: QtWidgets.QWidget, name: str) -> QtWidgets.QWidget:
    return widget if widget.name == name else widget.findChild(QtWidgets.QWidget, name)
