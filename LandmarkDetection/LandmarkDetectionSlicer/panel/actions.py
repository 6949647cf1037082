"""What a review can do beyond its buttons: a menu that names the keys, and the keys themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import qt
import slicer
from slicer.i18n import tr as _

from LandmarkDetectionLib.core.landmarks import Status
from LandmarkDetectionSlicer.scene import nodes, rendering

if TYPE_CHECKING:
    from LandmarkDetectionSlicer.panel.review import ReviewPage


class ReviewActions:
    """The menu of the page Review, and all of its keys.

    Parameters
    ----------
    page
        What is reviewed.
    detectAgain, save, open
        Called by the entries of these names.

    Attributes
    ----------
    previous, absent, restore, restoreAll, redo, findNear, lock, down, up, inThreeD, detectAgain, save, open
        The entries, in their order; ``findNear``, ``lock`` and ``inThreeD`` stay down.
    """

    def __init__(
        self,
        page: ReviewPage,
        detectAgain: Callable[[], None],
        save: Callable[[], None],
        open: Callable[[], None],
    ) -> None:
        self._page = page
        # Kept here: in Slicer nobody else does.
        self._menu = qt.QMenu(page.widget)
        self.previous = self._entry(_("Previous"), "P", page.desk.goToPrevious)
        self.absent = self._entry(
            _("All not in the scan are missing"), "Shift+M", page.desk.markAbsentMissing
        )
        self.restore = self._entry(_("Restore what the model said"), "R", page.desk.restore)
        self.restoreAll = self._entry(_("Restore all landmarks"), "", page.desk.restoreAll)
        self.redo = self._entry(_("Redo"), "Ctrl+Y", page.desk.redo)
        self._menu.addSeparator()
        self.findNear = self._entry(_("Find again near a click"), "F", None)
        self.lock = self._entry(_("Lock points against the mouse"), "L", None)
        self.down = self._entry(_("All vertebrae one down"), "D", lambda: page.desk.shiftLevels(1))
        self.up = self._entry(_("All vertebrae one up"), "U", lambda: page.desk.shiftLevels(-1))
        self.inThreeD = self._entry(rendering.label(None), "V", None)
        self._menu.addSeparator()
        self.detectAgain = self._entry(_("Detect again"), "", detectAgain)
        self.save = self._entry(_("Save landmarks..."), "", save)
        self.open = self._entry(_("Open landmarks..."), "", open)
        self.findNear.checkable = self.lock.checkable = self.inThreeD.checkable = True
        self.inThreeD.connect("toggled(bool)", page.desk.showVolume)
        self.lock.connect("toggled(bool)", page.desk.setLocked)
        self._menu.connect("aboutToShow()", self._nameRendering)  # looks at the voxels for it
        page.ui.actionsButton.setMenu(self._menu)
        self._shortcuts: list[qt.QShortcut] = []

    def bindKeys(self, widget: Any) -> None:
        """Make the keys those of the window that holds a widget, while that is visible."""
        desk = self._page.desk
        here = (
            ("A", desk.accept),
            ("M", desk.markMissing),
            ("Shift+M", desk.markAbsentMissing),
            ("Z", desk.undo),
            ("N", desk.goToNext),
            ("P", desk.goToPrevious),
            ("R", desk.restore),
            ("D", lambda: desk.shiftLevels(1)),
            ("U", lambda: desk.shiftLevels(-1)),
            ("F", self.findNear.trigger),
            ("L", self.lock.trigger),
            ("V", self.inThreeD.trigger),
        )
        everywhere = (
            ("Ctrl+Z", desk.undo),
            ("Ctrl+Y", desk.redo),
            ("Ctrl+Shift+Z", desk.redo),
        )
        for keys, action in here:
            self._shortcuts.append(self._shortcut(widget, keys, action, isEverywhere=False))
        for keys, action in everywhere:
            self._shortcuts.append(self._shortcut(widget, keys, action, isEverywhere=True))

    def _entry(self, text: str, key: str, action: Callable[[], None] | None) -> qt.QAction:
        # What follows a tab is shown where keys are; the keys themselves are shortcuts of the window.
        entry = self._menu.addAction(f"{text}\t{key}" if key else text)
        if action is not None:
            entry.connect("triggered(bool)", lambda _checked: action())
        return entry

    @property
    def _volumeNode(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        """Whose landmarks are under review."""
        session = self._page.session
        node = session.landmarkNode if session is not None else None
        return nodes.volumeOf(node) if node is not None else None

    def _nameRendering(self) -> None:
        self.inThreeD.text = f"{rendering.label(self._volumeNode)}\tV"

    def _shortcut(
        self, widget: Any, keys: str, action: Callable[[], None], isEverywhere: bool
    ) -> qt.QShortcut:
        # Of the window, so that a key works after a click into a view as well. A text field takes letters
        # first.
        shortcut = qt.QShortcut(qt.QKeySequence(keys), widget)
        shortcut.setEnabled(False)
        page = self._page

        def activated() -> None:
            if isEverywhere or (page.session is not None and page.isShown):
                action()

        shortcut.connect("activated()", activated)
        # Slicer's own Undo has the same keys where it is switched on, and does the same.
        shortcut.connect("activatedAmbiguously()", activated)
        return shortcut

    def listen(self, isListening: bool) -> None:
        """Keys mean something while the module is open."""
        for shortcut in self._shortcuts:
            shortcut.setEnabled(isListening)

    def refresh(self) -> None:
        """Offer what can be done now."""
        page, session, review = self._page, self._page.session, self._page.review
        self.save.enabled = session is not None
        if session is None or review is None:
            return
        for entry in (self.previous, self.restore):
            entry.enabled = page.selected is not None
        self.restoreAll.enabled = bool(review.reviewed)
        self.absent.enabled = any(mark.status is Status.ABSENT for mark in review.landmarks)
        self.redo.enabled = session.canRedo
        self.findNear.enabled = page.canFindNear
        self.detectAgain.enabled = page.canDetect()
        self.down.visible = self.up.visible = page.model is not None and bool(page.model.protocol.chain)
        self.inThreeD.enabled = rendering.isPossible(self._volumeNode)
        for entry, isOn in ((self.lock, session.isLocked), (self.inThreeD, session.isVolumeShown)):
            wasBlocked = entry.blockSignals(True)
            entry.checked = isOn
            entry.blockSignals(wasBlocked)
