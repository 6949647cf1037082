"""Let the model look for one landmark again, near a click."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slicer.i18n import tr as _

from LandmarkDetectionSlicer.logic import detecting
from LandmarkDetectionSlicer.logic.placing import ClickPicker
from LandmarkDetectionSlicer.scene import nodes

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.landmarks import Landmark
    from LandmarkDetectionSlicer.logic.review_desk import ReviewDesk


class FindNear:
    """Part of a desk: waits for a click in a view.

    Parameters
    ----------
    desk
        The review; the landmark that is selected there when the wait begins is looked for.
    """

    def __init__(self, desk: ReviewDesk) -> None:
        self._desk = desk
        self._picker: ClickPicker | None = None
        self._name = ""

    @property
    def isWaiting(self) -> bool:
        """Whether the next click in a view is where to look."""
        return self._picker is not None

    def isPossible(self) -> bool:
        """Only the model that made the review can look again, and only in its volume."""
        desk, session, model = self._desk, self._desk.session, self._desk.model
        return (
            desk.selected is not None
            and model is not None
            and session is not None
            and session.landmarkNode is not None
            and model.capabilities.finds_near
            and model.name == session.review.prediction.model
            and nodes.volumeOf(session.landmarkNode) is not None
        )

    def start(self) -> None:
        """Wait for a click; nothing when nobody could look there."""
        if self.isWaiting or not self.isPossible():
            return
        self._desk.window.clearMessages()
        self._name = self._desk.selected or ""
        self._say(_("Click near the {landmark} in a view."))
        self._picker = ClickPicker(self._onClicked, self.stop)

    def stop(self) -> None:
        """Wait for a click no longer."""
        picker, self._picker = self._picker, None
        if picker is not None:
            picker.stop()
            self._desk.window.message.clear()
        self._desk.window.findNearStopped()

    def _say(self, sentence: str) -> None:
        title = self._desk.title(self._name).lower()
        self._desk.window.message.information(sentence.format(landmark=title))

    def _onClicked(self, position: list[float]) -> None:
        self._picker = None
        self.stop()
        desk, session, name = self._desk, self._desk.opened, self._name
        message = desk.window.message
        volumeNode = nodes.volumeOf(session.node)
        if volumeNode is None:  # deleted while the click was waited for
            return
        self._say(_("Looking for the {landmark}..."))

        def found(landmark: Landmark) -> None:
            message.clear()
            if desk.session is not session or session.isClosed:
                return
            if not landmark.is_present:
                message.warning(_("Nothing like it is near the click; drag the point instead."))
                return
            session.correct(name, landmark.position)
            desk.select(name)

        detecting.locateNear(
            desk.window.worker,
            volumeNode,
            session.review.prediction.model,
            name,
            position,
            found,
            message.error,
            threshold=detecting.givenThreshold(session.review.prediction),
            side=session.review.prediction.used.side or "auto",
        )
