"""What a page of the panel needs of the rest: four things, and nothing of the widget."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import slicer

from LandmarkDetectionSlicer.logic.known_models import KnownModels, ProtocolFinder

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
        self._protocols = ProtocolFinder()

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
        return self.models.modelOf(review)

    def protocolOf(self, review: Review) -> LandmarkProtocol | None:
        """Of the model that made the landmarks while these are its landmarks, else the one that fits best."""
        return self._protocols.protocolOf(review, self.modelOf(review))


def loadForm(name: str) -> Any:
    """The widget of a form."""
    return slicer.util.loadUI(str(FORMS / f"{name}.ui"))
