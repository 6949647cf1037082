"""The axes of the body by its landmarks: views straightened, the volume aligned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import slicer
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from LandmarkDetectionLib.errors import LandmarkDetectionError
from LandmarkDetectionSlicer.logic import frames
from LandmarkDetectionSlicer.panel.message import MessageLine
from LandmarkDetectionSlicer.process import packages
from LandmarkDetectionSlicer.scene.nodes import POINTS_CHANGED, loadWorldReview

if TYPE_CHECKING:
    from LandmarkDetectionLib.alignment.frames import PlacedFrame
    from LandmarkDetectionLib.core.protocol import Protocol
    from LandmarkDetectionLib.core.review import Review
    from LandmarkDetectionSlicer.panel.context import PanelContext


class FramesPage(VTKObservationMixin):
    """The page Axes of the body.

    Parameters
    ----------
    context
        What it needs of the rest of the panel.
    widget
        Loaded from ``frames.ui``.
    """

    def __init__(self, context: PanelContext, widget: Any) -> None:
        super().__init__()
        self.context = context
        self.heading = _("Axes of the body")
        self.widget = widget
        self._isShown = False
        self.ui = ui = slicer.util.childWidgetVariables(widget)
        self.message = MessageLine(ui.messageIcon, ui.messageText)
        self.placed: tuple[PlacedFrame, ...] = ()
        self._node: slicer.vtkMRMLMarkupsFiducialNode | None = None
        self._framed: tuple[Protocol, Protocol] | None = None
        ui.frameSelector.connect("currentIndexChanged(int)", lambda *_args: self._show())
        ui.straightenButton.connect("clicked(bool)", self._onStraighten)
        ui.scannedButton.connect("clicked(bool)", self._onScanned)
        ui.alignButton.connect("clicked(bool)", self._onAlign)
        ui.undoButton.connect("clicked(bool)", self._onUndo)
        self._show()

    def turned(self, isShown: bool) -> None:
        """It has come to the front, or has gone behind another: then no axes are placed."""
        self._isShown = isShown
        self._update()

    def refresh(self) -> None:
        """Take the landmarks that are under review now."""
        parameters = self.context.parameters
        node = parameters.landmarks if parameters is not None else None
        if node is not self._node:
            self.removeObservers()
            self._node = node
            if node is not None:
                for event in (*POINTS_CHANGED, node.TransformModifiedEvent):
                    self.addObserver(node, event, self._onMoved)
        self._update()

    def close(self) -> None:
        """Place nothing any more."""
        self.removeObservers()
        self._node, self.placed = None, ()

    @property
    def chosen(self) -> PlacedFrame | None:
        """The frame that is selected."""
        index = self.ui.frameSelector.currentIndex
        return self.placed[index] if 0 <= index < len(self.placed) else None

    def _onMoved(self, *_args: object) -> None:
        if self._isShown:
            self._update()

    def _protocol(self, review: Review) -> Protocol | None:
        from LandmarkDetectionLib.measurement.from_files import framed_protocol

        protocol = self.context.protocolOf(review)
        if protocol is None:
            return None
        if self._framed is None or self._framed[0] is not protocol:  # files are not read at every step
            self._framed = protocol, framed_protocol(protocol)
        return self._framed[1]

    def _update(self) -> None:
        self.placed = ()
        if self._node is None or not self._isShown:
            pass
        elif needed := packages.needsInstalling():
            self.message.warning(needed)
        else:
            review = loadWorldReview(self._node)
            protocol = self._protocol(review)
            if protocol is not None and protocol.frames:
                try:
                    self.placed = frames.placeFrames(self._node, protocol, review)
                except LandmarkDetectionError as problem:
                    self.message.error(str(problem))
        self._list()
        self._show()

    def _list(self) -> None:
        selector = self.ui.frameSelector
        titles = [one.definition.title for one in self.placed]
        if titles == [selector.itemText(index) for index in range(selector.count)]:
            return
        before = selector.currentText
        wasBlocked = selector.blockSignals(True)
        selector.clear()
        selector.addItems(titles)
        if before in titles:
            selector.setCurrentIndex(titles.index(before))
        selector.blockSignals(wasBlocked)

    def _show(self) -> None:
        ui, frame = self.ui, self.chosen
        isThere = frame is not None and frame.ras_to_frame is not None
        ui.frameSelector.enabled = bool(self.placed)
        ui.straightenButton.enabled = ui.alignButton.enabled = isThere
        ui.scannedButton.enabled = frames.areStraightened()
        ui.undoButton.enabled = self._node is not None and frames.alignmentOf(self._node) is not None
        ui.frameLabel.text = sentence(frame) if frame is not None else _("No axes for these landmarks.")

    # --- buttons ----------------------------------------------------------------------------------------

    def _onStraighten(self, *_args: object) -> None:
        self.context.actions.clearMessages()
        if self.chosen is not None:
            frames.straightenViews(self.chosen)
        self._show()

    def _onScanned(self, *_args: object) -> None:
        frames.showViewsAsScanned()
        self._show()

    def _onAlign(self, *_args: object) -> None:
        self.context.actions.clearMessages()
        if self.chosen is not None and self._node is not None:
            title = self.chosen.definition.title
            frames.alignVolume(self._node, self.chosen)
            self.message.information(_("Aligned to {title}; no voxel was changed.").format(title=title))
        self._update()

    def _onUndo(self, *_args: object) -> None:
        self.context.actions.clearMessages()
        if self._node is not None:
            frames.undoAlignment(self._node)
        self._update()


def sentence(frame: PlacedFrame) -> str:
    """How a frame lies and how sure that is, or why there is none."""
    if frame.ras_to_frame is None:
        return _("Not there: {gap}.").format(gap=frame.gap)
    if frame.turning_95 is None or frame.shifting_95 is None:
        text = _("Turned by {angle:.1f}\u00b0 from the axes of the scan.").format(angle=frame.turned)
    else:
        text = _(
            "Turned by {angle:.1f}\u00b0 from the axes of the scan; 95 % within {spread:.1f}\u00b0 and "
            "{way:.1f} {unit}."
        ).format(angle=frame.turned, spread=frame.turning_95, way=frame.shifting_95, unit=frame.unit)
    return " ".join((text, *(f"{one[:1].upper()}{one[1:]}." for one in frame.remarks)))
