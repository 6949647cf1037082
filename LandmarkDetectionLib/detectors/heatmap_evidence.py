"""What is kept of a heatmap network's look at an image, for clicks and corrections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.correction import JointGaussian, Observed
from LandmarkDetectionLib.detectors.evidence import Evidence, Maps, VolumeMaps
from LandmarkDetectionLib.detectors.joint import Answer, JointEvidence, JointFrame
from LandmarkDetectionLib.detectors.settings import HeatmapSettings
from LandmarkDetectionLib.heatmaps.decoding import Reading, gaussian_distribution, read_heatmaps
from LandmarkDetectionLib.heatmaps.gaussian import (
    axis_profiles,
    heatmap_distribution,
    image_to_heatmap,
    outer_product,
)
from LandmarkDetectionLib.imaging.grid import ImageGrid
from LandmarkDetectionLib.imaging.view import View, ViewGeometry
from LandmarkDetectionLib.networks.silhouette_unet import STRIDE
from LandmarkDetectionLib.quality.calibration import PRESENT_ABOVE
from LandmarkDetectionLib.typing import Array

#: How exactly a person points, in radii of the confidence.
CLICK_RADII = 1.5
#: Cosine between a grid's axes above which views, which have right angles, cannot show it.
SHEARED = 0.02
#: A volume's local appearance is kept up to so many bytes; above, only the joint Gaussian speaks.
MOST_BYTES = 300_000_000
#: What the spatial branch moves by less, and what it makes less or more present by less, has not changed.
UNCHANGED_VOXELS, UNCHANGED_PRESENCE = 0.5, 0.05


class SecondReading:
    """A chain of levels read again from the same heatmaps, with corrected landmarks where they are.

    A correction that contradicts one level contradicts its neighbours, too: what slipped together comes back
    together.

    Parameters
    ----------
    heatmaps : (1, L, *S) tensor
        Of the image.
    stride
        Voxels of the image per voxel of theirs.
    settings, names, radius
        Of the model, which reads levels together; the radius in voxels of the image.
    size
        Voxels along x and y that the image takes, see ``decoding.read_heatmaps``.
    """

    def __init__(
        self,
        heatmaps: torch.Tensor,
        stride: int,
        settings: HeatmapSettings,
        names: Sequence[str],
        radius: float,
        size: Sequence[float] | None = None,
    ) -> None:
        self._heatmaps, self._stride, self._radius = heatmaps, stride, radius
        self._settings, self._names, self._size = settings, names, size

    def __call__(self, known: Array, places: Array) -> Answer:
        """The answer once landmarks (L,) bool are at places (L, d) in voxels of the image."""
        return _read(
            self._heatmaps, self._stride, self._settings, self._names, self._radius, known, places, self._size
        )


class SpatialBranch:
    """A network's second look, with corrected landmarks drawn into its local appearance.

    Parameters
    ----------
    network
        With ``combine``.
    appearance : (1, L, *S) tensor
        Local appearance of the image.
    image : (C, *S) array
    reading : Reading
        Of the first look.
    settings, names, radius
        Of the model; the radius in voxels of the image.
    size
        As in `SecondReading`.
    """

    def __init__(
        self,
        network: Any,
        appearance: torch.Tensor,
        image: Array,
        reading: Reading,
        settings: HeatmapSettings,
        names: Sequence[str],
        radius: float,
        size: Sequence[float] | None = None,
    ) -> None:
        self._network, self._radius = network, radius
        self._image = torch.from_numpy(image)[None].to(appearance.device)
        self._appearance = appearance.half() if appearance.ndim == 5 else appearance
        self._settings, self._names, self._size = settings, names, size
        self._base, self._height = self._contrast()
        self._first = answer_of(reading)
        self._plain: Answer | None = None

    def __call__(self, known: Array, places: Array) -> Answer:
        """The answer once landmarks (L,) bool are at places (L, d) in voxels of the image.

        The first answer may be the mean of several looks: it stands for what the correction leaves as it is.
        """
        if self._plain is None:
            nobody = np.zeros_like(known)
            self._plain = self._look(self._drawn(nobody, places), nobody, places)
        again = self._look(self._drawn(known, places), known, places)
        before, after = self._plain.observed, again.observed
        changed = np.linalg.norm(after.position - before.position, axis=1) > UNCHANGED_VOXELS
        changed |= np.abs(again.present - self._plain.present) > UNCHANGED_PRESENCE
        first = self._first.observed
        observed = Observed(
            np.where(changed[:, None], after.position, first.position),
            np.where(changed[:, None], after.deviation, first.deviation),
            np.where(changed, after.near, first.near),
            np.where(changed, after.seen, first.seen),
        )
        return Answer(observed, np.where(changed, again.present, self._first.present))

    def _drawn(self, known: Array, places: Array) -> torch.Tensor:
        """Local appearance with a clean peak for every known landmark."""
        appearance = self._appearance.float().clone()
        chosen = np.flatnonzero(known)
        if not len(chosen):
            return appearance
        voxels = image_to_heatmap(torch.from_numpy(places[chosen]).float(), self._network.stride)
        sigma = torch.tensor([self._settings.sigma[self._names[n]] for n in chosen.tolist()])
        peaks = outer_product(axis_profiles(voxels[None], appearance.shape[2:], sigma))[0].to(appearance)
        ones = (1,) * (appearance.ndim - 2)
        base, height = (values[chosen].reshape(-1, *ones) for values in (self._base, self._height))
        appearance[0, chosen] = base + height * peaks
        return appearance

    def _look(self, appearance: torch.Tensor, known: Array, places: Array) -> Answer:
        device = appearance.device.type
        with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            heatmaps = self._network.combine(appearance, self._image).heatmaps.float()
        stride = self._network.stride
        return _read(heatmaps, stride, self._settings, self._names, self._radius, known, places, self._size)

    def _contrast(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Background (L,) of the appearance maps, and how much a landmark stands out, maybe downwards.

        Both were measured in training; a model packaged without takes them from this image.
        """
        flat = self._appearance[0].flatten(1).float()
        base = flat.median(dim=1).values
        above = flat - base[:, None]
        low, high = above.amin(dim=1), above.amax(dim=1)
        own = torch.where(high > -low, high, low)
        measured = self._settings.appearance
        for n, name in enumerate(self._names):
            if name in measured:
                base[n], own[n] = measured[name]
        return base, own


def _read(
    heatmaps: torch.Tensor,
    stride: int,
    settings: HeatmapSettings,
    names: Sequence[str],
    radius: float,
    known: Array,
    places: Array,
    size: Sequence[float] | None,
) -> Answer:
    """What heatmaps say, levels of a chain about the landmarks known (L,) bool at places (L, d)."""
    ladder = settings.read_by
    placed = {}
    if ladder is not None:
        voxels = image_to_heatmap(torch.from_numpy(np.asarray(places, float)), stride).tolist()
        placed = {n: (voxels[n][0], voxels[n][1]) for n in ladder.landmarks if known[n]}
    logits = settings.heatmaps == "logits"
    reading = read_heatmaps(heatmaps, logits, stride, radius, settings.masses(names), ladder, placed, size)
    return answer_of(settings.calibrated(reading, names))


def answer_of(reading: Reading) -> Answer:
    """What a reading of one image says, in voxels of the image."""
    deviation = np.sqrt(np.einsum("lii->li", reading.covariance[0]))
    seen = reading.present[0] >= PRESENT_ABOVE
    return Answer(Observed(reading.position[0], deviation, reading.near[0], seen), reading.present[0])


def heatmap_evidence(
    volume: Volume,
    grid: ImageGrid,
    settings: HeatmapSettings,
    reading: Reading,
    radius: float,
    heatmaps: torch.Tensor | None,
    stride: int,
    joint: JointGaussian | None,
    branch: SpatialBranch | SecondReading | None,
) -> Evidence:
    """Maps for clicks, and the answer for corrections."""
    d = grid.image.ndim - 1
    content = np.array(grid.content[::-1])
    evidence = JointEvidence(
        frame=JointFrame(grid.to_ras[:3, 3], grid.to_ras[:3, :d]),
        answer=answer_of(reading),
        joint=joint,
        radius=radius,
        judged_axes=d,
        inside=lambda points: np.asarray(((points >= -0.5) & (points <= content - 0.5)).all(axis=1)),
        answer_again=branch,
    )
    if heatmaps is not None and heatmaps.ndim == 5:
        return Evidence(_volume_maps(volume, grid, settings, heatmaps, stride, evidence.frame), evidence)
    return Evidence(_maps(volume, grid, settings, heatmaps, stride), evidence)


def _volume_maps(
    volume: Volume,
    grid: ImageGrid,
    settings: HeatmapSettings,
    heatmaps: torch.Tensor,
    stride: int,
    frame: JointFrame,
) -> VolumeMaps | None:
    if heatmaps.numel() * heatmaps.element_size() > MOST_BYTES:
        return None
    return VolumeMaps(
        frame=frame,
        maps=probability_of(heatmaps, settings)[0].float().numpy(),
        stride=stride,
        voxel_mm=grid.voxel_mm,
        radius_mm=settings.radius,
        click_mm=CLICK_RADII * settings.radius,
        contains=lambda point: bool(volume.holds(point)),
        confidence=lambda near: float(settings.confidence(np.array([near]))[0]),
    )


def probability_of(heatmaps: torch.Tensor, settings: HeatmapSettings) -> torch.Tensor:
    """Heatmaps (B, L, *S) as distributions."""
    if settings.heatmaps == "logits":
        return heatmap_distribution(heatmaps)[0]
    return gaussian_distribution(heatmaps)


def _maps(
    volume: Volume, grid: ImageGrid, settings: HeatmapSettings, heatmaps: torch.Tensor | None, stride: int
) -> Maps | None:
    if heatmaps is None or heatmaps.ndim != 4:
        return None
    voxel = grid.voxel_mm
    column, row = (grid.to_ras[:3, axis] / voxel[axis] for axis in (0, 1))
    if abs(float(column @ row)) > SHEARED:
        return None
    probability = probability_of(heatmaps, settings)
    if stride < STRIDE:
        # On the voxels that places are looked for again on; the sum stays.
        probability = torch.nn.functional.avg_pool2d(probability, STRIDE // stride) * (STRIDE // stride) ** 2
    shape = (int(grid.image.shape[1]), int(grid.image.shape[2]))
    geometry = ViewGeometry(
        grid.to_ras[:3, 3], column, row, np.cross(column, row), (float(voxel[0]), float(voxel[1])), shape
    )
    inside = np.zeros(shape, bool)
    inside[tuple(slice(n) for n in grid.content)] = True
    nothing = np.zeros(shape, np.float32)
    return Maps(
        view=View(inside, nothing, nothing, nothing, inside, geometry),
        maps=probability.numpy(),
        radius_mm=settings.radius,
        click_mm=CLICK_RADII * settings.radius,
        click_depth_mm=0.0,
        contains=lambda point: bool(volume.holds(point)),
        confidence=lambda near, _error, _place: float(settings.confidence(np.array([near]))[0]),
    )
