"""What a model can be used for and told, by the detector that it names and by its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Capabilities:
    """What a model can be used for and told.

    Attributes
    ----------
    of_hands
        It looks for one hand, in a radiograph or a volume, and can be told which.
    of_outlines
        It looks at outlines: there is a threshold to choose. Otherwise it looks at grey values.
    chooses_depth
        There is a choice of how depth is found.
    single_images
        It works on radiographs and single slices.
    volumes
        It works on volumes of several slices.
    channels
        Images that one case consists of.
    small
        Its networks are so small that the processor is the usual device.
    propagates
        Its landmarks can follow corrections; see ``Analysis.refine``.
    learns
        It can be trained further with corrections.
    finds_near
        It can look for one landmark again near a click; see ``Analysis.locate_near``.
    """

    of_hands: bool = False
    of_outlines: bool = True
    chooses_depth: bool = True
    single_images: bool = False
    volumes: bool = True
    channels: int = 1
    small: bool = False
    propagates: bool = False
    learns: bool = False
    finds_near: bool = False


#: By the detector that a model names; what else there is to know is in the model.
OF_DETECTORS: dict[str, Capabilities] = {
    "silhouette": Capabilities(small=True, finds_near=True),
    "bones": Capabilities(small=True, chooses_depth=False, finds_near=True),
    "regression": Capabilities(),
    "hand": Capabilities(of_hands=True, single_images=True, small=True, finds_near=True),
    "hand-regression": Capabilities(of_hands=True, single_images=True),
    "heatmap": Capabilities(of_outlines=False, chooses_depth=False, learns=True, finds_near=True),
    "search-agent": Capabilities(of_outlines=False, chooses_depth=False, small=True),
}


def dimensions_of(settings: Mapping[str, Any]) -> int:
    """Of the images that a model of grey values was trained on: 2 or 3."""
    shape = settings.get("shape")
    return 2 if isinstance(shape, list) and len(shape) == 2 else 3
