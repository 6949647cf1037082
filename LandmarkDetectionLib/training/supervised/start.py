"""A training that begins with the weights of a model instead of random ones."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import torch
from pydantic import ValidationError

from LandmarkDetectionLib.errors import InputError, ModelError
from LandmarkDetectionLib.models import Model, list_models
from LandmarkDetectionLib.training.supervised.config import SupervisedConfig
from LandmarkDetectionLib.training.supervised.losses import HeatmapLoss
from LandmarkDetectionLib.training.supervised.task import KEY, HeatmapTask

#: Fields of the config that belong to the weights.
OF_THE_WEIGHTS = (
    *("architecture", "parameters", "members", "landmarks", "channels", "grid", "loss", "sigma", "weights"),
    "copies",
    "mirror",
)


def refusal(model: Model) -> str | None:
    """Why a model cannot be fine-tuned, in one sentence; None when it can."""
    if not model.capabilities.learns:
        return (
            f"{model.name} cannot learn from corrections: only models of grey values can, which "
            "a training of heatmaps on annotated images or the panel has made."
        )
    return None


def settings_of(model: Model) -> SupervisedConfig:
    """The settings that a model was trained with.

    Raises
    ------
    ModelError
        It is no model of grey values, or does not say how it was trained.
    """
    if reason := refusal(model):
        raise ModelError(reason, about="model of annotated images")
    training: Any = model.metadata["training"]
    try:
        return SupervisedConfig.model_validate(
            {
                **training,
                "training_cases": (),
                "held_back_cases": (),
                # Few corrected cases tell it less well than what the model learned from.
                "ladder": model.settings.get("ladder"),
            }
        )
    except ValidationError:
        raise ModelError(
            f"{model.name} {model.version} does not say how it was trained in a way that is understood here; "
            "train it anew."
        ) from None


def beginnings(landmarks: Sequence[str]) -> list[str]:
    """Names of the installed models of just these landmarks that a training can begin with."""
    found = []
    for model in list_models():
        with suppress(InputError, ModelError):
            settings_from(model, landmarks)
            found.append(model.name)
    return found


def settings_from(model: Model, landmarks: Sequence[str]) -> dict[str, Any]:
    """Fields of the config of a training that begins with a model's weights.

    Raises
    ------
    InputError
        The data have other landmarks than the model.
    ModelError
        As in ``settings_of``.
    """
    config = settings_of(model)
    if config.align:
        raise ModelError(f"{model.name} registers images to a template of its own; improve it by finetune.")
    differing = sorted(set(config.landmarks) ^ set(landmarks))
    if differing:
        raise InputError(
            f"The model {model.name} and the data do not have the same landmarks: only one of them has "
            f"{', '.join(differing[:3])}; choose another model to begin with."
        )
    content = config.model_dump()
    return {name: content[name] for name in OF_THE_WEIGHTS}


def weights_of(model: Model) -> str:
    """Tells the weights of one model from another's."""
    return "-".join(entry.sha256[:16] for entry in model.networks.values())


def begin_with(task: HeatmapTask, model: Model) -> None:
    """Give a task the weights of a model, and the widths of its targets.

    Of several networks that learn side by side the first begins with those of a model of one network, the
    others with random ones: networks that began alike would hardly differ in what they get wrong.

    Raises
    ------
    ModelError
        They do not fit.
    """
    state = model.build_networks()[KEY].state_dict()
    ensemble = task.config.members > 1 and settings_of(model).members == 1
    network = task.network.first if ensemble else task.network
    try:
        network.load_state_dict(state)
    except RuntimeError:
        raise ModelError(
            f"The model {model.name} {model.version} does not fit its own training settings; train it anew."
        ) from None
    if isinstance(task.loss, HeatmapLoss):
        sigma = model.settings.get("sigma")
        if isinstance(sigma, dict):
            values = [float(sigma.get(name, task.config.sigma)) for name in task.config.landmarks]
            task.loss.raw_sigma.data.copy_(torch.tensor(values))
