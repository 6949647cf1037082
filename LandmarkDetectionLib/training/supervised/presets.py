"""Named settings for training heatmap networks: the papers' own, and lite ones that train on a CPU."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.networks.architectures import build_network
from LandmarkDetectionLib.networks.monai_presets import SPATIAL
from LandmarkDetectionLib.networks.presets import network_preset
from LandmarkDetectionLib.training.agents.presets import AGENT_PRESETS
from LandmarkDetectionLib.training.supervised.augmentation import Augmentation


@dataclass(frozen=True)
class SupervisedPreset:
    """One way to train one network.

    Attributes
    ----------
    description
        For people.
    architecture, size
        Of ``networks.presets.network_preset``.
    long_side
        Voxels that the long side of a radiograph is fitted into.
    voxels
        Voxels of the patch of a usual volume.
    options
        Fields of `SupervisedConfig`; ``options_3d`` override them for volumes.
    spatial
        Whether a network of MONAI is the local appearance of SpatialConfiguration-Net.
    """

    description: str
    architecture: str
    size: str
    long_side: int
    voxels: int
    options: dict[str, Any]
    options_3d: dict[str, Any] = field(default_factory=dict)
    spatial: bool = False

    def settings(self, dimensions: int) -> dict[str, Any]:
        """Fields of `SupervisedConfig` for images of 2 or 3 dimensions."""
        return {
            "architecture": self.architecture,
            "parameters": self._parameters(dimensions),
            **self.options,
            **(self.options_3d if dimensions == 3 else {}),
        }

    def multiple(self, dimensions: int) -> int:
        """What sizes of the patch must be multiples of."""
        network: Any = build_network(
            self.architecture, landmarks=1, dimensions=dimensions, **self._parameters(dimensions)
        )
        return int(network.multiple)

    def _parameters(self, dimensions: int) -> dict[str, Any]:
        found = network_preset(self.architecture, self.size, dimensions)
        branch = SPATIAL[self.size, dimensions] if self.spatial else {}
        return {key: value for key, value in found.items() if key != "dimensions"} | branch

    def budget(self, dimensions: int) -> int:
        """Voxels that a usual image is given."""
        return self.voxels if dimensions == 3 else self.long_side**2


_LITE: dict[str, Any] = {
    "steps": 2500,
    "batch_size": 2,
    "optimiser": "adamw",
    "learning_rate": 2e-3,
    "weight_decay": 1e-3,
    "averaging": 0.99,
    "loss": "scn",
    "sigma": 2.5,
    "copies": 4,
    "validate_every": 500,
}
_LITE_3D: dict[str, Any] = {"steps": 2000, "batch_size": 1, "sigma": 2.0, "copies": 0}
#: These have heatmaps half as fine as their image, which is finer for it, and do not learn by SCN's loss.
_COARSE = ("fcn", "hourglass")
_BY_ENTROPY: dict[str, Any] = {"loss": "cross-entropy", "sigma": 1.0}
#: Translation and elastic displacement as shares of the patch: the papers' millimetres on their images.
_SCN_PAPER: dict[str, Any] = {
    "steps": 30_000,
    "batch_size": 1,
    "optimiser": "sgd",
    "momentum": 0.99,
    "nesterov": True,
    "learning_rate": 1e-6,
    "weight_decay": 1e-3,
    "clip_gradient": 1e4,
    "schedule": "constant",
    "averaging": 0.0,
    "precision": "32-true",
    "loss": "scn",
    "sigma": 2.5,
    "validate_every": 3000,
    "augmentation": Augmentation(
        translation=0.05,
        rotation=0.25,
        scale=0.2,
        axis_scale=0.2,
        elastic=0.05,
        nodes=5,
        gamma=0,
        noise=0,
        cut=0,
    ),
}
_SCN_PAPER_3D: dict[str, Any] = {
    "steps": 40_000,
    "learning_rate": 5e-8,
    "weight_decay": 5e-4,
    "sigma": 4.0,
    "augmentation": Augmentation(
        translation=0.05,
        rotation=0.2,
        scale=0.1,
        axis_scale=0.1,
        elastic=0.039,
        nodes=5,
        gamma=0,
        noise=0,
        cut=0,
    ),
}
_ADAM_PAPER: dict[str, Any] = {
    "steps": 30_000,
    "batch_size": 1,
    "optimiser": "adam",
    "learning_rate": 1e-4,
    "weight_decay": 0.0,
    "schedule": "constant",
    "averaging": 0.0,
    "precision": "32-true",
    "loss": "mse",
    "sigma": 5.0,
    "validate_every": 3000,
    "augmentation": Augmentation(
        translation=0.02, rotation=0.035, scale=0.1, axis_scale=0, elastic=0, gamma=0, noise=0, cut=0
    ),
}

_NETWORKS = {
    "scn": ("spatial_configuration", "SpatialConfiguration-Net (Payer et al. 2019)"),
    "unet": ("localization_unet", "localization U-Net (Payer et al. 2019)"),
    "dacn": ("appearance_context", "deep appearance-context network (Reddy et al. 2021)"),
    "fcn": ("fully_convolutional", "fully convolutional network"),
    "hourglass": ("stacked_hourglass", "stacked hourglass with intermediate supervision"),
}


def _preset(key: str, size: str) -> SupervisedPreset:
    architecture, text = _NETWORKS[key]
    if size == "lite":
        loss = _BY_ENTROPY if key in _COARSE else {}
        return SupervisedPreset(
            f"{text}, small: trains on a CPU.",
            architecture,
            size,
            480 if key in _COARSE else 320,
            96**3 // 2,
            {**_LITE, **loss},
            {**_LITE_3D, **loss},
        )
    if key in ("scn", "unet"):
        return SupervisedPreset(
            f"{text} as published.", architecture, size, 512, 96 * 96 * 192, _SCN_PAPER, _SCN_PAPER_3D
        )
    return SupervisedPreset(f"{text} as published.", architecture, size, 512, 96 * 96 * 96, _ADAM_PAPER)


#: With batch statistics, averaged weights must not lag behind them: short trainings have few steps.
_CHAIN: dict[str, Any] = {
    **_LITE,
    "batch_size": 4,
    "averaging": 0.98,
    "loss": "cross-entropy",
    "sigma": 1.0,
    "copies": 0,
    "augmentation": Augmentation(rotation=0.1, cut=0.03),
}


def _chain_preset(size: str) -> SupervisedPreset:
    """For protocols with a chain. Corners of neighbours lie close, so their image is finer than others'."""
    lite = size == "lite"
    return SupervisedPreset(
        "encoder-decoder with a map per kind of landmark and one per level, for protocols with a chain, as "
        f"vertebrae: {'trains on a CPU' if lite else 'wide, for a GPU'}.",
        "chain_unet",
        size,
        512 if lite else 768,
        96**3 // 2 if lite else 96 * 96 * 96,
        _CHAIN if lite else {**_CHAIN, "steps": 30_000, "averaging": 0.998, "sigma": 1.3},
        {"batch_size": 1},
    )


#: Of the extra ``monai``.
_OF_MONAI = {
    "segresnet": ("monai_segresnet", "MONAI's SegResNet (Myronenko 2018)"),
    "dynunet": ("monai_dynunet", "MONAI's DynUNet, the network of nnU-Net (Isensee et al. 2021)"),
    "swinunetr": ("monai_swin_unetr", "MONAI's SwinUNETR (Hatamizadeh et al. 2021)"),
    "flexunet": ("monai_flexible_unet", "MONAI's FlexibleUNet with an EfficientNet"),
}
#: Their authors trained them for other tasks: the numbers of a large training are ours.
_MONAI_PAPER: dict[str, Any] = {
    **_LITE,
    "steps": 30_000,
    "learning_rate": 5e-4,
    "copies": 0,
    "validate_every": 3000,
}


def _monai_preset(key: str, size: str, spatial: bool) -> SupervisedPreset:
    architecture, text = _OF_MONAI[key]
    part = " as the local appearance of SpatialConfiguration-Net" if spatial else ""
    lite = size == "lite"
    own: dict[str, Any] = {
        # Attention diverges at the rate of convolutions.
        "swinunetr": {"learning_rate": 5e-4},
        # Averaged over more steps than a short training has, batch statistics fit no weights.
        "flexunet": {"averaging": 0.9},
    }.get(key, {})
    return SupervisedPreset(
        f"{text}{part}, {'small: trains on a CPU' if lite else 'wide, for a GPU'}; needs the extra monai.",
        architecture,
        size,
        320 if lite else 512,
        96**3 // 2 if lite else 96 * 96 * 96,
        {**_LITE, **own} if lite else _MONAI_PAPER,
        {**_LITE_3D, **own} if lite else {"sigma": 2.0},
        spatial,
    )


SUPERVISED_PRESETS: dict[str, SupervisedPreset] = {
    f"{key}-{size}": _preset(key, size) for key in _NETWORKS for size in ("lite", "paper")
}
SUPERVISED_PRESETS |= {f"chain-{size}": _chain_preset(size) for size in ("lite", "paper")}
SUPERVISED_PRESETS |= {
    f"{key}{'-scn' if spatial else ''}-{size}": _monai_preset(key, size, spatial)
    for key in _OF_MONAI
    for spatial in (False, True)
    for size in ("lite", "paper")
}


def find_preset(name: str) -> SupervisedPreset:
    """A preset by name.

    Raises
    ------
    InputError
        There is none; the sentence lists those there are.
    """
    if name not in SUPERVISED_PRESETS:
        known = ", ".join((*SUPERVISED_PRESETS, *AGENT_PRESETS))
        raise InputError(f"There is no preset {name!r} for annotated images; choose one of {known}.")
    return SUPERVISED_PRESETS[name]
