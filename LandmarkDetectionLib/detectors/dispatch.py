"""Ways to find landmarks, all with the same face: a volume and a model in, an ``Analysis`` out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING

from LandmarkDetectionLib.core.options import DEVICES, DetectOptions, require_choice
from LandmarkDetectionLib.errors import Cancelled, InputError, ModelError

if TYPE_CHECKING:
    import numpy as np

    from LandmarkDetectionLib.core.detection import Detection
    from LandmarkDetectionLib.core.options import Side
    from LandmarkDetectionLib.core.volume import Volume
    from LandmarkDetectionLib.detectors import (
        bones,
        hand,
        hand_regression,
        heatmap,
        regression,
        search_agent,
        silhouette,
    )
    from LandmarkDetectionLib.detectors.analysis import Analysis, Views
    from LandmarkDetectionLib.detectors.base import Detector
    from LandmarkDetectionLib.models import Model
    from LandmarkDetectionLib.typing import Progress

    #: Here type checkers see that each is a detector; they are imported when they are needed.
    _ALIKE: tuple[Detector, ...] = (
        silhouette,
        bones,
        regression,
        hand,
        hand_regression,
        heatmap,
        search_agent,
    )

#: By the name that a model's package has for its detector.
MODULES = {
    "silhouette": "silhouette",
    "bones": "bones",
    "regression": "regression",
    "hand": "hand",
    "hand-regression": "hand_regression",
    "heatmap": "heatmap",
    "search-agent": "search_agent",
}


def analyse(
    volume: Volume,
    model: Model,
    options: DetectOptions | None = None,
    *,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Analysis:
    """Find a model's landmarks, and keep what was seen for pictures, clicks and corrections.

    Parameters
    ----------
    volume : Volume
        A volume, or a radiograph.
    model : Model
        See ``models.load_model``.
    options : DetectOptions, optional
        Whatever is not left to the model.
    progress : callable, optional
        Called with the fraction done and what is being done.
    cancelled : callable, optional
        Asked between the steps.

    Returns
    -------
    Analysis
        Its detection is what ``detect`` returns.

    Raises
    ------
    LandmarkDetectionError
        As ``detect``.

    Examples
    --------
    >>> import LandmarkDetectionLib as ld
    >>> model = ld.load_model("whole-body-ct")
    >>> analysis = ld.analyse(ld.read_volume("ct.nrrd"), model, ld.DetectOptions(device="cpu"))
    >>> analysis.detection.landmarks["knee_left"].status.value
    'detected'
    >>> ld.write_overlay(analysis.detection, analysis.views, model.protocol, "overlay.png")
    """
    from LandmarkDetectionLib.detectors import memory, refining

    asked = DetectOptions() if options is None else options
    detector = detector_of(model)
    if refusal := detector.refuses(volume, model, asked):
        raise refusal

    def step(fraction: float, text: str) -> None:
        if cancelled is not None and cancelled():
            raise Cancelled("The detection was cancelled; nothing was written.")
        if progress is not None:
            progress(fraction, text)

    def run(device: str) -> Analysis:
        return detector.analyse(volume, model, replace(asked, device=device), step)

    found, note = memory.run_within(run, _device_for(model, asked.device), volume.name)
    detection = found.detection
    doubts = [doubt for one in (volume, *asked.channels) for doubt in one.doubts]
    # What came of the options is no option: a threshold that was estimated is not one that was given.
    parameters = {**detection.parameters, "given": asked.given}
    if note:
        parameters["device_note"] = note
    detection = replace(detection, parameters=parameters, doubts=(*doubts, *detection.doubts))
    return replace(found, detection=refining.with_expected_errors(detection, found.state.joint))


def detect(
    volume: Volume,
    model: Model,
    *,
    threshold: float | None = None,
    depth: str | None = None,
    device: str = "auto",
    side: Side = "auto",
    channels: Sequence[Volume] = (),
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Detection:
    """Find a model's landmarks in a volume or a radiograph: the detection of ``analyse``.

    Parameters
    ----------
    volume : Volume
    model : Model
        See ``models.load_model``.
    threshold : float, optional
        Air threshold in the volume's own units; estimated when None.
    depth : {"mean", "network", "lateral"}, optional
        How the third coordinate is found; the model's best by measurement when None.
    device : {"auto", "cpu", "cuda"}
        By default the processor for small networks, otherwise CUDA where there is one. When the memory of a
        CUDA device runs out, the processor does all of it again, and the detection's parameters say so
        (``device_note``).
    side : {"auto", "left", "right"}
        Which hand it is, for models of hands. By default the thumb tells, radiographs being dorsopalmar.
    channels : sequence of Volume
        Further images of the case on the same voxels (T2w beside T1w), for models that learned from several.
    progress : callable, optional
        Called with the fraction done and what is being done.
    cancelled : callable, optional
        Asked between the steps.

    Returns
    -------
    Detection
        One landmark per landmark of the model's protocol, in its order; positions in RAS mm. Its parameters
        hold what was used, and under ``given`` only the options that were given. Its warnings begin with
        those of the volumes.

    Raises
    ------
    InputError
        When an option is not one of the above, the volume is of the wrong kind, or the memory runs out.
    NoBodyError
        When there is nothing body-like in the volume.
    ModelError
        When the model's networks cannot be built or the device is missing.
    Cancelled
        When ``cancelled`` said so.

    Examples
    --------
    >>> import LandmarkDetectionLib as ld
    >>> detection = ld.detect(ld.read_volume("ct.nrrd"), ld.load_model("whole-body-ct"), device="cpu")
    >>> knee = detection.landmarks["knee_left"]
    >>> knee.status.value, knee.confidence > 0.5
    ('detected', True)
    >>> truth = ld.read_landmarks("ct.mrk.json")["knee_left"]
    >>> float(sum((knee.position - truth.position) ** 2)) ** 0.5 < 20  # mm
    True
    """
    options = DetectOptions(threshold, depth, device, side, channels)
    return analyse(volume, model, options, progress=progress, cancelled=cancelled).detection


def detector_of(model: Model) -> Detector:
    """What runs a model; only that is loaded, as the others may need PyTorch, which takes seconds.

    Raises
    ------
    ModelError
        This version has no such detector.
    """
    if model.detector not in MODULES:
        raise ModelError(
            f"The model {model.name!r} asks for the detector {model.detector!r}, which this version lacks."
        )
    detector: Detector = import_module(f"LandmarkDetectionLib.detectors.{MODULES[model.detector]}")
    return detector


def _device_for(model: Model, device: str) -> str:
    """As ``choose_device``; networks of outlines are so small that only a person sends them to a GPU."""
    return "cpu" if device == "auto" and model.capabilities.small else choose_device(device)


def look(volume: Volume, model: Model | None, options: DetectOptions | None = None) -> Views:
    """What ``detect`` looks at, for pictures: the views of a body, of a hand, or the image itself.

    Raises
    ------
    InputError, NoBodyError
        As ``detect``.
    """
    from LandmarkDetectionLib.imaging.body.projection import project_body
    from LandmarkDetectionLib.imaging.hand.views import view_hand
    from LandmarkDetectionLib.imaging.previews import image_views

    asked = DetectOptions() if options is None else options
    can = None if model is None else model.capabilities
    if can is not None and not can.of_outlines:
        return image_views(volume)
    if can is not None and can.of_hands:
        return view_hand(volume, asked.side, asked.threshold)
    return project_body(volume, threshold=asked.threshold)


def preview(volume: Volume, model: Model, threshold: float | None = None) -> tuple[float, np.ndarray]:
    """What ``detect`` would take for the body or the hand, drawn while a threshold is chosen.

    Returns
    -------
    threshold
        The one that was used, estimated when None.
    picture
        (H, W) uint8: 0 air, a dark tone what is removed, light tones the body, the lighter the nearer.

    Raises
    ------
    InputError, NoBodyError
        As ``detect``.
    """
    from LandmarkDetectionLib.imaging.body.projection import shaded, silhouette_preview
    from LandmarkDetectionLib.imaging.hand.views import view_hand

    if not model.capabilities.of_outlines:
        raise InputError(f"The model {model.name!r} looks at grey values; there is no threshold to choose.")
    if not model.capabilities.of_hands:
        return silhouette_preview(volume, threshold)
    picture = view_hand(volume, threshold=threshold)
    return picture.threshold, shaded(picture.views[0].view.front)


def choose_device(device: str) -> str:
    """The torch device for a choice of "auto", "cpu" or "cuda".

    Raises
    ------
    InputError
        When the choice is unknown or there is no such device.
    """
    require_choice("device", device, DEVICES)
    if device == "cpu":
        return device
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "The device cuda was asked for, but this machine offers none; choose cpu or auto.", about="device"
        )
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return device
