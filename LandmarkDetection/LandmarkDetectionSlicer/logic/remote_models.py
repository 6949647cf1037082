"""Models of a worker elsewhere, as far as a panel needs to know them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from LandmarkDetectionSlicer.logic.plain_lists import PlainLandmark, PlainList

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.protocol import Protocol
    from LandmarkDetectionLib.models import Model


@dataclass(frozen=True)
class PlainProtocol(PlainList):
    """What a review needs of a protocol besides, where the package that reads protocols is missing."""

    chain: tuple[tuple[str, ...], ...] = ()
    measurements: tuple[()] = ()
    frames: tuple[()] = ()

    def restricted(self, names: Iterable[str]) -> PlainProtocol:
        """See ``LandmarkDetectionLib.core.protocol.Protocol.restricted``."""
        kept = set(names)
        return PlainProtocol(
            self.name,
            self.title,
            tuple(one for one in self.landmarks if one.name in kept),
            tuple(level for level in self.chain if kept.issuperset(level)),
        )


@dataclass(frozen=True)
class RemoteModel:
    """A model that is on the computer of the worker, with what a panel asks of a ``Model``.

    Attributes
    ----------
    card
        What its maker says about it, in Markdown.
    reference
        Its picture stays there.
    """

    name: str
    version: str
    metadata: dict[str, Any]
    protocol: Protocol | PlainProtocol
    capabilities: Any
    card: str
    reference: None = field(default=None, init=False)


def isElsewhere(model: Model | RemoteModel | None) -> bool:
    """Whether a model is on another computer."""
    return isinstance(model, RemoteModel)


def modelsOf(result: dict[str, Any]) -> list[RemoteModel]:
    """The models in an answer to ``LandmarkDetectionLib.requests.ListModels``.

    Raises
    ------
    ValueError
        The answer is broken.
    """
    try:
        return [_modelOf(record) for record in result["models"]]
    except (KeyError, TypeError, AttributeError) as problem:
        raise ValueError(f"the list of models is broken ({problem})") from None


def _modelOf(record: dict[str, Any]) -> RemoteModel:
    return RemoteModel(
        name=str(record["name"]),
        version=str(record["version"]),
        metadata={"description": str(record["description"])},
        protocol=_protocolOf(record["protocol"]),
        # Plain entries: the type is in a package that needs others. Older workers do not say all.
        capabilities=SimpleNamespace(**{"finds_near": False, **record["capabilities"], "learns": False}),
        card=str(record["card"]),
    )


def _protocolOf(record: dict[str, Any]) -> Protocol | PlainProtocol:
    try:
        from LandmarkDetectionLib.core.protocol import Protocol
    except ImportError:
        landmarks = (
            PlainLandmark(str(one["name"]), str(one["title"]), str(one["definition"]))
            for one in record["landmarks"]
        )
        chain = tuple(tuple(map(str, level)) for level in record.get("chain", ()))
        return PlainProtocol(str(record["name"]), str(record["title"]), tuple(landmarks), chain)
    return Protocol.model_validate(record)
