"""What the hand network says about hands in canonical axes, fitted into its patch.

The axes are those of ``synthesis.hand.model``: the back of a left hand, fingers up, thumb at the right. A
hand without depth (a radiograph) has the same depth everywhere, as ``front == back == 0`` on it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from LandmarkDetectionLib._renamed import names_of_before
from LandmarkDetectionLib.detectors import array_estimates
from LandmarkDetectionLib.detectors.estimates import LENGTH_OF_PATCH, HandEstimates
from LandmarkDetectionLib.imaging.view import View
from LandmarkDetectionLib.networks.silhouette_arrays import SilhouetteArrays
from LandmarkDetectionLib.typing import Array

if TYPE_CHECKING:
    from torch import Tensor, nn


HAND_LINE = ("wrist", "middle_tip")  # the hand's length lies between them


def hand_patch(view: View, shape: tuple[int, int], filled: float) -> View:
    """Fit what is visible of a hand into the middle of the network's patch, with square pixels.

    As ``synthesis.hand.stream`` does: the hand fills ``filled`` of the rows or columns, whichever limits.

    Raises
    ------
    NoBodyError
        When the view holds no hand.
    """
    row, column, (height, width) = view.object_window()
    pixel = max(height / (filled * shape[0]), width / (filled * shape[1]))  # of the patch, in the view's
    rows, columns = (max(1, round(n * pixel)) for n in shape)
    window = view.window(row - (rows - height) // 2, column - (columns - width) // 2, (rows, columns))
    return replace(window, field_of_view=_beyond_cuts(window)).resampled(shape)


def _beyond_cuts(view: View) -> Array:
    """Everything but what lies beyond a side where the picture cuts the hand.

    How much air was pictured around a hand says nothing about it and must not move a landmark.
    """
    row, column, (height, width) = view.object_window()
    hand, ends = view.silhouette, np.pad(~view.field_of_view, 1, constant_values=True)
    rows, columns = hand.shape
    exposed = np.ones_like(hand)
    for down, right, outside in (
        (-1, 0, np.s_[:row]),
        (1, 0, np.s_[row + height :]),
        (0, -1, np.s_[:, :column]),
        (0, 1, np.s_[:, column + width :]),
    ):
        beyond = ends[1 + down : 1 + down + rows, 1 + right : 1 + right + columns]
        if (hand & beyond).sum() > 1:
            exposed[outside] = False
    return exposed


def estimate_hands(
    network: nn.Module | SilhouetteArrays,
    front: Array,
    back: Array,
    field_of_view: Array,
    ends: tuple[int, int],
    radius_share: float,
) -> HandEstimates:
    """Run the network on patches and read positions and depths.

    Parameters
    ----------
    front, back : (B, H, W) float32, mm
        First and last surface, NaN off the hand.
    field_of_view : (B, H, W) bool
    ends : (int, int)
        Index of the wrist and of the middle finger's tip among the landmarks.
    radius_share : float
        Radius of ``near`` as a share of the hand's length.
    """
    if isinstance(network, SilhouetteArrays):
        return array_estimates.estimate_hands(network, front, back, field_of_view, ends, radius_share)
    import torch

    from LandmarkDetectionLib.heatmaps import softmax
    from LandmarkDetectionLib.imaging.depth import SMALLEST_DEVIATION_OF_HANDS_MM, network_input
    from LandmarkDetectionLib.networks.silhouette_unet import STRIDE

    device = next(network.parameters()).device
    views = [torch.as_tensor(np.ascontiguousarray(a)).to(device) for a in (front, back, field_of_view)]
    with torch.inference_mode():
        image, scale = network_input(views[0], views[1], views[2], SMALLEST_DEVIATION_OF_HANDS_MM)
        maps = network(image)
        probability, present = softmax.distribution(maps.logits, maps.absent)
        decoded = softmax.decode(probability, STRIDE)
        depth_map = scale.restore(maps.depth)
        error_map = maps.depth_log_scale.exp() * scale.deviation[:, None, None, None]
        depth = (decoded.window * depth_map).sum(dim=(2, 3))
        error = (decoded.window * error_map).sum(dim=(2, 3))
        wrist, tip = (decoded.position[:, n] for n in ends)
        seen = (present[:, list(ends)] > 0.5).all(dim=1)
        length = (tip - wrist).norm(dim=1)
        length = torch.where(seen, length, torch.full_like(length, LENGTH_OF_PATCH * image.shape[2]))
        near = softmax.mass_within(probability, decoded.position, STRIDE, radius_share * length)

    def numpy(tensor: Tensor) -> Array:
        return np.asarray(tensor.double().cpu().numpy())

    return HandEstimates(
        position=numpy(decoded.position),
        covariance=numpy(decoded.covariance),
        present=numpy(present),
        near=numpy(near),
        depth=numpy(depth),
        depth_error=numpy(error),
        mean=numpy(scale.mean),
        deviation=numpy(scale.deviation),
        length=numpy(length),
        maps=np.asarray(torch.stack([probability, depth_map, error_map], dim=1).float().cpu().numpy()),
    )


__getattr__ = names_of_before(__name__)
