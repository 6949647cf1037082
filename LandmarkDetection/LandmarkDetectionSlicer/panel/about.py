"""What a model finds: its landmarks, where they lie, and how they are defined."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from LandmarkDetectionSlicer.panel.pictures import ReferenceBody

if TYPE_CHECKING:
    from LandmarkDetectionLib.models import Model

PICTURE_SIZE = (96, 184)


class AboutModel:
    """What the page Models tells of the selected model; its picture is read when somebody looks at it.

    Parameters
    ----------
    ui
        The widgets of the page.
    """

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self._model: Model | None = None
        self._body: ReferenceBody | None = None
        ui.landmarkList.connect("currentRowChanged(int)", lambda *_args: self._showLandmark())

    def show(self, model: Model | None) -> None:
        """Tell of a model, or of none."""
        if model is self._model:
            return
        ui = self._ui
        self._model, self._body = model, None
        ui.aboutArea.visible = ui.modelSummary.visible = model is not None
        ui.landmarkList.clear()
        if model is None:
            return
        ui.modelSummary.text = _("{description} Version {version}.").format(
            description=str(model.metadata.get("description", "")).strip(), version=model.version
        )
        for landmark in model.protocol.landmarks:
            ui.landmarkList.addItem(landmark.title)
        self._showLandmark()

    def _showLandmark(self) -> None:
        ui, model = self._ui, self._model
        if model is None:
            return
        if self._body is None:
            self._body = ReferenceBody(model)
        row = ui.landmarkList.currentRow
        chosen = model.protocol.landmarks[row] if 0 <= row < len(model.protocol.landmarks) else None
        picture = self._body.whole(*PICTURE_SIZE, chosen.name if chosen else None)
        ui.modelPicture.visible = picture is not None
        if picture is not None:
            ui.modelPicture.setPixmap(picture)
        hint = _("Select a landmark to see where it is.")
        ui.landmarkDefinition.text = chosen.definition if chosen else hint
