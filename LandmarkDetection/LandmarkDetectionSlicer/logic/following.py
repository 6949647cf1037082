"""The other landmarks follow corrections: what a choice of the person sets going."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slicer.i18n import tr as _

from LandmarkDetectionSlicer.logic.propagation import Propagator
from LandmarkDetectionSlicer.scene import nodes
from LandmarkDetectionSlicer.scene.choices import Others
from LandmarkDetectionSlicer.scene.ghosts import Ghosts

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.landmarks import LandmarkSet
    from LandmarkDetectionSlicer.logic.review_desk import ReviewDesk


class Following:
    """Part of a desk; nothing is made before the first correction that others follow.

    Parameters
    ----------
    desk
        The review.
    """

    def __init__(self, desk: ReviewDesk) -> None:
        self._desk = desk
        self._propagator: Propagator | None = None
        self._ghosts: Ghosts | None = None
        self._before: LandmarkSet | None = None  # the last step
        self._beforeDrag: LandmarkSet | None = None

    def isPossible(self) -> bool:
        """Only the model that made the review can say it, only in its volume, and not every model can."""
        session, model = self._desk.session, self._desk.model
        return (
            session is not None
            and model is not None
            and session.landmarkNode is not None
            and model.name == session.review.prediction.model
            and model.capabilities.propagates
            and nodes.volumeOf(session.landmarkNode) is not None
        )

    def begin(self) -> None:
        """Another review begins."""
        self._ghosts = Ghosts(self._desk.opened.node)

    def end(self) -> None:
        """The review ends."""
        if self._propagator is not None:
            self._propagator.close()
        if self._ghosts is not None:
            self._ghosts.close()
        self._propagator = self._ghosts = self._before = self._beforeDrag = None

    @property
    def ghosts(self) -> Ghosts | None:
        """Where the landmarks were; None without a review."""
        return self._ghosts

    def onSettled(self) -> None:
        """A person has settled something."""
        # What followed while dragging has its dots already.
        self._before, self._beforeDrag = self._beforeDrag, None
        if self._ghosts is not None and self._before is None:
            self._ghosts.clear()
        if self._choice() is not Others.STAY:
            self._ask()

    def forget(self) -> None:
        """Undone or done again: where landmarks were no longer means anything."""
        self._before = self._beforeDrag = None
        if self._ghosts is not None:
            self._ghosts.clear()

    def onDragged(self) -> None:
        """A point is on its way."""
        if self._choice() is Others.LIVE:
            if self._beforeDrag is None:
                self._beforeDrag = self._desk.opened.review.landmarks
            self._ask()

    def _choice(self) -> Others:
        return self._desk.window.others if self.isPossible() else Others.STAY

    def _ask(self) -> None:
        desk = self._desk
        if self._propagator is None:
            self._propagator = Propagator(
                desk.opened,
                desk.window.worker,
                desk.opened.review.prediction.model,
                self._onAnswered,
                desk.window.message.error,
            )
        self._propagator.ask()

    def _onAnswered(self, before: LandmarkSet) -> None:
        desk = self._desk
        if self._ghosts is None or desk.session is None:  # the review has ended
            return
        if self._before is None:
            self._before = before
        count = self._ghosts.show(self._beforeDrag or self._before, desk.session.review.landmarks)
        if count and not desk.session.isDragging:
            text = _("{count} other landmarks moved.") if count > 1 else _("Another landmark moved.")
            desk.window.message.information(text.format(count=count))
