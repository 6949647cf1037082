"""Which widget can show and change a parameter of which type, both ways.

As in Slicer the exact class of the widget decides: a subclass is not connected.
"""

import enum
import pathlib
import types
import typing
from collections.abc import Callable
from typing import Any

import slicer
from PySide6 import QtWidgets

from . import ctk_widgets, mrml_widgets
from .validators import Choice, Decimals, Maximum, Minimum, SingleStep, WithinRange


class Connector:
    """A widget's value: the property ``value`` and the signal ``signal``, by default unconverted."""

    def __init__(self, widget: Any, value: str, signal: str | None) -> None:
        self.widget = widget
        self._value = value
        self._signal = signal
        self._propagator: Callable[..., None] | None = None

    def read(self) -> Any:
        return getattr(self.widget, self._value)

    def write(self, value: Any) -> None:
        # Unchanged values are not written: a line edit would move its cursor.
        if self.read() != value:
            setattr(self.widget, self._value, value)

    def follow(self, changed: Callable[[], None]) -> None:
        if self._signal is not None:
            self._propagator = lambda *_: changed()
            getattr(self.widget, self._signal).connect(self._propagator)

    def forget(self) -> None:
        if self._propagator is not None and self._signal is not None:
            getattr(self.widget, self._signal).disconnect(self._propagator)
            self._propagator = None


class ChoiceConnector(Connector):
    """A combo box whose entries stand for values."""

    def __init__(self, widget: Any, entries: list[tuple[str, Any]]) -> None:
        super().__init__(widget, "currentIndex", "currentIndexChanged")
        self._values = [value for _, value in entries]
        widget.clear()
        widget.addItems([text for text, _ in entries])

    def read(self) -> Any:
        return self._values[self.widget.currentIndex]

    def write(self, value: Any) -> None:
        self.widget.currentIndex = self._values.index(value)


class NodeConnector(Connector):
    """A node combo box."""

    def __init__(self, widget: Any) -> None:
        super().__init__(widget, "currentNode", "currentNodeChanged")

    def read(self) -> Any:
        return self.widget.currentNode()

    def write(self, value: Any) -> None:
        if value is not self.read():
            self.widget.setCurrentNode(value)


class PathConnector(Connector):
    """A widget that keeps a path as text."""

    def read(self) -> pathlib.Path:
        return pathlib.Path(super().read())

    def write(self, value: pathlib.Path) -> None:
        text = "" if value == pathlib.Path() else str(value)
        if getattr(self.widget, self._value) != text:
            setattr(self.widget, self._value, text)


class PlainTextConnector(Connector):
    """A text field, without its formatting."""

    def read(self) -> str:
        return self.widget.toPlainText()

    def write(self, value: str) -> None:
        if self.read() != value:
            self.widget.setPlainText(value)


_COMBOS = (QtWidgets.QComboBox, ctk_widgets.ctkComboBox)
_NUMBERS = {
    QtWidgets.QSlider: int,
    QtWidgets.QSpinBox: int,
    QtWidgets.QDoubleSpinBox: float,
    ctk_widgets.ctkSliderWidget: float,
    ctk_widgets.ctkDoubleSlider: float,
    ctk_widgets.ctkDoubleSpinBox: float,
}
_NEEDS_RANGE = (QtWidgets.QSlider, ctk_widgets.ctkSliderWidget, ctk_widgets.ctkDoubleSlider)
_CHECKED = (QtWidgets.QCheckBox, ctk_widgets.ctkCheckBox, QtWidgets.QPushButton)
_TEXT: dict[type, tuple[str, str | None]] = {
    QtWidgets.QLineEdit: ("text", "textChanged"),
    QtWidgets.QLabel: ("text", None),
}
_PATHS = {
    ctk_widgets.ctkPathLineEdit: ("currentPath", "currentPathChanged"),
    ctk_widgets.ctkDirectoryButton: ("directory", "directoryChanged"),
}


def connector(widget: Any, datatype: Any) -> Connector:
    """The connector of a widget and a (possibly annotated) type; RuntimeError if Slicer has none."""
    plain, annotations = datatype, ()
    if typing.get_origin(datatype) is typing.Annotated:
        plain, *annotations = typing.get_args(datatype)
    made = _make(widget, plain, annotations)
    if made is None:
        raise RuntimeError(f"A {type(widget).__name__} cannot be connected to a parameter of type {datatype}")
    return made


def _make(widget: Any, plain: Any, annotations: Any) -> Connector | None:
    kind = type(widget)
    if kind in _COMBOS:
        return _choices(widget, plain, annotations)
    if plain is bool and kind in _CHECKED:
        if kind is QtWidgets.QPushButton:
            widget.checkable = True
        return Connector(widget, "checked", "toggled")
    if kind in _NUMBERS and _NUMBERS[kind] is plain:
        _limit(widget, annotations)
        return Connector(widget, "value", "valueChanged")
    if plain is str and kind in _TEXT:
        return Connector(widget, *_TEXT[kind])
    if plain is str and kind is QtWidgets.QTextEdit:
        return PlainTextConnector(widget, "plainText", "textChanged")
    if plain is pathlib.Path and kind in _PATHS:
        return PathConnector(widget, *_PATHS[kind])
    if kind is mrml_widgets.qMRMLNodeComboBox and _isNode(plain):
        return NodeConnector(widget)
    return None


def _isNode(plain: Any) -> bool:
    isUnion = typing.get_origin(plain) in (typing.Union, types.UnionType)
    members = [m for m in (typing.get_args(plain) if isUnion else (plain,)) if m is not type(None)]
    return all(isinstance(member, type) and issubclass(member, slicer.vtkMRMLNode) for member in members)


def _choices(widget: Any, plain: Any, annotations: Any) -> Connector | None:
    if isinstance(plain, type) and issubclass(plain, enum.Enum):
        label = getattr(plain, "label", lambda member: member.name)
        return ChoiceConnector(widget, [(label(member), member) for member in plain])
    choice = _first(annotations, Choice)
    if choice is None:
        return None
    return ChoiceConnector(widget, [(str(value), value) for value in choice.choices])


def _first(annotations: Any, kind: type) -> Any:
    return next((annotation for annotation in annotations if isinstance(annotation, kind)), None)


def _limit(widget: Any, annotations: Any) -> None:
    decimals, step = _first(annotations, Decimals), _first(annotations, SingleStep)
    if decimals is not None:
        widget.decimals = decimals.value
    if step is not None:
        widget.singleStep = step.value
    within = _first(annotations, WithinRange)
    low, high = within or _first(annotations, Minimum), within or _first(annotations, Maximum)
    if type(widget) in _NEEDS_RANGE and (low is None or high is None):
        raise RuntimeError(f"A {type(widget).__name__} needs a parameter with a range")
    unlimited = 2**31 - 1 if isinstance(widget, QtWidgets.QSpinBox) else float("inf")
    widget.minimum = low.minimum if low is not None else -unlimited
    widget.maximum = high.maximum if high is not None else unlimited
