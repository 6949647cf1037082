"""Landmarks from a heatmap network that was trained on annotated radiographs, CT or MR volumes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from LandmarkDetectionLib.core.doubts import Doubt, DoubtKind
from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.core.options import DetectOptions
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.detectors.analysis import Analysis
from LandmarkDetectionLib.detectors.array_estimates import networks_for
from LandmarkDetectionLib.detectors.base import (
    Step,
    detection_of,
    landmarks_of,
    mostly_uncertain,
    refuses_outlines,
    timed,
)
from LandmarkDetectionLib.detectors.heatmap_evidence import (
    MOST_BYTES,
    SecondReading,
    SpatialBranch,
    answer_of,
    heatmap_evidence,
    probability_of,
)
from LandmarkDetectionLib.detectors.reconciling import reconciled
from LandmarkDetectionLib.detectors.settings import HeatmapSettings
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.heatmaps.decoding import Reading
from LandmarkDetectionLib.heatmaps.inference import read_image
from LandmarkDetectionLib.imaging.aligned_grid import look_at_aligned, read_template
from LandmarkDetectionLib.imaging.grid import ImageGrid, look_at
from LandmarkDetectionLib.imaging.previews import image_views
from LandmarkDetectionLib.models import Model
from LandmarkDetectionLib.networks.heatmap_output import HeatmapOutput
from LandmarkDetectionLib.quality.calibration import PRESENT_ABOVE
from LandmarkDetectionLib.quality.plausibility import in_pixels, none_found
from LandmarkDetectionLib.typing import Array
from LandmarkDetectionLib.wording import counted

KEY = "heatmap"
#: Distances between landmarks that training never saw by this factor are named.
STRETCH = 1.35
#: Levels whose chance of being the right one is lower are named.
LIKELY = 0.5


def refuses(volume: Volume, model: Model, options: DetectOptions) -> InputError | None:
    """See ``base.Detector``: these models have neither threshold nor depth method, but a number of images."""
    if reason := refuses_outlines(model, options):
        return reason
    needed, given = HeatmapSettings.of(model).channels, len(options.channels) + 1
    if given != needed:
        return InputError(
            f"The model {model.name!r} needs {counted(needed, 'image')} per case, not "
            f"{given}; give the further images of the case.",
            about="channel",
        )
    return None


def analyse(volume: Volume, model: Model, options: DetectOptions, step: Step) -> Analysis:
    """Find the landmarks of a radiograph or a volume; see ``detectors.dispatch.analyse``.

    Raises
    ------
    InputError
        When the image is of the wrong dimension, or the channels lie on other voxels.
    """
    settings, device = HeatmapSettings.of(model), options.device
    seconds: dict[str, float] = {}
    with timed(seconds, "load model"):
        step(0.05, "loading the model")
        network: Any = networks_for(model, device)[KEY]
    with timed(seconds, "resample"):
        step(0.3, "bringing the image onto the network's grid")
        grid, unregistered = _grid([volume, *options.channels], model, settings, network.multiple)
    with timed(seconds, "network"):
        step(0.5, "finding landmarks")
        radius = settings.radius / float(grid.voxel_mm.mean())
        masses = settings.masses(model.protocol.names)
        reading, output = read_image(
            network,
            grid.image,
            settings.shape,
            settings.heatmaps == "logits",
            radius,
            masses,
            device,
            settings.copies,
            settings.read_by,
            grid.content[::-1],
            settings.mirror,
        )
    joint = model.read_joint()
    if joint is not None and output is not None and settings.read_by is None:
        reading = reconciled(
            reading,
            answer_of(settings.calibrated(reading, model.protocol.names)).observed,
            probability_of(output.heatmaps, settings),
            joint,
            network.stride,
            radius,
            scaled=settings.heatmaps != "logits",
        )
    reading = settings.calibrated(reading, model.protocol.names)
    step(0.9, "checking the result")
    confidence = settings.confidence_of(reading, radius)[0]
    landmarks = _landmarks(model, grid, reading, confidence)
    unit = "mm" if volume.spacing_known else "pixel"
    step(1.0, "done")
    doubted = (
        *unregistered,
        *none_found(volume, model, landmarks),
        *_doubts(volume, model, settings, reading, landmarks),
        *_level_doubts(model, settings, reading, landmarks),
    )
    detection = detection_of(
        model,
        landmarks,
        doubted,
        seconds,
        device=device,
        unit=unit,
        confidence=f"probability of lying in the image and within {settings.radius:g} {settings.unit}",
    )
    seen = heatmap_evidence(
        volume,
        grid,
        settings,
        reading,
        radius,
        None if output is None else output.heatmaps.cpu(),
        network.stride,
        joint,
        _branch(network, output, grid, reading, settings, model, radius),
    )
    return Analysis(detection, image_views(volume), seen)


def _grid(
    volumes: Sequence[Volume], model: Model, settings: HeatmapSettings, multiple: int
) -> tuple[ImageGrid, tuple[Doubt, ...]]:
    """What the network looks at, and a doubt where it could not be registered to the template."""
    if settings.template is None:
        return look_at(volumes, settings.grid(), multiple), ()
    template = read_template(model.path / settings.template.file, settings.template.sha256)
    aligned = look_at_aligned(volumes, template, settings.grid())
    warning = aligned.alignment.warning
    return aligned.grid, (Doubt(warning, DoubtKind.REGISTRATION),) if warning else ()


def _branch(
    network: Any,
    output: HeatmapOutput | None,
    grid: ImageGrid,
    reading: Reading,
    settings: HeatmapSettings,
    model: Model,
    radius: float,
) -> SpatialBranch | SecondReading | None:
    """For networks that look at local appearance first, and for levels of a chain."""
    size = grid.content[::-1]
    appearance = None if output is None else output.appearance
    if appearance is None and output is not None and settings.read_by is not None:
        heatmaps = output.heatmaps.cpu()
        return SecondReading(heatmaps, network.stride, settings, model.protocol.names, radius, size)
    if appearance is None or 2 * appearance.numel() > MOST_BYTES:
        return None
    return SpatialBranch(
        network, appearance, grid.image, reading, settings, model.protocol.names, radius, size
    )


def _landmarks(model: Model, grid: ImageGrid, reading: Reading, confidence: Array) -> LandmarkSet:
    ras = grid.points_to_ras(reading.position[0])
    covariance = grid.covariance_to_ras(reading.covariance[0])
    size = np.array(grid.content[::-1])
    inside = ((reading.position[0] >= -0.5) & (reading.position[0] <= size - 0.5)).all(axis=1)
    present = inside & (reading.present[0] >= PRESENT_ABOVE)
    # Of an absent landmark it must not look like one that was found.
    confidence = np.where(present, confidence, np.minimum(confidence, 1 - confidence))
    return landmarks_of(model, ras, present, confidence, covariance)


def _doubts(
    volume: Volume,
    model: Model,
    settings: HeatmapSettings,
    reading: Reading,
    landmarks: LandmarkSet,
) -> Iterator[Doubt]:
    yield from in_pixels(volume)
    yield from mostly_uncertain(model, landmarks)
    positions = reading.position[0]
    for line, (low, high) in settings.length_range_cells.items():
        first, _, second = line.partition("|")
        if (
            first in landmarks
            and second in landmarks
            and landmarks[first].is_present
            and landmarks[second].is_present
        ):
            i, j = model.protocol.index(first), model.protocol.index(second)
            length = float(np.linalg.norm(positions[i] - positions[j]))
            if not low / STRETCH <= length <= high * STRETCH:
                longer = "longer" if length > high else "shorter"
                text = f"The distance from {first} to {second} is {longer} than in any image of the training."
                yield Doubt(text, DoubtKind.DISTANCE, (first, second))


def _level_doubts(
    model: Model, settings: HeatmapSettings, reading: Reading, landmarks: LandmarkSet
) -> Iterator[Doubt]:
    """Levels of a chain that may as well be their neighbours."""
    ladder = settings.read_by
    if ladder is None:
        return
    names = [model.protocol.names[n] for n in ladder.landmarks if reading.chance[0, n] < LIKELY]
    doubtful = tuple(name for name in names if landmarks[name].is_present)
    if doubtful:
        some = f"{counted(len(doubtful), 'landmark')} from {doubtful[0]} to {doubtful[-1]}"
        yield Doubt(
            f"{doubtful[0] if len(doubtful) == 1 else some} may be of the level above or below: the image "
            "fits other ways of counting nearly as well. Look at the ends of the chain.",
            DoubtKind.LEVEL,
            doubtful,
        )
