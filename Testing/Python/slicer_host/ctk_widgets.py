"""Stand-ins for the CTK widgets that panels use: their properties and signals, not their looks."""

from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets

from .properties import forwarded, stored, withSetters


class _Contents(QtCore.QObject):
    """The children of something collapsible: hidden while it is collapsed, then as they were asked to be."""

    def __init__(self, owner: QtWidgets.QWidget, header: QtWidgets.QWidget | None = None) -> None:
        super().__init__(owner)
        self._owner, self._header = owner, header
        self._collapsed = self._forcing = False
        self._wanted: dict[QtWidgets.QWidget, bool] = {}

    def show(self, visible: bool) -> None:
        if visible and not self._collapsed:
            return
        for child in self._owner.children():
            if isinstance(child, QtWidgets.QWidget) and child is not self._header:
                if not visible and not self._collapsed:
                    self._wanted[child] = not child.isHidden()
                    child.installEventFilter(self)
                self._force(child, visible and self._wanted.get(child, True))
        self._collapsed = not visible

    def _force(self, child: QtWidgets.QWidget, visible: bool) -> None:
        self._forcing = True
        child.setVisible(visible)
        self._forcing = False

    def eventFilter(self, child: QtCore.QObject, event: QtCore.QEvent) -> bool:
        if not self.__dict__.get("_collapsed"):  # nothing is left when the window is being deleted
            return False
        kind = event.type()
        if not self._forcing and isinstance(child, QtWidgets.QWidget):
            if kind == QtCore.QEvent.ShowToParent:
                self._wanted[child] = True
                self._force(child, False)
            elif kind == QtCore.QEvent.HideToParent:
                self._wanted[child] = False
        return False


@withSetters
class ctkCollapsibleButton(QtWidgets.QWidget):
    """A header button that shows or hides what lies below it."""

    contentsCollapsed = QtCore.Signal(bool)
    toggled = QtCore.Signal(bool)
    clicked = QtCore.Signal(bool)

    def __init__(self, parent: QtWidgets.QWidget | str | None = None) -> None:
        super().__init__(None if isinstance(parent, str) else parent)
        self._header = QtWidgets.QToolButton(self)
        self._header.checkable = True
        self._header.checked = True
        self._header.toolButtonStyle = QtCore.Qt.ToolButtonTextBesideIcon
        self._header.arrowType = QtCore.Qt.DownArrow
        self._header.setStyleSheet("QToolButton { text-align: left; }")
        self._header.clicked.connect(self._clicked)
        self._contents = _Contents(self, self._header)
        self.setContentsMargins(0, self._header.sizeHint.height() + 2, 0, 0)
        if isinstance(parent, str):
            self.text = parent

    def _clicked(self, checked: bool) -> None:
        self._apply(not checked)
        self.clicked.emit(checked)

    def _isCollapsed(self) -> bool:
        return not self._header.checked

    def _setCollapsed(self, collapsed: bool) -> None:
        if collapsed != self._isCollapsed():
            self._header.checked = not collapsed
            self._apply(collapsed)

    def _apply(self, collapsed: bool) -> None:
        self._header.arrowType = QtCore.Qt.RightArrow if collapsed else QtCore.Qt.DownArrow
        self._showContents()
        self.contentsCollapsed.emit(collapsed)
        self.toggled.emit(not collapsed)

    def _showContents(self) -> None:
        collapsed = self._isCollapsed()
        self._contents.show(not collapsed)
        height = self._header.sizeHint.height() + 2 + self.collapsedHeight
        self.maximumHeight = height if collapsed else 16777215
        self.updateGeometry()

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        self._header.setGeometry(0, 0, self.width, self._header.sizeHint.height())

    def showEvent(self, event: QtGui.QShowEvent) -> None:
        if self._isCollapsed():
            self._showContents()

    def click(self) -> None:
        self._header.click()

    def toggle(self) -> None:
        self.collapsed = not self._isCollapsed()

    text = forwarded(str, "_header", "text")
    collapsed = QtCore.Property(bool, _isCollapsed, _setCollapsed)
    checked = QtCore.Property(
        bool, lambda self: not self._isCollapsed(), lambda self, value: self._setCollapsed(not value)
    )
    collapsedHeight = stored(int, "collapsedHeight", 10)
    contentsFrameShape = stored(int, "contentsFrameShape", 0)


class _ArrowStyle(QtWidgets.QProxyStyle):
    """Draws a check box as an arrow, as CTK does for a section that opens and closes."""

    def drawPrimitive(self, element: Any, option: Any, painter: Any, widget: Any = None) -> None:
        if element == QtWidgets.QStyle.PE_IndicatorCheckBox:
            isOpen = bool(option.state & QtWidgets.QStyle.State_On)
            arrows = (QtWidgets.QStyle.PE_IndicatorArrowRight, QtWidgets.QStyle.PE_IndicatorArrowDown)
            element = arrows[isOpen]
        super().drawPrimitive(element, option, painter, widget)


@withSetters
class ctkCollapsibleGroupBox(QtWidgets.QGroupBox):
    """A group box whose check mark shows or hides what it holds."""

    def __init__(self, parent: QtWidgets.QWidget | str | None = None) -> None:
        super().__init__(parent)
        self.checkable = True
        self._contents = _Contents(self)
        self._style = _ArrowStyle("Fusion")
        self.setStyle(self._style)
        self.toggled.connect(self._apply)

    def _apply(self, expanded: bool) -> None:
        self._contents.show(expanded)
        height = self.fontMetrics().height() + 2 + self.collapsedHeight
        self.maximumHeight = 16777215 if expanded else height
        self.updateGeometry()

    def showEvent(self, event: QtGui.QShowEvent) -> None:
        self._apply(self.checked)

    collapsed = QtCore.Property(
        bool, lambda self: not self.checked, lambda self, value: self.setChecked(not value)
    )
    collapsedHeight = stored(int, "collapsedHeight", 14)


class _NumberWidget(QtWidgets.QWidget):
    """A spin box, with a slider where there is room for one."""

    valueChanged = QtCore.Signal(float)
    valueChanging = QtCore.Signal(float)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._slider = QtWidgets.QSlider(QtCore.Qt.Horizontal)
        self._slider.maximum = 1000
        self._spin = QtWidgets.QDoubleSpinBox()
        layout.addWidget(self._slider)
        layout.addWidget(self._spin)
        self._slider.valueChanged.connect(self._slid)
        self._spin.valueChanged.connect(self._changed)

    def _slid(self, position: int) -> None:
        low, high = self._spin.minimum, self._spin.maximum
        self._spin.value = low + (high - low) * position / 1000

    def _changed(self, value: float) -> None:
        self._place()
        self.valueChanging.emit(value)
        self.valueChanged.emit(value)

    def _place(self) -> None:
        low, high = self._spin.minimum, self._spin.maximum
        blocked = self._slider.blockSignals(True)
        self._slider.value = round(1000 * (self._spin.value - low) / (high - low)) if high > low else 0
        self._slider.blockSignals(blocked)

    def _setMinimum(self, minimum: float) -> None:
        self._spin.minimum = minimum
        self._place()

    def _setMaximum(self, maximum: float) -> None:
        self._spin.maximum = maximum
        self._place()

    def setRange(self, minimum: float, maximum: float) -> None:
        self._spin.setRange(minimum, maximum)
        self._place()

    value = forwarded(float, "_spin", "value")
    minimum = QtCore.Property(float, lambda self: self._spin.minimum, _setMinimum)
    maximum = QtCore.Property(float, lambda self: self._spin.maximum, _setMaximum)
    singleStep = forwarded(float, "_spin", "singleStep")
    decimals = forwarded(int, "_spin", "decimals")


@withSetters
class ctkSliderWidget(_NumberWidget):
    """A slider with a spin box."""

    suffix = forwarded(str, "_spin", "suffix")
    prefix = forwarded(str, "_spin", "prefix")
    pageStep = stored(float, "pageStep", 10.0)
    tracking = stored(bool, "tracking", True)
    spinBoxVisible = forwarded(bool, "_spin", "visible")


@withSetters
class ctkDoubleSlider(_NumberWidget):
    """A slider of real numbers."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._spin.decimals = 9
        self._spin.hide()

    pageStep = stored(float, "pageStep", 10.0)
    tracking = stored(bool, "tracking", True)
    orientation = forwarded(QtCore.Qt.Orientation, "_slider", "orientation")


@withSetters
class ctkDoubleSpinBox(_NumberWidget):
    """A spin box of real numbers."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._slider.hide()

    suffix = forwarded(str, "_spin", "suffix")
    prefix = forwarded(str, "_spin", "prefix")


@withSetters
class ctkRangeWidget(QtWidgets.QWidget):
    """Two spin boxes, the lower never above the upper."""

    valuesChanged = QtCore.Signal(float, float)
    minimumValueChanged = QtCore.Signal(float)
    maximumValueChanged = QtCore.Signal(float)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._low, self._high = QtWidgets.QDoubleSpinBox(), QtWidgets.QDoubleSpinBox()
        for spin in (self._low, self._high):
            layout.addWidget(spin)
            spin.setRange(0, 99)
        self._high.value = 99
        self._low.valueChanged.connect(self._lowChanged)
        self._high.valueChanged.connect(self._highChanged)

    def _lowChanged(self, value: float) -> None:
        self._high.value = max(value, self._high.value)
        self.minimumValueChanged.emit(value)
        self.valuesChanged.emit(value, self._high.value)

    def _highChanged(self, value: float) -> None:
        self._low.value = min(value, self._low.value)
        self.maximumValueChanged.emit(value)
        self.valuesChanged.emit(self._low.value, value)

    def setValues(self, low: float, high: float) -> None:
        self._low.value, self._high.value = low, high

    def setRange(self, minimum: float, maximum: float) -> None:
        self._low.setRange(minimum, maximum)
        self._high.setRange(minimum, maximum)

    minimumValue = forwarded(float, "_low", "value")
    maximumValue = forwarded(float, "_high", "value")
    minimum = QtCore.Property(
        float, lambda self: self._low.minimum, lambda self, value: self.setRange(value, self._high.maximum)
    )
    maximum = QtCore.Property(
        float, lambda self: self._low.maximum, lambda self, value: self.setRange(self._low.minimum, value)
    )
    decimals = forwarded(int, "_low", "decimals")
    singleStep = forwarded(float, "_low", "singleStep")


@withSetters
class ctkPathLineEdit(QtWidgets.QWidget):
    """A line for a path; its button asks for one."""

    Files, Dirs = 0x002, 0x001
    Readable, Writable = 0x010, 0x020

    currentPathChanged = QtCore.Signal(str)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._edit = QtWidgets.QLineEdit()
        self._edit.textChanged.connect(self.currentPathChanged)
        self._browse = QtWidgets.QToolButton()
        self._browse.text = "..."
        self._browse.clicked.connect(self.browse)
        layout.addWidget(self._edit)
        layout.addWidget(self._browse)

    def browse(self) -> None:
        import qt

        path = qt.QFileDialog.getOpenFileName(self)
        if path:
            self.currentPath = path

    def addCurrentPathToHistory(self) -> None:
        """Slicer remembers the path in its settings; nothing here reads it back."""

    currentPath = forwarded(str, "_edit", "text")
    showBrowseButton = forwarded(bool, "_browse", "visible")
    nameFilters = stored("QStringList", "nameFilters", ())
    settingKey = stored(str, "settingKey", "")
    filters = stored(int, "filters", Files | Readable)


@withSetters
class ctkDirectoryButton(QtWidgets.QPushButton):
    """A button that holds and shows a folder."""

    directoryChanged = QtCore.Signal(str)
    directorySelected = QtCore.Signal(str)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._directory = ""
        self.clicked.connect(self.browse)

    def browse(self) -> None:
        import qt

        folder = qt.QFileDialog.getExistingDirectory(self)
        if folder:
            self.directory = folder
            self.directorySelected.emit(folder)

    def _setDirectory(self, folder: str) -> None:
        if folder != self._directory:
            self._directory = folder
            self.setText(folder)
            self.directoryChanged.emit(folder)

    directory = QtCore.Property(str, lambda self: self._directory, _setDirectory)
    caption = stored(str, "caption", "")


@withSetters
class ctkColorPickerButton(QtWidgets.QPushButton):
    """A button that holds a colour."""

    colorChanged = QtCore.Signal(QtGui.QColor)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._color = QtGui.QColor("black")

    def _setColor(self, color: QtGui.QColor) -> None:
        if color != self._color:
            self._color = QtGui.QColor(color)
            self.colorChanged.emit(self._color)

    color = QtCore.Property(QtGui.QColor, lambda self: self._color, _setColor)
    displayColorName = stored(bool, "displayColorName", True)


@withSetters
class ctkComboBox(QtWidgets.QComboBox):
    """A combo box with a text for when nothing is chosen."""

    defaultText = stored(str, "defaultText", "")
    elideMode = stored(int, "elideMode", 0)


class ctkCheckBox(QtWidgets.QCheckBox):
    """A check box."""


class ctkPushButton(QtWidgets.QPushButton):
    """A push button."""


class ctkCheckablePushButton(QtWidgets.QPushButton):
    """A push button with a check box in it."""


class ctkMenuButton(QtWidgets.QPushButton):
    """A push button with a menu beside it."""


class ctkSearchBox(QtWidgets.QLineEdit):
    """A line to search with."""


class ctkFittedTextBrowser(QtWidgets.QTextBrowser):
    """A text as high as it needs to be."""


class ctkMessageBox(QtWidgets.QMessageBox):
    """A message with "don't show again"."""

    dontShowAgainVisible = stored(bool, "dontShowAgainVisible", False)
    dontShowAgainSettingsKey = stored(str, "dontShowAgainSettingsKey", "")


@withSetters
class ctkExpandButton(QtWidgets.QToolButton):
    """A tool button that points to where it expands."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.checkable = True


WIDGETS = {name: value for name, value in globals().items() if name.startswith("ctk")}
