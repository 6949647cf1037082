"""What tests of looks ask of a page: which widgets are there, whether one is cut or out of the window."""

from typing import TYPE_CHECKING, Any

from PySide6 import QtCore, QtWidgets

if TYPE_CHECKING:
    from Testing.Python.slicer_host import SlicerHost

PAGES = ("review", "place", "measurements", "frames", "batch", "learn", "models", "settings")
INTERACTIVE = (
    QtWidgets.QAbstractButton,
    QtWidgets.QLineEdit,
    QtWidgets.QComboBox,
    QtWidgets.QAbstractItemView,
    QtWidgets.QAbstractSlider,
    QtWidgets.QProgressBar,
)
WITH_TEXT = (QtWidgets.QLabel, QtWidgets.QPushButton, QtWidgets.QToolButton, QtWidgets.QCheckBox)


def shown(widget: Any, kind: Any) -> list[Any]:
    """The visible widgets of a kind in a widget."""
    return [
        child for child in widget.findChildren(QtWidgets.QWidget) if isinstance(child, kind) and child.visible
    ]


def cut(widget: Any) -> list[tuple[str, str]]:
    """Name and text of every label and button in a widget that is too small for its text."""
    return [(one.name, one.text) for one in shown(widget, WITH_TEXT) if one.text and not _fits(one)]


def _fits(one: Any) -> bool:
    if isinstance(one, QtWidgets.QLabel) and one.wordWrap:
        return one.height >= one.heightForWidth(one.width)
    return one.width >= one.sizeHint.width()


def outside(host: "SlicerHost", widget: Any) -> list[str]:
    """Names of the controls in a widget that are not wholly in the window."""
    bounds = QtCore.QRect(QtCore.QPoint(0, 0), host.window.size)
    return [
        one.name
        for one in shown(widget, INTERACTIVE)
        if not isinstance(one, QtWidgets.QScrollBar)
        and one.parentWidget().name != "qt_scrollarea_viewport"
        and not bounds.contains(QtCore.QRect(one.mapTo(host.window, QtCore.QPoint(0, 0)), one.size))
    ]
