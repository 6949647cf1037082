"""What every detector has, and what several of them refuse."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.doubts import Doubt, DoubtKind
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.options import DetectOptions
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.detectors.analysis import Analysis
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.models import Model
from LandmarkDetectionLib.quality.calibration import UNCERTAIN_BELOW
from LandmarkDetectionLib.typing import Array

#: Told the fraction done and what is being done; raises Cancelled to stop.
Step = Callable[[float, str], None]


class Detector(Protocol):
    """One way to find landmarks: a module of this package with these two functions."""

    def refuses(self, volume: Volume, model: Model, options: DetectOptions) -> InputError | None:
        """Why a model of this kind cannot look at a volume with these options; None when it can."""

    def analyse(self, volume: Volume, model: Model, options: DetectOptions, step: Step) -> Analysis:
        """Find the model's landmarks with options that are not refused, on the device that they name."""


def landmarks_of(
    model: Model, positions: Array, present: Array, confidence: Array, covariance: Array | None = None
) -> LandmarkSet:
    """A model's landmarks: absent where they are not present, uncertain where confidence is low.

    Parameters
    ----------
    model
        Whose protocol defines them.
    positions : (L, 3) RAS mm
    present : (L,) bool
    confidence : (L,)
        Of being where it is said; of an absent one, of being present.
    covariance : (L, 3, 3) mm^2, optional
    """
    marks = []
    for n, definition in enumerate(model.protocol.landmarks):
        there, trusted = bool(present[n]), confidence[n] >= UNCERTAIN_BELOW
        marks.append(
            Landmark(
                name=definition.name,
                position=positions[n] if there else np.full(3, np.nan),
                status=Status.ABSENT if not there else Status.DETECTED if trusted else Status.UNCERTAIN,
                confidence=float(confidence[n]),
                covariance=covariance[n] if there and covariance is not None else None,
                description=definition.definition,
            )
        )
    return LandmarkSet(tuple(marks), name=model.protocol.title)


def detection_of(
    model: Model,
    landmarks: LandmarkSet,
    doubts: Iterable[Doubt],
    seconds: dict[str, float],
    **parameters: Any,
) -> Detection:
    """What a model has found; ``parameters`` are what it ran with, as JSON values."""
    return Detection(landmarks, model.name, model.version, parameters, tuple(doubts), seconds)


def mostly_uncertain(model: Model, landmarks: LandmarkSet) -> Iterator[Doubt]:
    """A doubt about the image when a model is uncertain of more than half of its landmarks."""
    doubtful = sum(one.status is Status.UNCERTAIN for one in landmarks)
    if doubtful <= len(landmarks) / 2:
        return
    text = (
        f"The landmark is uncertain: the image may be of another kind than those that "
        f"{model.name} was trained on."
        if len(landmarks) == 1
        else f"{doubtful} of {len(landmarks)} landmarks are uncertain: the image may be of another kind than "
        f"those that {model.name} was trained on."
    )
    yield Doubt(text, DoubtKind.UNCERTAIN)


@contextmanager
def timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Note how long a step takes."""
    start = time.perf_counter()
    yield
    seconds[name] = round(time.perf_counter() - start, 4)


def refuses_side(model: Model, options: DetectOptions) -> InputError | None:
    """For models that are not of hands."""
    if options.side == "auto":
        return None
    return InputError(f"The model {model.name!r} is not one of hands; leave out the side.", about="side")


def refuses_outlines(model: Model, options: DetectOptions) -> InputError | None:
    """For models of grey values, which know neither sides of hands, nor a threshold, nor a depth method."""
    if reason := refuses_side(model, options):
        return reason
    if options.threshold is not None:
        return InputError(
            f"The model {model.name!r} looks at grey values and has no threshold; leave it out.",
            about="threshold",
        )
    if options.depth is not None:
        return InputError(
            f"The model {model.name!r} finds all coordinates at once; leave out the depth method.",
            about="depth",
        )
    return None


def refuses_channels(model: Model, options: DetectOptions) -> InputError | None:
    """For models that look at one image."""
    if not options.channels:
        return None
    return InputError(
        f"The model {model.name!r} looks at one image; leave out the further channels.", about="channel"
    )
