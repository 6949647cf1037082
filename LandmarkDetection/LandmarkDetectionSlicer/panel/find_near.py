"""Let the model look for one landmark again, near a click."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from LandmarkDetectionSlicer.logic import detecting
from LandmarkDetectionSlicer.logic.placing import ClickPicker
from LandmarkDetectionSlicer.scene import nodes

if TYPE_CHECKING:
    from LandmarkDetectionLib.landmarks import Landmark
    from LandmarkDetectionSlicer.panel.review import ReviewSection


class FindNear:
    """The button of the review that waits for a click in a view.

    Parameters
    ----------
    section
        The review; the landmark that is selected there when the button is pressed is looked for.
    button
        Stays down while a click is waited for.
    """

    def __init__(self, section: ReviewSection, button: Any) -> None:
        self._section = section
        self._button = button
        self._picker: ClickPicker | None = None
        self._name = ""
        button.connect("toggled(bool)", self._onToggled)

    def isPossible(self) -> bool:
        """Only the model that made the review can look again, and only in its volume."""
        section = self._section
        return (
            section.selected is not None
            and section.model is not None
            and section.model.name == section.review.prediction.model
            and nodes.volumeOf(section.session.landmarkNode) is not None
        )

    def stop(self) -> None:
        """Wait for a click no longer."""
        picker, self._picker = self._picker, None
        if picker is not None:
            picker.stop()
            self._section.message.clear()
        if self._button.checked:
            self._button.checked = False

    def _onToggled(self, isOn: bool) -> None:
        if not isOn:
            self.stop()
            return
        section = self._section
        section.panel.clearMessages()
        self._name = section.selected
        self._say(_("Click near the {landmark} in a view."))
        self._picker = ClickPicker(self._onClicked, self.stop)

    def _say(self, sentence: str) -> None:
        title = self._section.title(self._name).lower()
        self._section.message.information(sentence.format(landmark=title))

    def _onClicked(self, position: list[float]) -> None:
        self._picker = None
        self.stop()
        section, session, name = self._section, self._section.session, self._name
        self._say(_("Looking for the {landmark}..."))

        def found(landmark: Landmark) -> None:
            section.message.clear()
            if section.session is not session or session.isClosed:
                return
            if not landmark.is_present:
                section.message.warning(_("Nothing like it is near the click; drag the point instead."))
                return
            session.correct(name, landmark.position)
            section.select(name)

        detecting.locateNear(
            section.panel.logic.worker,
            nodes.volumeOf(session.landmarkNode),
            section.model.name,
            name,
            position,
            found,
            section.message.error,
            side=section.review.prediction.parameters.get("side", "auto"),
        )
