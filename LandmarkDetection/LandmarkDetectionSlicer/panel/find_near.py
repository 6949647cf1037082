"""Let the model look for one landmark again, near a click."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from LandmarkDetectionSlicer.logic import detecting
from LandmarkDetectionSlicer.logic.placing import ClickPicker
from LandmarkDetectionSlicer.scene import nodes

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.landmarks import Landmark
    from LandmarkDetectionSlicer.panel.review import ReviewPage


class FindNear:
    """The entry of the menu that waits for a click in a view.

    Parameters
    ----------
    page
        The review; the landmark that is selected there when the entry is chosen is looked for.
    entry
        Stays down while a click is waited for.
    """

    def __init__(self, page: ReviewPage, entry: Any) -> None:
        self._page = page
        self._entry = entry
        self._picker: ClickPicker | None = None
        self._name = ""
        entry.connect("toggled(bool)", self._onToggled)

    def isPossible(self) -> bool:
        """Only the model that made the review can look again, and only in its volume."""
        page, session, model = self._page, self._page.session, self._page.model
        return (
            page.selected is not None
            and model is not None
            and session is not None
            and session.landmarkNode is not None
            and model.name == session.review.prediction.model
            and nodes.volumeOf(session.landmarkNode) is not None
        )

    def stop(self) -> None:
        """Wait for a click no longer."""
        picker, self._picker = self._picker, None
        if picker is not None:
            picker.stop()
            self._page.message.clear()
        if self._entry.checked:
            self._entry.checked = False

    def _onToggled(self, isOn: bool) -> None:
        if not isOn:
            self.stop()
            return
        page = self._page
        page.context.actions.clearMessages()
        self._name = page.selected or ""
        self._say(_("Click near the {landmark} in a view."))
        self._picker = ClickPicker(self._onClicked, self.stop)

    def _say(self, sentence: str) -> None:
        title = self._page.title(self._name).lower()
        self._page.message.information(sentence.format(landmark=title))

    def _onClicked(self, position: list[float]) -> None:
        self._picker = None
        self.stop()
        page, session, name = self._page, self._page.opened, self._name
        volumeNode = nodes.volumeOf(session.node)
        if volumeNode is None:  # deleted while the click was waited for
            return
        self._say(_("Looking for the {landmark}..."))

        def found(landmark: Landmark) -> None:
            page.message.clear()
            if page.session is not session or session.isClosed:
                return
            if not landmark.is_present:
                page.message.warning(_("Nothing like it is near the click; drag the point instead."))
                return
            session.correct(name, landmark.position)
            page.select(name)

        detecting.locateNear(
            page.context.logic.worker,
            volumeNode,
            session.review.prediction.model,
            name,
            position,
            found,
            page.message.error,
            threshold=detecting.givenThreshold(session.review.prediction),
            side=session.review.prediction.used.side or "auto",
        )
