"""Whether a model package can run, beyond being complete: its detector, settings and networks are tried.

The networks see a small blank image and a noisy one, so that weights which are all finite but lead to none
are found before a person meets them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from LandmarkDetectionLib.detectors.search_settings import SearchSettings
from LandmarkDetectionLib.detectors.settings import (
    BoneSettings,
    DetectorSettings,
    HandSettings,
    HeatmapSettings,
    RegressionSettings,
    SilhouetteSettings,
)
from LandmarkDetectionLib.errors import ModelError
from LandmarkDetectionLib.models import Model, validate_model
from LandmarkDetectionLib.models.package import read_package
from LandmarkDetectionLib.wording import counted

if TYPE_CHECKING:
    import torch

#: Settings and networks that each detector asks for.
NEEDS: dict[str, tuple[type[DetectorSettings], tuple[str, ...]]] = {
    "silhouette": (SilhouetteSettings, ("coronal", "lateral")),
    "bones": (BoneSettings, ("coronal", "lateral", "fine_coronal", "fine_lateral")),
    "regression": (RegressionSettings, ("position",)),
    "hand": (HandSettings, ("coronal",)),
    "hand-regression": (RegressionSettings, ("position",)),
    "heatmap": (HeatmapSettings, ("heatmap",)),
    # One for every scale, which the settings ask for.
    "search-agent": (SearchSettings, ("scale_1",)),
}
#: Longest side of an image that a network is tried on, by its dimensions: a package must not fill the memory.
LARGEST = {2: 1024, 3: 128}


def check_model(path: str | os.PathLike[str]) -> list[str]:
    """Everything that ``models.validate_model`` checks, and whether the model's detector can work with it.

    Returns
    -------
    list of str
        What is wrong, one sentence each; empty when the model can be used.
    """
    if problems := validate_model(path):
        return problems
    model = read_package(path)
    if model.detector not in NEEDS:
        return [
            f"It asks for the detector {model.detector!r}, which this version lacks; it has "
            f"{', '.join(NEEDS)}."
        ]
    settings, networks = NEEDS[model.detector]
    try:
        checked = settings.of(model)
    except ModelError as problem:
        return [str(problem)]
    if lacking := [name for name in networks if name not in model.networks]:
        return [f"It lacks the network {lacking[0]!r}, which the detector {model.detector!r} asks for."]
    return list(_trials(model, checked))


def _trials(model: Model, settings: DetectorSettings) -> Iterator[str]:
    for key, network in model.build_networks().items():
        landmarks = len(model.protocol.landmarks)
        if isinstance(settings, BoneSettings) and settings.outline and key.startswith("skin_"):
            landmarks = len(settings.outline.names)
        # Regression takes one size of image; its numbers are two or one per landmark.
        fixed = settings.coronal_shape if isinstance(settings, RegressionSettings) else None
        size = fixed or _smallest_size(network)
        if max(size) > LARGEST[len(size)]:
            yield f"The network {key} takes images of {max(size)} cells at least, too many to try."
            continue
        try:
            answers = _answers(network, size)
        except Exception as problem:  # whatever an architecture makes of its weights
            text = " ".join(str(problem).split()) or type(problem).__name__
            yield f"The network {key} does not run ({text[:200]})."
            continue
        found = int(answers[0].shape[1])
        if not all(bool(one.isfinite().all()) for one in answers):
            yield f"The network {key} answers with numbers that are not finite; its weights are useless."
        elif found not in ((landmarks, 2 * landmarks) if fixed else (landmarks,)):
            said = counted(found, "landmark")
            yield f"The network {key} answers for {said}, and the protocol has {landmarks}."


def _smallest_size(network: Any) -> tuple[int, ...]:
    """The smallest sensible image that a network takes, in voxels; of agents the only one."""
    if isinstance(getattr(network, "side", None), int):
        return (network.side,) * 3
    step, dimensions = int(network.multiple), int(getattr(network, "dimensions", 2))
    least = 64 if dimensions == 2 else 16
    return (-(-least // step) * step,) * dimensions


def _answers(network: torch.nn.Module, size: tuple[int, ...]) -> list[torch.Tensor]:
    """What a network makes of a blank image and of noise; the first one is its main answer."""
    import torch

    layers: Any = network.modules()
    inputs = next(int(one.in_channels) for one in layers if hasattr(one, "in_channels"))
    blank = torch.zeros(1, inputs, *size)
    noise = torch.randn(blank.shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        return [tensor for image in (blank, noise) for tensor in _tensors(network(image))]


def _tensors(answer: Any) -> list[torch.Tensor]:
    import torch

    if isinstance(answer, torch.Tensor):
        return [answer]
    if is_dataclass(answer):
        answer = [getattr(answer, one.name) for one in fields(answer)]
    return [tensor for one in answer for tensor in _tensors(one)] if isinstance(answer, (list, tuple)) else []
