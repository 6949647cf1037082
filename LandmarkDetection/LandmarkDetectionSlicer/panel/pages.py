"""The pages of the panel: one at a time; the everyday ones have a button each, the others share a menu."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

import qt
from slicer.i18n import tr as _

if TYPE_CHECKING:
    from LandmarkDetectionSlicer.panel.message import MessageLine

IMPORTED_LATER = (
    "numpy.ma",  # numpy itself imports it when it is first asked for a quantile
    "LandmarkDetectionLib.measurement.from_files",
    "LandmarkDetectionLib.reporting.case",
    "LandmarkDetectionLib.alignment.frames",
    "LandmarkDetectionLib.cohort.results.reviews",
    "LandmarkDetectionLib.io.dicom_sr",
    "LandmarkDetectionSlicer.panel.batch_cases",
    "LandmarkDetectionSlicer.panel.batch_choices",
)


class Page(Protocol):
    """What the stack needs of a page.

    Attributes
    ----------
    heading
        On its button, or in the menu.
    widget
        All of it.
    message
        The one sentence it has to say.
    """

    heading: str
    widget: Any
    message: MessageLine

    def turned(self, isShown: bool) -> None:
        """It has come to the front, or has gone behind another."""


class Pages:
    """A row of buttons above a stack; what is not in front keeps its state.

    Parameters
    ----------
    everyday, others
        Pages with a button, the first of which is shown at first, and pages of the menu.

    Attributes
    ----------
    widget
        The row and the stack.
    current
        The page in front.
    """

    def __init__(self, everyday: Sequence[Page], others: Sequence[Page]) -> None:
        self._pages = (*everyday, *others)
        self._others = others
        self.widget = qt.QWidget()
        layout = qt.QVBoxLayout(self.widget)
        layout.setContentsMargins(0, 0, 0, 0)
        row = qt.QHBoxLayout()
        row.setSpacing(2)
        layout.addLayout(row)
        self._stack = qt.QStackedWidget()
        layout.addWidget(self._stack, 1)
        self._buttons = [_button(page.heading) for page in everyday]
        for page, button in zip(everyday, self._buttons, strict=True):
            button.connect("clicked(bool)", lambda _checked, page=page: self.show(page))
        # Kept here: in Slicer nobody else does.
        self._menu = qt.QMenu(self.widget)
        self._actions = [self._menu.addAction(page.heading) for page in others]
        for page, action in zip(others, self._actions, strict=True):
            action.connect("triggered(bool)", lambda _checked, page=page: self.show(page))
        self.moreButton = _button(_("More"))
        self.moreButton.setMenu(self._menu)
        self.moreButton.setPopupMode(qt.QToolButton.InstantPopup)
        for button in (*self._buttons, self.moreButton):
            row.addWidget(button)
        row.addStretch(1)
        for page in self._pages:
            self._stack.addWidget(page.widget)
        self.current = self._pages[0]
        self._showCurrent()

    def __iter__(self) -> Iterator[Page]:
        return iter(self._pages)

    def show(self, page: Page) -> None:
        """Bring a page to the front."""
        before, self.current = self.current, page
        self._showCurrent()
        if page is not before:
            before.turned(False)
            page.turned(True)

    def _showCurrent(self) -> None:
        self._stack.setCurrentWidget(self.current.widget)
        for page in self._pages:
            # The stack is as large as the page in front needs, not as the largest.
            size = qt.QSizePolicy.Expanding if page is self.current else qt.QSizePolicy.Ignored
            page.widget.setSizePolicy(size, size)
        for page, button in zip(self._pages, self._buttons, strict=False):
            button.checked = page is self.current
        isOther = self.current in self._others
        self.moreButton.checked = isOther
        self.moreButton.text = self.current.heading if isOther else _("More")


def importForPages() -> None:
    """Import what pages need when they are first shown, in a thread while nobody waits for it."""
    with suppress(ImportError):  # packages are missing; the pages say so
        for module in IMPORTED_LATER:
            importlib.import_module(module)


def _button(text: str) -> qt.QToolButton:
    button = qt.QToolButton()
    button.text = text
    button.checkable = True
    button.autoRaise = True
    button.focusPolicy = qt.Qt.TabFocus
    return button
