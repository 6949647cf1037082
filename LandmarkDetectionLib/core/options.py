"""What a detection can be told, and what its record says that it ran with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from LandmarkDetectionLib.errors import InputError

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.volume import Volume

Side = Literal["auto", "left", "right"]
SIDES: tuple[Side, ...] = ("auto", "left", "right")
DEPTH_METHODS = ("mean", "network", "lateral")
DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class DetectOptions:
    """What a detection is asked with; every option may be left to the model.

    Attributes
    ----------
    threshold
        Air threshold in the volume's own units; estimated when None.
    depth : {"mean", "network", "lateral"} or None
        How the third coordinate is found; the model's best by measurement when None.
    device : {"auto", "cpu", "cuda"}
        By default the processor for small networks, otherwise CUDA where there is one.
    side : {"auto", "left", "right"}
        Which hand it is, for models of hands. By default the thumb tells, radiographs being dorsopalmar.
    channels
        Further images of the case on the same voxels (T2w beside T1w), for models that learned from several.

    Raises
    ------
    InputError
        A depth method, a device or a side is not one of the above.

    Examples
    --------
    >>> import LandmarkDetectionLib as ld
    >>> ld.DetectOptions(threshold=-300.0, device="cpu").given
    {'threshold': -300.0}
    """

    threshold: float | None = None
    depth: str | None = None
    device: str = "auto"
    side: Side = "auto"
    channels: Sequence[Volume] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if self.depth is not None:
            require_choice("depth method", self.depth, DEPTH_METHODS)
        require_choice("device", self.device, DEVICES)
        require_choice("side", self.side, SIDES)

    @property
    def given(self) -> dict[str, float | str]:
        """Those that decide what is found and that are not left to the model, as JSON values."""
        values = {"threshold": self.threshold, "depth": self.depth, "side": self.side}
        return {name: value for name, value in values.items() if value is not None and value != "auto"}

    @classmethod
    def from_record(cls, values: Mapping[str, Any]) -> DetectOptions:
        """Inverse of ``given``; entries that are no option are passed over."""
        return cls(
            _number(values.get("threshold")),
            values.get("depth") if values.get("depth") in DEPTH_METHODS else None,
            side=values["side"] if values.get("side") in SIDES else "auto",
        )


def require_choice(kind: str, value: str, choices: Sequence[str]) -> None:
    """Refuse what is none of the choices.

    Raises
    ------
    InputError
        Which names them.
    """
    if value not in choices:
        raise InputError(f"The {kind} {value!r} is unknown; choose {', '.join(choices)}.")


def possible_options(parameters: Mapping[str, Any]) -> list[DetectOptions]:
    """Options that a detection's parameters may come from: those given, or several for an old record.

    Records keep what was *given* apart from what came of it: the threshold that was estimated is none that
    somebody chose. Old records do not tell the one from the other.
    """
    given = parameters.get("given")
    if isinstance(given, Mapping):
        return [DetectOptions.from_record(given)]
    recorded = DetectOptions.from_record(parameters)
    depth = DetectOptions(depth=recorded.depth)
    choices = [depth, DetectOptions(depth=recorded.depth, side=recorded.side), recorded]
    return [choice for n, choice in enumerate(choices) if choice not in choices[:n]]


@dataclass(frozen=True)
class Used:
    """What a detection ran with, read from the parameters of its record; None is what they do not tell.

    Attributes
    ----------
    threshold
        Given or estimated.
    depth, device, side
        As in ``DetectOptions``, but chosen; the depth of a radiograph is "none".
    unit : {"mm", "pixel"}
        Of positions: "pixel" in a picture whose pixels have no known size.
    device_note
        Why another device was used than the one asked for; "" when none was.
    pixel_size_mm
        Of an image that does not tell it itself, as somebody gave it.
    """

    threshold: float | None = None
    depth: str | None = None
    device: str | None = None
    side: Side | None = None
    unit: str = "mm"
    device_note: str = ""
    pixel_size_mm: float | None = None

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> Used:
        """Of a detection's parameters."""
        return cls(
            _number(parameters.get("threshold")),
            _text(parameters.get("depth")),
            _text(parameters.get("device")),
            parameters["side"] if parameters.get("side") in SIDES[1:] else None,
            "pixel" if parameters.get("unit") == "pixel" else "mm",
            _text(parameters.get("device_note")) or "",
            _number(parameters.get("pixel_size_mm")),
        )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
