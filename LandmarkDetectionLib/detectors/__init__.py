"""Ways to find landmarks, all with the same face: a volume and a model in, a ``Detection`` out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from LandmarkDetectionLib.errors import Cancelled, InputError, ModelError

if TYPE_CHECKING:
    from LandmarkDetectionLib.detection import Detection
    from LandmarkDetectionLib.model import Model
    from LandmarkDetectionLib.volume import Volume

Progress = Callable[[float, str], None]
DEPTH_METHODS = ("mean", "network", "lateral")
DEVICES = ("auto", "cpu", "cuda")


def detect(
    volume: Volume,
    model: Model,
    *,
    threshold: float | None = None,
    depth: str | None = None,
    device: str = "auto",
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Detection:
    """Find a model's landmarks in a volume.

    Parameters
    ----------
    volume : Volume
    model : Model
        See ``model.load_model``.
    threshold : float, optional
        Air threshold in the volume's own units; estimated when None.
    depth : {"mean", "network", "lateral"}, optional
        How the third coordinate is found; the model's best by measurement when None.
    device : {"auto", "cpu", "cuda"}
    progress : callable, optional
        Called with the fraction done and what is being done.
    cancelled : callable, optional
        Asked between the steps.

    Returns
    -------
    Detection
        One landmark per landmark of the model's protocol, in its order; positions in RAS mm.

    Raises
    ------
    InputError
        When an option is not one of the above or the volume is of the wrong kind.
    NoBodyError
        When there is nothing body-like in the volume.
    ModelError
        When the model's networks cannot be built or the device is missing.
    Cancelled
        When ``cancelled`` said so.
    """
    from LandmarkDetectionLib.detectors import silhouette

    if depth is not None and depth not in DEPTH_METHODS:
        raise InputError(f"The depth method {depth!r} is unknown; choose {', '.join(DEPTH_METHODS)}.")

    def step(fraction: float, text: str) -> None:
        if cancelled is not None and cancelled():
            raise Cancelled("The detection was cancelled; nothing was written.")
        if progress is not None:
            progress(fraction, text)

    kinds = {"silhouette": silhouette.detect, "regression": silhouette.detect_by_regression}
    if model.detector not in kinds:
        raise ModelError(
            f"The model {model.name!r} asks for the detector {model.detector!r}, which this version lacks."
        )
    return kinds[model.detector](volume, model, threshold, depth, choose_device(device), step)


def choose_device(device: str) -> str:
    """The torch device for a choice of "auto", "cpu" or "cuda".

    Raises
    ------
    InputError
        When the choice is unknown or there is no such device.
    """
    import torch

    if device not in DEVICES:
        raise InputError(f"The device {device!r} is unknown; choose {', '.join(DEVICES)}.")
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "The device cuda was asked for, but this machine offers none; use --device cpu or auto."
        )
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return device
