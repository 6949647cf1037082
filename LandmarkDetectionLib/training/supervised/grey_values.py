"""Changes of grey values by MONAI: what scanners and exposures do to a picture without moving anything in it.

Only transforms that were measured to leave every structure where it is are allowed. MONAI's simulated low
resolution is not among them: in 1.6.1 it moves the picture by (1 / zoom - 1) / 2 voxels. Warps stay our own
(``augmentation``), since they must move landmarks exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from LandmarkDetectionLib.errors import MissingPackageError

GreyChange = Literal["bias-field", "gibbs", "rician", "contrast", "histogram", "smooth", "sharpen"]
GREY_CHANGES: tuple[GreyChange, ...] = get_args(GreyChange)
GreySet = Literal["ct", "mr", "film"]
#: How often each change is made to images of a kind.
GREY_SETS: dict[GreySet, dict[GreyChange, float]] = {
    "ct": {"smooth": 0.2, "sharpen": 0.2},
    "mr": {
        "bias-field": 0.3,
        "gibbs": 0.15,
        "rician": 0.2,
        "contrast": 0.2,
        "histogram": 0.1,
        "smooth": 0.15,
    },
    "film": {"contrast": 0.3, "histogram": 0.2, "smooth": 0.15, "sharpen": 0.15, "bias-field": 0.2},
}


def change_grey_values(rng: np.random.Generator, shares: Mapping[GreyChange, float], image: Tensor) -> Tensor:
    """Make changes to an image, each with its probability; nothing in it moves.

    Parameters
    ----------
    rng
        All that is drawn follows from it: the same state gives the same image, whatever was drawn before.
    shares
        Probability of each change.
    image : (C, *S) float32
        Changed in place; every channel is changed the same way, by its own draw.

    Raises
    ------
    MissingPackageError
        MONAI is not installed.
    """
    makers = _makers()
    # In one order, whatever the order of a configuration file.
    for name in GREY_CHANGES:
        for channel in image if shares.get(name) else ():
            if rng.uniform() >= shares[name]:
                continue
            transform = makers[name]()
            transform.set_random_state(seed=int(rng.integers(2**31)))
            # Scanners' effects are those on signals, which are not below nothing.
            least = channel.min()
            changed = transform((channel - least)[None])
            channel.copy_(torch.as_tensor(np.asarray(changed), dtype=torch.float32)[0] + least)
    return image


def _makers() -> dict[GreyChange, Callable[[], Any]]:
    """A transform of MONAI for each change, which is made whenever it is called."""
    try:
        from monai import transforms
    except ImportError:
        raise MissingPackageError.of("Changing grey values", "monai", "monai") from None
    near: dict[str, Any] = {"sigma_x": (0.3, 1.0), "sigma_y": (0.3, 1.0), "sigma_z": (0.3, 1.0)}
    return {
        "bias-field": lambda: transforms.RandBiasField(degree=3, coeff_range=(0.0, 0.2), prob=1),
        "gibbs": lambda: transforms.RandGibbsNoise(prob=1, alpha=(0.2, 0.7)),
        "rician": lambda: transforms.RandRicianNoise(prob=1, std=0.15, relative=True),
        "contrast": lambda: transforms.RandAdjustContrast(prob=1, gamma=(0.7, 1.5)),
        "histogram": lambda: transforms.RandHistogramShift(num_control_points=(5, 10), prob=1),
        "smooth": lambda: transforms.RandGaussianSmooth(prob=1, **near),
        "sharpen": lambda: transforms.RandGaussianSharpen(prob=1, alpha=(0.5, 2.0)),
    }
