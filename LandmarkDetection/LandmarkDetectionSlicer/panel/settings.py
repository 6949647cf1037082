"""How landmarks are found and reviewed; the choices are kept in the scene, all but where they are found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import slicer
from slicer.i18n import tr as _

from LandmarkDetectionSlicer.panel.message import MessageLine
from LandmarkDetectionSlicer.panel.threshold import ThresholdOption
from LandmarkDetectionSlicer.panel.worker_place import WorkerPlace

if TYPE_CHECKING:
    from LandmarkDetectionSlicer.panel.context import PanelContext
    from LandmarkDetectionSlicer.panel.detect import DetectSection


class SettingsPage:
    """What is chosen once and rarely again.

    Parameters
    ----------
    context
        What it needs of the rest of the panel.
    widget
        Loaded from ``settings.ui``.
    detect
        Whose volume and model the settings are for.

    Attributes
    ----------
    isShown
        Whether it is the page in front.
    """

    def __init__(self, context: PanelContext, widget: Any, detect: DetectSection) -> None:
        self.context = context
        self.heading = _("Settings")
        self.widget = widget
        self.detect = detect
        self.ui = ui = slicer.util.childWidgetVariables(widget)
        self.message = MessageLine(ui.messageIcon, ui.messageText)
        self.isShown = False
        self._threshold = ThresholdOption(self)
        self.workerPlace = WorkerPlace(self)
        detect.threshold = lambda: self._threshold.value

    def turned(self, isShown: bool) -> None:
        """It has come to the front, or has gone behind another."""
        self.isShown = isShown
        self.refresh()

    @property
    def looksAtOutlines(self) -> bool:
        """Whether the chosen model has a threshold to choose."""
        return self.detect.model is not None and self.detect.model.capabilities.of_outlines

    def refresh(self) -> None:
        """Offer what the chosen model asks: which hand it is, or where bodies end and how depth is found."""
        ui, model = self.ui, self.detect.model
        isOfHands = model is not None and model.capabilities.of_hands
        ui.sideLabel.visible = ui.sideSelector.visible = isOfHands
        for widget in (ui.thresholdLabel, ui.automaticThresholdBox, ui.thresholdSlider):
            widget.visible = model is None or model.capabilities.of_outlines
        for widget in (ui.othersLabel, ui.othersBox):
            widget.visible = model is None or model.capabilities.propagates
        for widget in (ui.depthLabel, ui.depthSelector):
            widget.visible = model is None or model.capabilities.chooses_depth
        self._threshold.refresh()
        self.workerPlace.refresh()

    def close(self) -> None:
        """The module is unloaded."""
        self._threshold.close()
        self.workerPlace.close()
