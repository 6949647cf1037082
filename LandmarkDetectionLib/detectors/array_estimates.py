"""``silhouette.estimate`` and ``hand_network.estimate_hands`` without PyTorch, for single detections."""

from __future__ import annotations

import json
from collections import OrderedDict
from threading import Lock
from typing import Any

import numpy as np

from LandmarkDetectionLib.detectors.estimates import LENGTH_OF_PATCH, Estimates, HandEstimates
from LandmarkDetectionLib.models import Model
from LandmarkDetectionLib.networks.silhouette_arrays import (
    HeatmapArrays,
    SilhouetteArrays,
    decode,
    distribution,
    mass_within,
    mirrored,
    network_input,
)
from LandmarkDetectionLib.quality.calibration import RADIUS_MM
from LandmarkDetectionLib.typing import Array

ARCHITECTURE = "silhouette_unet"
#: Models whose networks stay in memory, some 10 MB each as arrays; of PyTorch's fewer where they are larger.
KEPT = 4
MOST_KEPT_BYTES = 1 << 30
LEAST_DEVIATION_MM, LEAST_DEVIATION_OF_HANDS_MM = 15.0, 2.0

_kept: OrderedDict[tuple[Any, ...], dict[str, Any]] = OrderedDict()
_lock = Lock()


def networks_for(model: Model, device: str) -> dict[str, Any]:
    """The networks of a model: arrays on the processor where that is possible, PyTorch's otherwise.

    They are kept between calls for as long as the files are the same; nobody may change them.

    Raises
    ------
    ModelError
        As ``Model.build_networks``.
    """

    as_arrays = device == "cpu" and all(one.architecture == ARCHITECTURE for one in model.networks.values())
    if not as_arrays and type(model) is not Model:
        return model.build_networks(device)  # kept by itself
    key = (device, *_identity(model))
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return dict(_kept[key])
    built = _arrays(model) if as_arrays else None
    if built is None:
        built = model.build_networks(device)
    with _lock:
        _kept[key] = built
        while len(_kept) > KEPT or (len(_kept) > 1 and sum(map(_size, _kept.values())) > MOST_KEPT_BYTES):
            _kept.popitem(last=False)
    return dict(built)


def forget_networks(device: str) -> None:
    """Let go of the networks that are kept on a device, whose memory is needed."""
    with _lock:
        for key in [key for key in _kept if key[0] == device]:
            del _kept[key]


def _arrays(model: Model) -> dict[str, Any] | None:
    try:
        return {
            name: SilhouetteArrays(state, model.networks[name].parameters)
            for name, state in model.read_weights().items()
        }
    except (KeyError, TypeError, ValueError):
        return None  # building PyTorch's says what is wrong


def _size(networks: dict[str, Any]) -> int:
    """Bytes of PyTorch's networks; arrays are small."""
    return sum(
        one.numel() * one.element_size()
        for network in networks.values()
        if not isinstance(network, SilhouetteArrays)
        for one in network.parameters()
    )


def _identity(model: Model) -> tuple[Any, ...]:
    entries = []
    for name, entry in model.networks.items():
        try:
            status = (entry.home(model.path) / entry.weights).stat()
            state = (status.st_mtime_ns, status.st_size)
        except OSError:
            state = (0, 0)
        entries.append((name, entry.sha256, json.dumps(entry.parameters, sort_keys=True, default=str), state))
    return (str(model.path), *entries)


def estimate(
    networks: dict[str, Any],
    coronal: tuple[Array, Array, Array],
    lateral: tuple[Array, Array, Array] | None,
    lateral_first_mm: Array | None,
    pixel_mm: float,
    mirror: Array,
    mean_depth_mm: Array,
    mean_depth_error_mm: Array,
) -> Estimates:
    """See ``silhouette.estimate``."""
    image, mean, deviation = network_input(*coronal, LEAST_DEVIATION_MM)
    maps = networks["coronal"](image)
    flipped = networks["coronal"](np.ascontiguousarray(image[..., ::-1]))
    probability, present = _both(maps, flipped, mirror)
    place, covariance, window = decode(probability)
    scale = deviation[:, None, None, None]
    depth_map = (maps.depth + mirrored(flipped.depth, mirror)) / 2 * scale + mean[:, None, None, None]
    error_map = np.exp(maps.depth_log_scale) + mirrored(np.exp(flipped.depth_log_scale), mirror)
    error_map = error_map / 2 * scale
    depth = {"network": (window * depth_map).sum(axis=(2, 3)), "mean": mean[:, None] + mean_depth_mm}
    error = {
        "network": (window * error_map).sum(axis=(2, 3)),
        "mean": np.broadcast_to(mean_depth_error_mm, depth["mean"].shape),
    }
    if lateral is not None and lateral_first_mm is not None:
        front, back, inside = lateral
        seen = networks["lateral"](network_input(front, back, inside, LEAST_DEVIATION_MM)[0])
        # The mirror image of a body: what was last from the left is now first, and the sides swap names.
        other = networks["lateral"](network_input(-back, -front, inside, LEAST_DEVIATION_MM)[0])
        chance = distribution(seen.logits, seen.absent)[0]
        chance = (chance + distribution(other.logits, other.absent)[0][:, mirror]) / 2
        column, spread, _ = decode(chance)
        depth["lateral"] = np.asarray(lateral_first_mm)[:, None] + column[..., 0] * pixel_mm
        error["lateral"] = 0.8 * np.sqrt(spread[..., 0, 0]) * pixel_mm
    near = mass_within(probability, place, RADIUS_MM / pixel_mm)
    return Estimates(
        _double(place),
        _double(covariance),
        _double(present),
        _double(near),
        {name: _double(value) for name, value in depth.items()},
        {name: _double(value) for name, value in error.items()},
        np.stack([probability, depth_map, error_map], axis=1),
    )


def estimate_hands(
    network: Any, front: Array, back: Array, field_of_view: Array, ends: tuple[int, int], radius_share: float
) -> HandEstimates:
    """See ``hand_network.estimate_hands``."""
    image, mean, deviation = network_input(front, back, field_of_view, LEAST_DEVIATION_OF_HANDS_MM)
    maps: HeatmapArrays = network(image)
    assert maps.depth is not None and maps.depth_log_scale is not None
    probability, present = distribution(maps.logits, maps.absent)
    place, covariance, window = decode(probability)
    scale = deviation[:, None, None, None]
    depth_map = maps.depth * scale + mean[:, None, None, None]
    error_map = np.exp(maps.depth_log_scale) * scale
    wrist, tip = (place[:, n] for n in ends)
    seen = (present[:, list(ends)] > 0.5).all(axis=1)
    length = np.where(seen, np.linalg.norm(tip - wrist, axis=1), LENGTH_OF_PATCH * image.shape[2])
    near = mass_within(probability, place, radius_share * length)
    return HandEstimates(
        position=_double(place),
        covariance=_double(covariance),
        present=_double(present),
        near=_double(near),
        depth=_double((window * depth_map).sum(axis=(2, 3))),
        depth_error=_double((window * error_map).sum(axis=(2, 3))),
        mean=_double(mean),
        deviation=_double(deviation),
        length=_double(length),
        maps=np.stack([probability, depth_map, error_map], axis=1).astype(np.float32),
    )


def _both(maps: HeatmapArrays, flipped: HeatmapArrays, mirror: Array) -> tuple[Array, Array]:
    """Probability of cells and presence over an image and its mirror image."""
    probability, present = distribution(maps.logits, maps.absent)
    other, other_present = distribution(flipped.logits, flipped.absent)
    return (probability + mirrored(other, mirror)) / 2, (present + other_present[:, mirror]) / 2


def _double(values: Array) -> Array:
    return np.asarray(values, np.float64)
