"""What a page of the panel needs of the rest: four things, and nothing of the widget."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import slicer

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.protocol import Protocol as LandmarkProtocol
    from LandmarkDetectionLib.core.review import Review
    from LandmarkDetectionLib.models import Model
    from LandmarkDetectionSlicer.logic.module_logic import LandmarkDetectionLogic
    from LandmarkDetectionSlicer.scene.parameters import LandmarkDetectionParameters

FORMS = Path(__file__).resolve().parents[2] / "Resources" / "UI"


class PanelActions(Protocol):
    """What concerns several pages."""

    def clearMessages(self) -> None:
        """An action begins: what was said about the one before is over."""

    def refreshModels(self) -> None:
        """Read again which models there are, and which Python packages are missing."""

    def takeLandmarks(self, landmarkNode: slicer.vtkMRMLMarkupsFiducialNode) -> None:
        """Bring landmarks under review."""

    def showLandmarks(self, landmarkNode: slicer.vtkMRMLMarkupsFiducialNode) -> None:
        """Bring landmarks under review and the review to the user."""

    def useOtherVersion(self, model: Model | None) -> None:
        """Use the version that a model was made from, or the one made from it."""


@dataclass(frozen=True)
class KnownModels:
    """The usable models, shipped ones first, and the reason for each that is not usable."""

    usable: tuple[Model, ...] = ()
    broken: dict[str, str] = field(default_factory=dict)


class PanelContext:
    """Given to every page.

    Attributes
    ----------
    logic
        What the module can do, with the process in the background.
    actions
        What concerns several pages.
    models
        Those that are installed, as they were read last.
    parameters
        What is chosen in the scene; None while it is closed.
    """

    def __init__(self, logic: LandmarkDetectionLogic, actions: PanelActions) -> None:
        self.logic = logic
        self.actions = actions
        self.models = KnownModels()
        self.parameters: LandmarkDetectionParameters | None = None
        self._measuredBy: tuple[tuple[str, ...], LandmarkProtocol | None] | None = None

    @property
    def chosen(self) -> LandmarkDetectionParameters:
        """The parameters where the scene must be open: a button was pressed."""
        if self.parameters is None:
            raise RuntimeError("the scene is closed")
        return self.parameters

    @property
    def chosenModel(self) -> Model | None:
        """The model that the parameters name; None when it is not there."""
        name = self.parameters.modelName if self.parameters is not None else ""
        return next((model for model in self.models.usable if model.name == name), None)

    def modelOf(self, review: Review) -> Model | None:
        """Whose words and picture to show: the model that made it, else one that knows the same landmarks."""
        names, models = set(review.landmarks.names), self.models.usable
        return next(
            (model for model in models if model.name == review.prediction.model),
            next((model for model in models if names <= set(model.protocol.names)), None),
        )

    def protocolOf(self, review: Review) -> LandmarkProtocol | None:
        """Of the model that made the landmarks while these are its landmarks, else the one that fits best."""
        from LandmarkDetectionLib.errors import LandmarkDetectionError
        from LandmarkDetectionLib.measurement.from_files import protocol_of

        model, landmarks = self.modelOf(review), review.landmarks
        if model is not None and set(model.protocol.names) == set(landmarks.names):
            return model.protocol
        asked = (model.name if model is not None else "", *landmarks.names)
        if self._measuredBy is None or self._measuredBy[0] != asked:  # files are not read at every step
            try:
                self._measuredBy = asked, protocol_of(landmarks, asked[0])
            except LandmarkDetectionError:
                self._measuredBy = asked, None
        return self._measuredBy[1]


def loadForm(name: str) -> Any:
    """The widget of a form."""
    return slicer.util.loadUI(str(FORMS / f"{name}.ui"))
