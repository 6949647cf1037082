"""The models that are here, and which of them speaks for a review."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.protocol import Protocol
    from LandmarkDetectionLib.core.review import Review
    from LandmarkDetectionLib.models import Model


@dataclass(frozen=True)
class KnownModels:
    """The usable models, shipped ones first, and the reason for each that is not usable.

    ``areRead`` is False until it is known which there are.
    """

    usable: tuple[Model, ...] = ()
    broken: dict[str, str] = field(default_factory=dict)
    areRead: bool = False

    def modelOf(self, review: Review) -> Model | None:
        """Whose words and picture to show: the model that made it, else one that knows the same landmarks."""
        names = set(review.landmarks.names)
        return next(
            (model for model in self.usable if model.name == review.prediction.model),
            next((model for model in self.usable if names <= set(model.protocol.names)), None),
        )


class ProtocolFinder:
    """By which protocol landmarks are measured; files are not read at every step."""

    def __init__(self) -> None:
        self._found: tuple[tuple[str, ...], Protocol | None] | None = None

    def protocolOf(self, review: Review, model: Model | None) -> Protocol | None:
        """Of the model that made the landmarks while these are its landmarks, else the one that fits best."""
        from LandmarkDetectionLib.errors import LandmarkDetectionError
        from LandmarkDetectionLib.measurement.from_files import protocol_of

        landmarks = review.landmarks
        if model is not None and set(model.protocol.names) == set(landmarks.names):
            return model.protocol
        asked = (model.name if model is not None else "", *landmarks.names)
        if self._found is None or self._found[0] != asked:
            try:
                self._found = asked, protocol_of(landmarks, asked[0])
            except LandmarkDetectionError:
                self._found = asked, None
        return self._found[1]
