"""Finding landmarks in the open image, with the time left, until it is done or cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from LandmarkDetectionSlicer.logic.detecting import DetectionRun

from LandmarkDetectionLib.wording import counted

if TYPE_CHECKING:
    import slicer

    from LandmarkDetectionViewer.desk import PageDesk


class Finding:
    """The detection that runs, if one does.

    Parameters
    ----------
    desk
        Of the page.
    """

    def __init__(self, desk: PageDesk) -> None:
        self._desk = desk
        self._run: DetectionRun | None = None

    def start(self) -> None:
        """Find landmarks with the chosen model, unless it would take the place of what was reviewed."""
        desk, state = self._desk, self._desk.state
        if desk.volumeNode is None or not state.model or self._run is not None:
            return
        desk.message.clear()
        review = desk.desk.review
        if review is not None and review.reviewed and review.prediction.model != state.model:
            desk.message.warning(
                f"{counted(len(review.reviewed), 'landmark is', 'landmarks are')} reviewed, and another "
                f"model would take {'its' if len(review.reviewed) == 1 else 'their'} place; choose "
                f"{review.prediction.model or 'none'}, or restore "
                f"{'it' if len(review.reviewed) == 1 else 'them'} first."
            )
            return
        state.progress, state.progressText = 0, "Starting"
        state.isDetecting = True
        self._run = DetectionRun(
            desk.worker,
            desk.volumeNode,
            state.model,
            onProgress=self._onProgress,
            onFinished=self._onFinished,
            onFailed=self._onFailed,
        )
        self._run.start()

    def stop(self) -> None:
        """Stop it; nothing has changed."""
        if self._run is not None:
            self._run.cancel()

    def _onProgress(self, share: float, text: str, secondsLeft: float | None) -> None:
        left = "" if secondsLeft is None else f", {secondsLeft:.0f} s left"
        self._desk.state.progress = round(100 * share)
        self._desk.state.progressText = f"{text[:1].upper()}{text[1:]}{left}"

    def _onFinished(self, landmarkNode: slicer.vtkMRMLMarkupsFiducialNode, sentence: str) -> None:
        self._run, self._desk.state.isDetecting = None, False
        self._desk.takeDetected(landmarkNode, sentence)

    def _onFailed(self, sentence: str) -> None:
        self._run, self._desk.state.isDetecting = None, False
        self._desk.message.error(sentence)
