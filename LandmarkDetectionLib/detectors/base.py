"""What every detector has, and what several of them refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from LandmarkDetectionLib.errors import InputError

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.options import DetectOptions
    from LandmarkDetectionLib.core.volume import Volume
    from LandmarkDetectionLib.detectors.analysis import Analysis
    from LandmarkDetectionLib.models import Model

#: Told the fraction done and what is being done; raises Cancelled to stop.
Step = Callable[[float, str], None]


class Detector(Protocol):
    """One way to find landmarks: a module of this package with these two functions."""

    def refuses(self, volume: Volume, model: Model, options: DetectOptions) -> InputError | None:
        """Why a model of this kind cannot look at a volume with these options; None when it can."""

    def analyse(self, volume: Volume, model: Model, options: DetectOptions, step: Step) -> Analysis:
        """Find the model's landmarks with options that are not refused, on the device that they name."""


def refuses_side(model: Model, options: DetectOptions) -> InputError | None:
    """For models that are not of hands."""
    if options.side == "auto":
        return None
    return InputError(f"The model {model.name!r} is not one of hands; leave out the side.", about="side")


def refuses_channels(model: Model, options: DetectOptions) -> InputError | None:
    """For models that look at one image."""
    if not options.channels:
        return None
    return InputError(
        f"The model {model.name!r} looks at one image; leave out the further channels.", about="channel"
    )
