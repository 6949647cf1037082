"""The list of cases, and going from one to the next."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from LandmarkDetectionSlicer.scene import volumes

from LandmarkDetectionLib.errors import LandmarkDetectionError
from LandmarkDetectionLib.io.shared_review import RENEW_SECONDS
from LandmarkDetectionViewer import surfaces
from LandmarkDetectionViewer.host import QTimer

if TYPE_CHECKING:
    import slicer

    from LandmarkDetectionViewer.cases import Cases, Entry
    from LandmarkDetectionViewer.desk import PageDesk

SAY_SECONDS = 0.05
"""The page says that a case is being opened before its image is read, which holds everything up."""


class Opening:
    """Which case is open, and which are there.

    Parameters
    ----------
    desk
        Of the page.
    cases
        What is there.

    Attributes
    ----------
    entries
        The cases as they are listed, the worst first.
    """

    def __init__(self, desk: PageDesk, cases: Cases) -> None:
        self._desk, self._cases = desk, cases
        self.entries: list[Entry] = []
        self._asked: asyncio.TimerHandle | None = None
        self._askedRow = -1
        self._aside = ""
        self._marks = QTimer()
        self._marks.setInterval(round(1000 * RENEW_SECONDS))
        self._marks.connect("timeout()", self._lookForMarks)
        self._looking: asyncio.Task[None] | None = None
        self._drawing: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """List the cases, and open the worst one."""
        try:
            self.entries = self._cases.entries()
        except LandmarkDetectionError as problem:
            self._desk.message.error(str(problem))
        self._desk.state.cases = [{**asdict(one), "open": False} for one in self.entries]
        first = next((row for row, one in enumerate(self.entries) if not one.reason), None)
        if first is not None:
            self.open(first)
        elif not self._desk.state.messageText:
            self._desk.message.warning("There is no case with a result; run the batch first.")
        self._marks.start()
        self._lookForMarks()

    def open(self, row: int) -> None:
        """Save the open case, and open one of the list."""
        if not 0 <= row < len(self.entries):
            return
        if reason := self.entries[row].reason:
            self._desk.message.warning(reason)
            return
        self._desk.keeping.before(lambda: self._ask(row))

    def go(self, step: int) -> None:
        """The case so many rows below that can be opened."""
        rows = [row for row, one in enumerate(self.entries) if not one.reason]
        row = self._askedRow if self._asked is not None else self._desk.state.case
        if row in rows and 0 <= (place := rows.index(row) + step) < len(rows):
            self.open(rows[place])
        elif rows:
            self._desk.message.information(
                "This is the last case." if step > 0 else "This is the first case."
            )

    def showProgress(self, done: int, total: int) -> None:
        """So much of the open case is reviewed, and saved."""
        state = self._desk.state
        state.cases = [
            {**one, "done": done, "total": total} if number == state.case else one
            for number, one in enumerate(state.cases)
        ]

    def _ask(self, row: int) -> None:
        self._desk.stopDetecting()
        self._desk.message.information(f"Opening {self.entries[row].key}...")
        self._desk.state.isOpening = True
        if self._asked is not None:  # only the last of many quick steps is opened
            self._asked.cancel()
        self._askedRow = row
        self._asked = asyncio.get_event_loop().call_later(SAY_SECONDS, self._openNow, row)

    def _openNow(self, row: int) -> None:
        desk, entry = self._desk, self.entries[row]
        self._asked = None
        try:
            case = self._cases.case(entry, desk.reviewer)
        except LandmarkDetectionError as problem:
            desk.state.isOpening = False
            desk.message.error(str(problem))
            return
        desk.message.clear()
        if not desk.review.leave():
            desk.state.isOpening = False
            return
        # Where what was said of the case before is, when somebody else's review of it stands.
        self._aside = desk.state.messageText
        desk.forget()
        desk.state.case = row
        # Of a cohort, a case is one model's.
        usable = [model.name for model in desk.models.usable]
        desk.state.models = [one for one in usable if entry.model in ("", one)]
        desk.state.model = desk.proposed if desk.proposed in desk.state.models else entry.model
        desk.review.openCase(case)

    def onOpened(
        self,
        volumeNode: slicer.vtkMRMLScalarVolumeNode,
        landmarkNode: slicer.vtkMRMLMarkupsFiducialNode | None,
    ) -> None:
        """The case is there."""
        desk = self._desk
        desk.state.isOpening = False
        desk.volumeNode = volumeNode
        desk.message.clear()
        desk.views.show(volumeNode)
        desk.state.layout = desk.views.layouts.layout_id
        problem = volumes.refusal(volumeNode)
        if landmarkNode is not None:
            desk.take(landmarkNode)
        if problem:
            desk.message.error(problem)
        elif self._aside:
            desk.message.warning(self._aside)
        elif others := desk.review.others:
            desk.message.warning(f"{others[0]} What both say will be compared when it is saved.")
        elif remark := volumes.remark(volumeNode):
            desk.message.information(remark)
        desk.showReview()
        if not problem and desk.views.isVolume:
            self._drawing = asyncio.get_event_loop().create_task(self._drawSurfaces(volumeNode))

    async def _drawSurfaces(self, volumeNode: slicer.vtkMRMLScalarVolumeNode) -> None:
        volume = volumes.readVolume(volumeNode)
        voxels, matrix = np.array(volume.voxels), volume.ijk_to_ras
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(None, surfaces.surfaces, voxels, matrix)
        if self._desk.volumeNode is volumeNode:
            surfaces.show(found)

    def _lookForMarks(self) -> None:
        """Others come and go; a cohort of thousands is looked through beside the page, not before it."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_event_loop().create_task(self._showMarks())

    async def _showMarks(self) -> None:
        def look() -> list[bool]:
            return [not one.reason and self._cases.reviewing(one) for one in self.entries]

        opened = await asyncio.get_running_loop().run_in_executor(None, look)
        state: Any = self._desk.state
        state.cases = [{**one, "open": isOpen} for one, isOpen in zip(state.cases, opened, strict=True)]

    def close(self) -> None:
        """Look no longer."""
        self._marks.stop()
