"""Ways to find landmarks, all with the same face: a volume and a model in, a ``Detection`` out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from LandmarkDetectionLib.errors import Cancelled, InputError, ModelError

if TYPE_CHECKING:
    import numpy as np

    from LandmarkDetectionLib.core.detection import Detection
    from LandmarkDetectionLib.core.landmarks import Landmark
    from LandmarkDetectionLib.core.volume import Volume
    from LandmarkDetectionLib.detectors.refining import Corrections
    from LandmarkDetectionLib.imaging.body.projection import Projection
    from LandmarkDetectionLib.imaging.hand.views import HandPicture, Side
    from LandmarkDetectionLib.imaging.previews import ImageViews
    from LandmarkDetectionLib.models import Model
    from LandmarkDetectionLib.typing import Progress

DEPTH_METHODS = ("mean", "network", "lateral")
DEVICES = ("auto", "cpu", "cuda")


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
    """Find a model's landmarks in a volume or a radiograph.

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
    >>> knee.status.value, knee.confidence > 0.9
    ('detected', True)
    >>> truth = ld.read_landmarks("ct.mrk.json")["knee_left"]
    >>> float(sum((knee.position - truth.position) ** 2)) ** 0.5 < 20  # mm
    True
    """
    from LandmarkDetectionLib.detectors import memory, refining

    if depth is not None and depth not in DEPTH_METHODS:
        raise InputError(f"The depth method {depth!r} is unknown; choose {', '.join(DEPTH_METHODS)}.")

    def step(fraction: float, text: str) -> None:
        if cancelled is not None and cancelled():
            raise Cancelled("The detection was cancelled; nothing was written.")
        if progress is not None:
            progress(fraction, text)

    if side != "auto" and not model.is_of_hands:
        raise InputError(f"The model {model.name!r} is not one of hands; leave out the side.")
    if channels and not model.reads_grey_values:
        raise InputError(f"The model {model.name!r} looks at one image; leave out the further channels.")
    find = _detector(model, side, channels)

    given: dict[str, object] = {"threshold": threshold, "depth": depth, "side": side}
    given = {name: value for name, value in given.items() if value not in (None, "auto")}

    def run(chosen: str) -> Detection:
        found = find(volume, model, threshold, depth, chosen, step)
        doubts = [text for one in (volume, *channels) for text in one.warnings]
        # What came of the options is no option: a threshold that was estimated is not one that was given.
        parameters = {**found.parameters, "given": given}
        found = replace(found, parameters=parameters, warnings=(*doubts, *found.warnings))
        return refining.with_expected_errors(found)

    return memory.run_within(run, _device_for(model, device), volume.name)


def _detector(model: Model, side: Side, channels: Sequence[Volume]) -> Callable[..., Detection]:
    """What runs a model; only that is loaded, as the others may need PyTorch, which takes seconds."""
    if model.detector == "silhouette":
        from LandmarkDetectionLib.detectors import silhouette

        return silhouette.detect
    if model.detector == "regression":
        from LandmarkDetectionLib.detectors import silhouette

        return silhouette.detect_by_regression
    if model.detector == "hand":
        from LandmarkDetectionLib.detectors import hand

        return partial(hand.detect, side=side)
    if model.detector == "hand-regression":
        from LandmarkDetectionLib.detectors import hand_regression

        return partial(hand_regression.detect, side=side)
    if model.detector == "heatmap":
        from LandmarkDetectionLib.detectors import heatmap

        return partial(heatmap.detect, channels=channels)
    raise ModelError(
        f"The model {model.name!r} asks for the detector {model.detector!r}, which this version lacks."
    )


def _device_for(model: Model, device: str) -> str:
    """As ``choose_device``; networks of outlines are so small that only a person sends them to a GPU."""
    small = model.detector in ("silhouette", "hand")
    return "cpu" if device == "auto" and small else choose_device(device)


def look(
    volume: Volume, model: Model | None, *, threshold: float | None = None, side: Side = "auto"
) -> Projection | HandPicture | ImageViews:
    """What ``detect`` looks at, for pictures: the views of a body, of a hand, or the image itself.

    Raises
    ------
    InputError, NoBodyError
        As ``detect``.
    """
    from LandmarkDetectionLib.imaging.body.projection import project_body
    from LandmarkDetectionLib.imaging.hand.views import view_hand
    from LandmarkDetectionLib.imaging.previews import image_views

    if model is not None and model.reads_grey_values:
        return image_views(volume)
    if model is not None and model.is_of_hands:
        return view_hand(volume, side, threshold)
    return project_body(volume, threshold=threshold)


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

    if model.reads_grey_values:
        raise InputError(f"The model {model.name!r} looks at grey values; there is no threshold to choose.")
    if not model.is_of_hands:
        return silhouette_preview(volume, threshold)
    picture = view_hand(volume, threshold=threshold)
    return picture.threshold, shaded(picture.views[0].view.front)


def locate_near(detection: Detection, model: Model, name: str, near: np.ndarray) -> Landmark:
    """Find one landmark again near a place that a person points to, within milliseconds.

    The place is taken as a hint: the landmark goes where both the hint and what the networks saw make it
    likely, and stays at the hint where they saw nothing. Depth is weighed between the two.

    Parameters
    ----------
    detection : Detection
        Fresh from ``detect``: one read from a file has lost what the networks saw.
    model : Model
        The model it was made with.
    name : str
        The landmark.
    near : (3,) array
        RAS mm.

    Returns
    -------
    Landmark
        With a confidence that holds for places about 10 mm off, and a covariance.

    Raises
    ------
    InputError
        When the detection holds nothing to look at again, the model has no such landmark, or the place lies
        outside the scan or far from the body.

    Examples
    --------
    >>> import LandmarkDetectionLib as ld
    >>> model = ld.load_model("whole-body-ct")
    >>> detection = ld.detect(ld.read_volume("ct.nrrd"), model, device="cpu")
    >>> hint = detection.landmarks["knee_left"].position + [8.0, 0.0, 8.0]
    >>> ld.locate_near(detection, model, "knee_left", hint).name
    'knee_left'
    """
    from LandmarkDetectionLib.detectors import locate

    return locate.locate_near(detection, model, name, near)


def refine(detection: Detection, corrections: Corrections) -> Detection:
    """Move the landmarks that nobody has settled to where a person's corrections make them likely.

    Networks with a spatial branch (SCN, DACN) look again with the corrected landmarks drawn into their local
    appearance. All models weigh what their networks say of every landmark against how landmarks lie to one
    another and how errors go together, as a joint Gaussian that training left in the model's package.

    The result depends on the detection and on the corrections alone, not on what was refined before.

    Parameters
    ----------
    detection : Detection
        Fresh from ``detect``: one read from a file has lost what the networks saw.
    corrections : LandmarkSet or mapping of name to (3,) RAS mm
        Of a set those landmarks count that a person accepted, corrected or called missing. In a mapping None
        says that a landmark is missing.

    Returns
    -------
    Detection
        Settled landmarks exactly as given. The others with their new places, calibrated anew; what was absent
        may appear, and what was present may vanish.

    Raises
    ------
    InputError
        The detection comes from a file, its model has no joint Gaussian, or there is no such landmark.

    Examples
    --------
    >>> import LandmarkDetectionLib as ld
    >>> detection = ld.detect(ld.read_volume("ct.nrrd"), ld.load_model("whole-body-ct"), device="cpu")
    >>> refined = ld.refine(detection, {"knee_left": [-48.0, 45.0, -331.0]})
    >>> refined.landmarks["knee_left"].status.value, refined.landmarks["knee_left"].position.tolist()
    ('corrected', [-48.0, 45.0, -331.0])
    """
    from LandmarkDetectionLib.detectors import refining

    return refining.refine(detection, corrections)


def choose_device(device: str) -> str:
    """The torch device for a choice of "auto", "cpu" or "cuda".

    Raises
    ------
    InputError
        When the choice is unknown or there is no such device.
    """
    if device not in DEVICES:
        raise InputError(f"The device {device!r} is unknown; choose {', '.join(DEVICES)}.")
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
