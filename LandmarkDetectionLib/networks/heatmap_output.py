"""What every heatmap network has in common: its output, and the numbers others need to feed it."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn


class HeatmapOutput(NamedTuple):
    """Heatmaps of L landmarks in B images; S is the heatmap's size, one voxel per ``stride`` input pixels.

    Attributes
    ----------
    heatmaps : (B, L, *S) float32
        What positions are read from.
    appearance : (B, L, *S) float32 or None
        Local appearance before the spatial branch, of networks that have one: they have a method ``combine``
        from it and the image to the output.
    intermediate : tuple of (B, L, *S) float32
        Heatmaps of earlier stacks, which enter the loss too.
    """

    heatmaps: Tensor
    appearance: Tensor | None = None
    intermediate: tuple[Tensor, ...] = ()


class HeatmapNetwork(nn.Module):
    """A network from images (B, inputs, *spatial) to a ``HeatmapOutput``; parameters are JSON values.

    Attributes
    ----------
    landmarks, inputs : int
        Heatmaps given, channels taken.
    dimensions : {2, 3}
    stride : int
        Input pixels per heatmap voxel along every axis: voxel c lies at pixel stride * (c + 0.5) - 0.5.
    multiple : int
        Every input size must be a multiple of it.

    Raises
    ------
    ValueError
        One of them cannot be.
    """

    def __init__(self, landmarks: int, inputs: int, dimensions: int, stride: int, multiple: int) -> None:
        super().__init__()
        require_one_of((2, 3), dimensions=dimensions)
        require_whole(landmarks=landmarks, inputs=inputs)
        self.landmarks, self.inputs, self.dimensions = landmarks, inputs, dimensions
        self.stride, self.multiple = stride, multiple

    def check_input(self, image: Tensor) -> None:
        """Refuse an image of other channels, dimensions or sizes.

        Raises
        ------
        ValueError
        """
        sizes = image.shape[2:]
        if image.ndim != self.dimensions + 2 or image.shape[1] != self.inputs:
            raise ValueError(
                f"the network takes {self.inputs} channel(s) in {self.dimensions}D, not an input of shape "
                f"{tuple(image.shape)}"
            )
        if any(size % self.multiple or not size for size in sizes):
            raise ValueError(f"the input's size {tuple(sizes)} must be a multiple of {self.multiple}")


# Of whatever is built in a loop or doubles a size: a model file must not ask for a billion levels.
MOST_LEVELS = 16


def require_whole(most: int = 65_536, **numbers: object) -> None:
    """Refuse what is no whole number from 1 to ``most``, by its name (networks are built from JSON).

    Raises
    ------
    ValueError
    """
    for name, number in numbers.items():
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise ValueError(f"{name} must be a whole number of at least 1, not {number!r}")
        if number > most:
            raise ValueError(f"{name} must be at most {most}, not {number}")


def require_sequence(length: int | None = None, **lists: object) -> None:
    """Refuse what is no list of positive whole numbers, of this length if given, by its name.

    Raises
    ------
    ValueError
    """
    for name, numbers in lists.items():
        if not isinstance(numbers, list | tuple) or not numbers:
            raise ValueError(f"{name} must be a list of whole numbers, not {numbers!r}")
        if len(numbers) > MOST_LEVELS:
            raise ValueError(f"{name} must have at most {MOST_LEVELS} numbers, not {len(numbers)}")
        if length is not None and len(numbers) != length:
            raise ValueError(f"{name} must have {length} numbers, one per axis, not {list(numbers)}")
        for number in numbers:
            require_whole(**{f"every number of {name}": number})


def require_one_of(choices: tuple[object, ...], **values: object) -> None:
    """Refuse a value that is none of the choices, by its name.

    Raises
    ------
    ValueError
    """
    for name, value in values.items():
        if isinstance(value, bool) or value not in choices:
            raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, not {value!r}")


def require_fraction(**values: object) -> None:
    """Refuse what is no number in [0, 1), by its name.

    Raises
    ------
    ValueError
    """
    for name, value in values.items():
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1:
            raise ValueError(f"{name} must be at least 0 and below 1, not {value!r}")
