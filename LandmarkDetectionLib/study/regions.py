"""What the study knows of hands and bodies: landmarks, unit size, synthetic stream, and how to see a scan."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from LandmarkDetectionLib.core.options import Side
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.imaging.depth import (
    SMALLEST_DEVIATION_MM,
    SMALLEST_DEVIATION_OF_HANDS_MM,
    depth_scale,
    normalised_depth,
)
from LandmarkDetectionLib.imaging.hand.views import view_hand
from LandmarkDetectionLib.imaging.view import View
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.study.patches import to_targets
from LandmarkDetectionLib.synthesis.batches import ViewBatch
from LandmarkDetectionLib.training.synthetic.presets import NINE
from LandmarkDetectionLib.typing import Array


@dataclass(frozen=True)
class Region:
    """One of the paper's two applications.

    Attributes
    ----------
    name, title
    landmarks
        Those of the paper.
    known
        All that the synthetic images have, in the order of the protocol.
    shape
        Rows and columns of the paper's unit size.
    least_depth_mm
        Smallest deviation of the depth on the object that is believed.
    view
        From a volume and the side ("left", "right" or "") to the view that the synthetic images show; its
        depth is NaN where the image has none.
    group
        From phenotypes (B, 11) to those of a narrow group (B,): the people of the stand-in.
    stream
        From landmarks, seed, batch size, shape and strength of disturbances to a stream whose batches have a
        ``coronal`` view and a ``phenotype``.
    """

    name: str
    title: str
    landmarks: tuple[str, ...]
    known: tuple[str, ...]
    shape: tuple[int, int]
    least_depth_mm: float
    view: Callable[[Volume, str], View]
    group: Callable[[Array], Array]
    stream: Callable[[tuple[str, ...], int, int, tuple[int, int], float], Any]

    def ordered(self, names: Iterable[str]) -> tuple[str, ...]:
        """Landmarks in the order of the protocol, in which a model must have them.

        Raises
        ------
        InputError
            When the synthetic images lack one.
        """
        wanted = set(names)
        if unknown := sorted(wanted - set(self.known)):
            raise InputError(
                f"The synthetic images of the {self.title} have no landmark {', '.join(unknown)}; name the "
                f"landmarks as the protocol does: {', '.join(self.known)}."
            )
        return tuple(name for name in self.known if name in wanted)


def find_region(name: str) -> Region:
    """The region of a name.

    Raises
    ------
    InputError
        When it is unknown.
    """
    regions = {"hand": _hand, "body": _body}
    if name not in regions:
        raise InputError(f"The region {name!r} is unknown; choose {', '.join(regions)}.")
    return regions[name]()


def _body() -> Region:
    from LandmarkDetectionLib.imaging.body.projection import project_body
    from LandmarkDetectionLib.synthesis.body.model import PHENOTYPES
    from LandmarkDetectionLib.synthesis.body.stream import BodyStream, Framing

    def view(volume: Volume, side: str) -> View:
        return project_body(volume).coronal

    def group(phenotype: Array) -> Array:
        """The old and heavy, as patients of an oncology are rather than volunteers."""
        age, weight = (phenotype[:, PHENOTYPES.index(name)] for name in ("age", "weight"))
        return np.asarray((age > 0.75) & (weight > 0.5))

    def stream(
        names: tuple[str, ...], seed: int, batch_size: int, shape: tuple[int, int], disturbance: float
    ) -> BodyStream:
        # The lateral view is not needed here, so that it is as small as can be.
        framing = Framing(coronal=shape, lateral=(shape[0], 2), pixel_mm=None)
        return BodyStream(names, seed, batch_size, framing, whole_body_only=True, disturbance=disturbance)

    known = tuple(load_protocol("whole-body").names)
    return Region("body", "whole body", NINE, known, (160, 76), SMALLEST_DEVIATION_MM, view, group, stream)


def _hand() -> Region:
    from LandmarkDetectionLib.synthesis.body.model import PHENOTYPES
    from LandmarkDetectionLib.synthesis.hand.model import FINGERTIPS
    from LandmarkDetectionLib.synthesis.hand.stream import HandFraming, HandStream

    def view(volume: Volume, side: str) -> View:
        picture = view_hand(volume, cast(Side, side or "auto"))
        seen = picture.views[0].view
        # Right hands are seen as their mirror images; the view's geometry knows.
        return replace(seen, front=np.full_like(seen.front, np.nan)) if picture.flat else seen

    def group(phenotype: Array) -> Array:
        """Young men, as the paper's volunteers of 13 to 24 years."""
        gender, age = (phenotype[:, PHENOTYPES.index(name)] for name in ("gender", "age"))
        return np.asarray((gender < 0.3) & (age > 0.45) & (age < 0.72))

    def stream(
        names: tuple[str, ...], seed: int, batch_size: int, shape: tuple[int, int], disturbance: float
    ) -> HandStream:
        framing = HandFraming(shape=shape, fit="stretched")
        return HandStream(names, seed, batch_size, framing, disturbance=disturbance)

    known = tuple(load_protocol("hand").names)
    return Region(
        "hand", "left hand", FINGERTIPS, known, (96, 96), SMALLEST_DEVIATION_OF_HANDS_MM, view, group, stream
    )


@dataclass(frozen=True)
class SyntheticSource:
    """Batches for training drawn from a region's stream: silhouettes with positions, or depth with depths.

    Parameters
    ----------
    region : Region
    names, seed, batch_size, shape
        Of the stream.
    per_epoch : int
        Batches in one epoch.
    repeat : bool
        Every epoch shows the same images, as in the paper; otherwise no image is shown twice.
    depth : bool
        Normalised depth images and depths instead of silhouettes and positions.
    """

    region: Region
    names: tuple[str, ...]
    seed: int
    batch_size: int
    shape: tuple[int, int]
    per_epoch: int
    repeat: bool = False
    depth: bool = False

    def batch(self, number: int) -> tuple[Array, Array]:
        """Images (B, H, W), silhouettes as uint8, and targets (B, T)."""
        drawn = self.view(number)
        if not self.depth:
            return np.isfinite(drawn.front).view(np.uint8), to_targets(drawn.points[..., :2], self.shape)
        import torch

        front = torch.from_numpy(drawn.front)
        scale = depth_scale(front, self.region.least_depth_mm)
        targets = scale.normalise(torch.from_numpy(drawn.points[..., 2]))
        return normalised_depth(front, scale).numpy(), targets.numpy()

    def view(self, number: int) -> ViewBatch:
        """The view that batch ``number`` shows."""
        if self.repeat:
            number %= self.per_epoch
        stream = self.region.stream(self.names, self.seed, self.batch_size, self.shape, 1.0)
        view: ViewBatch = stream.batch(number).coronal
        return view
