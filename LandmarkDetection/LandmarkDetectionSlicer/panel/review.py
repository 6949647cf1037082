"""Look at every landmark, the doubtful ones first, and accept, correct or refuse it."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

import qt
import slicer
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from LandmarkDetectionLib.landmarks import Landmark, Status
from LandmarkDetectionSlicer import colors, detecting, nodes, placing, views
from LandmarkDetectionSlicer.panel.message import MessageLine
from LandmarkDetectionSlicer.panel.pictures import ReferenceBody, statusIcon
from LandmarkDetectionSlicer.reviewing import ReviewSession
from LandmarkDetectionSlicer.transforms import worldPosition

if TYPE_CHECKING:
    from LandmarkDetection import LandmarkDetectionWidget
    from LandmarkDetectionLib.model import Model
    from LandmarkDetectionLib.review import Review

NAME, CONFIDENCE, STATUS, WARNING = range(4)
PICTURE_SIZE = (112, 168)
ROW_HEIGHT = 22


def statusText(status: Status) -> str:
    """A status in the reader's language."""
    return {
        Status.DETECTED: _("detected"),
        Status.UNCERTAIN: _("uncertain"),
        Status.ABSENT: _("not in the scan"),
        Status.ACCEPTED: _("accepted"),
        Status.CORRECTED: _("corrected"),
        Status.MISSING: _("missing"),
    }[status]


class ReviewSection(VTKObservationMixin):
    """The second section of the panel.

    Parameters
    ----------
    panel
        Whose logic, parameters and other sections it uses.
    widget
        Loaded from ``review.ui``.
    """

    def __init__(self, panel: LandmarkDetectionWidget, widget: Any) -> None:
        super().__init__()
        self.panel = panel
        self.widget = widget
        self.ui = ui = slicer.util.childWidgetVariables(widget)
        self.message = MessageLine(ui.messageIcon, ui.messageText)
        self.session: ReviewSession | None = None
        self.selected: str | None = None
        self._model: Model | None = None
        self._body: ReferenceBody | None = None
        self._nodeId: str | None = None
        self._markers: colors.StatusMarkers | None = None
        self._rows: list[str] = []
        self._picker: placing.ClickPicker | None = None
        self._icons = {status: statusIcon(*colors.mark(status)) for status in Status}
        self._warningIcon = widget.style().standardIcon(qt.QStyle.SP_MessageBoxWarning)
        ui.landmarkSelector.setMRMLScene(slicer.mrmlScene)
        ui.legendLabel.text = self._legend()
        self._prepareTable()
        self._connect()
        widget.connect("contentsCollapsed(bool)", self._onCollapsed)
        self._shortcuts = self._makeShortcuts()
        self._show()

    # --- set-up -----------------------------------------------------------------------------------------

    def _prepareTable(self) -> None:
        table = self.ui.landmarkTable
        table.setColumnCount(4)
        table.setHorizontalHeaderLabels([_("Landmark"), _("Confidence"), _("Status"), ""])
        table.setSelectionBehavior(qt.QAbstractItemView.SelectRows)
        table.setSelectionMode(qt.QAbstractItemView.SingleSelection)
        table.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
        table.setTabKeyNavigation(False)
        table.setShowGrid(False)
        table.setAlternatingRowColors(True)
        table.verticalHeader().setVisible(False)
        table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(NAME, qt.QHeaderView.Stretch)
        for column in (CONFIDENCE, STATUS, WARNING):
            header.setSectionResizeMode(column, qt.QHeaderView.ResizeToContents)

    def _connect(self) -> None:
        ui = self.ui
        ui.landmarkTable.connect("itemSelectionChanged()", self._onRowSelected)
        ui.openOnlyBox.connect("toggled(bool)", lambda *_args: self._fillTable())
        ui.lockBox.connect("toggled(bool)", self._onLock)
        ui.findNearButton.connect("toggled(bool)", self._onFindNear)
        for button, action in (
            (ui.acceptButton, self.accept),
            (ui.missingButton, self.markMissing),
            (ui.restoreButton, self.restore),
            (ui.restoreAllButton, self.restoreAll),
            (ui.previousButton, self.goToPrevious),
            (ui.nextButton, self.goToNext),
            (ui.undoButton, self.undo),
            (ui.redoButton, self.redo),
        ):
            button.connect("clicked(bool)", lambda _checked, action=action: action())

    def _makeShortcuts(self) -> list[qt.QShortcut]:
        ui = self.ui
        return [
            self._shortcut(keys, action)
            for keys, action in (
                ("A", self.accept),
                ("M", self.markMissing),
                ("R", self.restore),
                ("N", self.goToNext),
                ("P", self.goToPrevious),
                ("F", lambda: ui.findNearButton.click()),
                ("L", lambda: ui.lockBox.click()),
                ("Ctrl+Z", self.undo),
                ("Ctrl+Y", self.redo),
                ("Ctrl+Shift+Z", self.redo),
            )
        ]

    def _shortcut(self, keys: str, action: Callable[[], None]) -> qt.QShortcut:
        # Of the window, so that a key works after a click into a view as well. A text field takes letters
        # first, and a panel that is not shown gets none.
        shortcut = qt.QShortcut(qt.QKeySequence(keys), self.widget)
        shortcut.setEnabled(False)

        def activated() -> None:
            if self.session is not None and not self.widget.collapsed:
                action()

        shortcut.connect("activated()", activated)
        # Slicer's own Undo has the same keys where it is switched on, and does the same.
        shortcut.connect("activatedAmbiguously()", activated)
        return shortcut

    def enter(self) -> None:
        """The module is opened: keys mean something."""
        for shortcut in self._shortcuts:
            shortcut.setEnabled(True)

    def exit(self) -> None:
        """Another module is opened: keys and clicks are its own."""
        self._stopPicking()
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)

    def _legend(self) -> str:
        keys = (
            ("A", _("accept")),
            ("M", _("missing")),
            ("R", _("restore")),
            ("N / P", _("next / previous")),
            ("F", _("find again near click")),
            ("L", _("lock")),
            ("Ctrl+Z / Ctrl+Y", _("undo / redo")),
        )
        marks = (
            f'<span style="color:{color}">{colors.SYMBOLS[shape]}</span> {statusText(status)}'
            for status in (
                Status.DETECTED,
                Status.UNCERTAIN,
                Status.CORRECTED,
                Status.ACCEPTED,
                Status.ABSENT,
            )
            for color, shape in [colors.mark(status)]
        )
        # A key and its meaning stay on one line.
        shortcuts = " &nbsp;".join(f"<b>{key}</b> {text}".replace(" ", "&nbsp;") for key, text in keys)
        return f"<small>{' &nbsp;'.join(marks)}<br>{shortcuts}</small>"

    def _onCollapsed(self, isCollapsed: bool) -> None:
        if not isCollapsed:
            self._show()
            self.message.refresh()

    # --- which landmarks --------------------------------------------------------------------------------

    def setLandmarks(self, landmarkNode: slicer.vtkMRMLMarkupsFiducialNode | None) -> None:
        """Review another node, or none."""
        self._tellOfRemoval(landmarkNode)
        self._showSelector()
        current = self.session.landmarkNode if self.session is not None else None
        if landmarkNode is current:
            return
        self.close()
        if landmarkNode is not None:
            self.session = ReviewSession(landmarkNode, self._onReviewChanged)
            self._model = self._modelOf(self.session.review)
            self._body = ReferenceBody(self._model) if self._model is not None else None
            self._nodeId = landmarkNode.GetID()
            self._markers = colors.StatusMarkers(landmarkNode)
            self.addObserver(
                landmarkNode, slicer.vtkMRMLMarkupsNode.PointStartInteractionEvent, self._onPointPicked
            )
            self.selected = next(iter(self.session.review.worst_first()), None)
        self._fillTable()

    def _tellOfRemoval(self, landmarkNode: slicer.vtkMRMLMarkupsFiducialNode | None) -> None:
        """Landmarks that were under review and are gone should not vanish without a word."""
        if self.panel.parameters is None:  # with the whole scene
            self._nodeId = None
        elif landmarkNode is None and self._nodeId and slicer.mrmlScene.GetNodeByID(self._nodeId) is None:
            self._nodeId = None
            self.message.warning(_("The landmarks were removed from the scene."))

    def close(self) -> None:
        """Review nothing."""
        self._stopPicking()
        self.removeObservers()
        if self.session is not None:
            self.session.close()
        if self._markers is not None:
            self._markers.close()
        self._markers = None
        self.session = self.selected = self._model = self._body = None

    def begin(self) -> None:
        """Show the landmark that most needs a look, and take the keys."""
        self.widget.collapsed = False
        if self.session is None:
            return
        first = self.session.review.next_open()
        if first is not None:
            self.select(first)
        self.ui.landmarkTable.setFocus()

    def _modelOf(self, review: Review) -> Model | None:
        """Whose words and picture to show: the model that made it, else one that knows the same landmarks."""
        names = set(review.landmarks.names)
        models = self.panel.usableModels
        return next(
            (model for model in models if model.name == review.prediction.model),
            next((model for model in models if names <= set(model.protocol.names)), None),
        )

    def _onReviewChanged(self) -> None:
        if self.session is not None and self.session.isClosed:
            self.close()
            self._fillTable()
            if self.panel.parameters is not None:  # else the scene is being closed
                self.panel.parameters.landmarks = None
            return
        self._fillTable()

    # --- what is shown ----------------------------------------------------------------------------------

    @property
    def review(self) -> Review | None:
        """The review as it stands."""
        return self.session.review if self.session is not None else None

    def title(self, name: str) -> str:
        """A landmark's name for people."""
        if self._model is not None and name in self._model.protocol.names:
            return self._model.protocol[name].title
        text = name.replace("_", " ")
        return text[:1].upper() + text[1:]

    def _statusText(self, name: str) -> str:
        status = self.review.landmarks[name].status
        if status is Status.ABSENT and not self.review.prediction.model:
            return _("not placed")
        return statusText(status)

    def _fillTable(self) -> None:
        review, table = self.review, self.ui.landmarkTable
        wasBlocked = table.blockSignals(True)
        self._rows = []
        if review is not None:
            isOpenOnly = self.ui.openOnlyBox.checked
            done = set(review.reviewed) if isOpenOnly else set()
            self._rows = [name for name in review.worst_first() if name not in done]
        table.setRowCount(len(self._rows))
        for row, name in enumerate(self._rows):
            self._fillRow(row, review, name)
        if self.selected in self._rows:
            table.selectRow(self._rows.index(self.selected))
        else:
            table.clearSelection()
        table.blockSignals(wasBlocked)
        self._show()

    def _fillRow(self, row: int, review: Review, name: str) -> None:
        predicted, landmark = review.prediction.landmarks[name], review.landmarks[name]
        confidence = "" if predicted.confidence is None else f"{100 * predicted.confidence:.0f} %"
        warnings = review.warnings_of(name)
        for column, text in enumerate((self.title(name), confidence, self._statusText(name), "")):
            item = self._item(row, column)
            item.setText(text)
            if column == NAME:
                item.setIcon(self._icons[landmark.status])
            elif column == WARNING:
                item.setIcon(self._warningIcon if warnings else qt.QIcon())
                item.setToolTip("\n".join(warnings))

    def _item(self, row: int, column: int) -> qt.QTableWidgetItem:
        table = self.ui.landmarkTable
        item = table.item(row, column)
        if item is None:
            item = qt.QTableWidgetItem()
            if column == CONFIDENCE:
                item.setTextAlignment(qt.Qt.AlignCenter)
            table.setItem(row, column, item)
        return item

    def _show(self) -> None:
        """Everything but the table's rows."""
        ui, session, review = self.ui, self.session, self.review
        isThere = review is not None
        done, total = review.progress if isThere else (0, 0)
        self._showSelector()
        ui.progressLabel.text = (
            _("{done} of {total} reviewed").format(done=done, total=total)
            if isThere
            else _("Detect landmarks, place them by hand, or import them.")
        )
        ui.reviewProgressBar.maximum = max(total, 1)
        ui.reviewProgressBar.value = done
        for widget in (
            ui.reviewProgressBar,
            ui.openOnlyBox,
            ui.landmarkTable,
            ui.landmarkDetails,
            ui.previousButton,
            ui.nextButton,
            ui.acceptButton,
            ui.missingButton,
            ui.restoreButton,
            ui.restoreAllButton,
            ui.undoButton,
            ui.redoButton,
            ui.findNearButton,
            ui.lockBox,
            ui.legendLabel,
        ):
            widget.visible = isThere
        if not isThere:
            return
        isSelected = self.selected is not None
        for button in (ui.acceptButton, ui.missingButton, ui.restoreButton):
            button.enabled = isSelected
        ui.restoreAllButton.enabled = bool(review.reviewed)
        ui.undoButton.enabled = session.canUndo
        ui.redoButton.enabled = session.canRedo
        ui.findNearButton.enabled = isSelected and self._canFindNear()
        wasBlocked = ui.lockBox.blockSignals(True)
        ui.lockBox.checked = session.isLocked
        ui.lockBox.blockSignals(wasBlocked)
        self._showDetails()

    def _showSelector(self) -> None:
        """A choice is offered only where there is one."""
        selector = self.ui.landmarkSelector
        selector.visible = selector.nodeCount() > (0 if self.session is None else 1)

    def _showDetails(self) -> None:
        ui, name = self.ui, self.selected
        picture = self._body.closeUp(*PICTURE_SIZE, name) if self._body is not None and name else None
        ui.landmarkPicture.visible = picture is not None
        if picture is not None:
            ui.landmarkPicture.setPixmap(picture)
        ui.landmarkText.text = self._details(name) if name else ""

    def _details(self, name: str) -> str:
        review = self.review
        landmark = review.landmarks[name]
        lines = [f"<b>{escape(self.title(name))}</b>", escape(landmark.description)]
        lines += [f"&#9888; {escape(warning)}" for warning in review.warnings_of(name)]
        predicted = review.prediction.landmarks[name]
        if landmark.status is Status.CORRECTED and predicted.is_present:
            distance = float(((landmark.position - predicted.position) ** 2).sum() ** 0.5)
            moved = _("Moved by {distance} mm from where the model had it.").format(
                distance=f"{distance:.1f}"
            )
            lines.append(escape(moved))
        return "".join(f'<p style="margin:0 0 6px 0">{line}</p>' for line in lines if line)

    # --- going from one to the next ---------------------------------------------------------------------

    def select(self, name: str, center: bool = True) -> None:
        """Go to a landmark: its row, its words and its picture, and the views unless ``center`` is False."""
        self.selected = name
        table = self.ui.landmarkTable
        wasBlocked = table.blockSignals(True)
        if name in self._rows:
            row = self._rows.index(name)
            table.setCurrentCell(row, NAME)
            table.scrollToItem(table.item(row, NAME))
        else:
            table.clearSelection()
        table.blockSignals(wasBlocked)
        self._show()
        if center:
            self._center()

    def goToNext(self) -> None:
        """The row below."""
        self._go(1)

    def goToPrevious(self) -> None:
        """The row above."""
        self._go(-1)

    def _go(self, step: int) -> None:
        if self._rows:
            row = self._rows.index(self.selected) + step if self.selected in self._rows else 0
            self.select(self._rows[min(max(row, 0), len(self._rows) - 1)])

    def _center(self) -> None:
        position = self.session.worldPosition(self.selected)
        if position is None:  # where the model had it, if it had it anywhere
            predicted = self.review.prediction.landmarks[self.selected]
            if predicted.is_present:
                position = worldPosition(self.session.landmarkNode, predicted.position)
        index = self.review.landmarks.names.index(self.selected)
        views.highlight(self.session.landmarkNode, index)
        if position is not None:
            views.centerOn(position)

    def _onRowSelected(self) -> None:
        row = self.ui.landmarkTable.currentRow()
        if self.session is not None and 0 <= row < len(self._rows):
            self.select(self._rows[row])

    def _onPointPicked(self, caller: Any, _event: object) -> None:
        display = caller.GetDisplayNode()
        index = display.GetActiveControlPoint() if display is not None else -1
        names = self.review.landmarks.names if self.session is not None else ()
        if 0 <= index < len(names):
            self.select(names[index], center=False)

    # --- what a person says -----------------------------------------------------------------------------

    def accept(self) -> None:
        """The selected landmark is right; go to the next open one."""
        self._settle(lambda session, name: session.accept(name))

    def markMissing(self) -> None:
        """The selected landmark is not in the image; go to the next open one."""
        self._settle(lambda session, name: session.markMissing(name))

    def _settle(self, step: Callable[[ReviewSession, str], None]) -> None:
        if self.session is None or self.selected is None:
            return
        self.panel.clearMessages()
        settled = self.selected
        step(self.session, settled)
        following = self.review.next_open(settled)
        if following is not None:
            self.select(following)
        else:
            self._show()
            self.message.information(
                _("All {count} landmarks are reviewed.").format(count=len(self.review.landmarks))
            )

    def restore(self) -> None:
        """Back to what the model said of the selected landmark."""
        if self.session is not None and self.selected is not None:
            self.panel.clearMessages()
            self.session.restore(self.selected)
            self._center()

    def restoreAll(self) -> None:
        """Back to what the model said of every landmark; undo takes it back."""
        if self.session is not None:
            self.panel.clearMessages()
            self.session.restoreAll()

    def undo(self) -> None:
        """Take the last step back."""
        if self.session is not None:
            self.panel.clearMessages()
            self.session.undo()

    def redo(self) -> None:
        """Do the step again that was taken back."""
        if self.session is not None:
            self.panel.clearMessages()
            self.session.redo()

    def _onLock(self, isLocked: bool) -> None:
        if self.session is not None:
            self.session.setLocked(isLocked)

    # --- find again near a click ------------------------------------------------------------------------

    def _canFindNear(self) -> bool:
        """Only the model that made the review can look again, and only in its volume."""
        review, model = self.review, self._model
        return (
            model is not None
            and model.name == review.prediction.model
            and nodes.volumeOf(self.session.landmarkNode) is not None
        )

    def _onFindNear(self, isOn: bool) -> None:
        if not isOn:
            self._stopPicking()
            return
        self.panel.clearMessages()
        self.message.information(
            _("Click near the {landmark} in a view.").format(landmark=self.title(self.selected).lower())
        )
        self._picker = placing.ClickPicker(self._onClicked, self._stopPicking)

    def _stopPicking(self) -> None:
        picker, self._picker = self._picker, None
        if picker is not None:
            picker.stop()
            self.message.clear()
        if self.ui.findNearButton.checked:
            self.ui.findNearButton.checked = False

    def _onClicked(self, position: list[float]) -> None:
        self._picker = None
        self._stopPicking()
        name, session = self.selected, self.session
        self.message.information(_("Looking for the {landmark}...").format(landmark=self.title(name).lower()))

        def found(landmark: Landmark) -> None:
            self.message.clear()
            if self.session is not session or session.isClosed:
                return
            if not landmark.is_present:
                self.message.warning(_("Nothing like it is near the click; drag the point instead."))
                return
            session.correct(name, landmark.position)
            self.select(name)

        detecting.locateNear(
            self.panel.logic.worker,
            nodes.volumeOf(session.landmarkNode),
            self._model.name,
            name,
            position,
            found,
            self.message.error,
        )
