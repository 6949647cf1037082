"""The option that says where air ends and the body begins, with a picture of what comes of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import qt
import slicer

from LandmarkDetectionSlicer.logic import detecting

if TYPE_CHECKING:
    from LandmarkDetectionSlicer.panel.settings import SettingsPage

PREVIEW_DELAY_MS = 300
PICTURE_SIZE = (260, 160)


class ThresholdOption:
    """The slider among the settings; nothing is computed while they are not shown.

    Parameters
    ----------
    page
        The settings.
    """

    def __init__(self, page: SettingsPage) -> None:
        self._page = page
        self._slider = page.ui.thresholdSlider
        self._picture = page.ui.silhouettePicture
        self._picture.visible = False
        self._timer = qt.QTimer(page.widget)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PREVIEW_DELAY_MS)
        self._timer.connect("timeout()", self._request)
        self._slider.connect("valueChanged(double)", self._onMoved)

    @property
    def value(self) -> float | None:
        """The chosen threshold; None lets it be estimated, or belongs to a model that needs none."""
        parameters = self._page.context.chosen
        isOurs = self._page.looksAtOutlines and not parameters.automaticThreshold
        return parameters.threshold if isOurs else None

    def refresh(self) -> None:
        """Show the parameters, and ask for a new silhouette soon, if anybody looks at it."""
        if self._isWanted():
            self._showSlider()
            self._timer.start()
        else:
            self._timer.stop()
            self._picture.visible = False

    def close(self) -> None:
        """Leave no timer and no picture behind."""
        self._timer.stop()
        self._path().unlink(missing_ok=True)

    def _isWanted(self) -> bool:
        page = self._page
        return page.isShown and page.detect.isReady() and page.looksAtOutlines

    def _showSlider(self) -> None:
        """Range and value of the slider; the parameter is untouched by it."""
        slider, parameters = self._slider, self._page.context.chosen
        slider.enabled = not parameters.automaticThreshold
        wasBlocked = slider.blockSignals(True)
        low, high = parameters.inputVolume.GetImageData().GetScalarRange()
        slider.minimum, slider.maximum = low, high
        slider.singleStep = max(1.0, round((high - low) / 1000))
        slider.value = parameters.threshold
        slider.blockSignals(wasBlocked)

    def _onMoved(self, value: float) -> None:
        parameters = self._page.context.parameters
        if parameters is not None and not parameters.automaticThreshold:
            parameters.threshold = value

    def _path(self) -> Path:
        return Path(slicer.app.temporaryPath) / f"landmark-detection-silhouette-{os.getpid()}.png"

    def _request(self) -> None:
        page, model = self._page, self._page.detect.model
        if self._isWanted() and model is not None:
            detecting.previewSilhouette(
                page.context.logic.worker,
                page.context.chosen.inputVolume,
                model.name,
                self.value,
                str(self._path()),
                self._onDrawn,
                self._onFailed,
            )

    def _onDrawn(self, threshold: float, path: str) -> None:
        if not self._isWanted():
            return
        parameters = self._page.context.chosen
        if parameters.automaticThreshold:
            parameters.threshold = threshold
        picture = qt.QPixmap(path)
        self._picture.setPixmap(
            picture.scaled(*PICTURE_SIZE, qt.Qt.KeepAspectRatio, qt.Qt.SmoothTransformation)
        )
        self._picture.visible = True

    def _onFailed(self, sentence: str) -> None:
        self._picture.text = sentence
        self._picture.visible = True
