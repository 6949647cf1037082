"""From a finished training on annotated images to a model package: calibrated, measured, described."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from LandmarkDetectionLib.core.protocol import Protocol, protocol_of_names
from LandmarkDetectionLib.datasets.cases import Datalist
from LandmarkDetectionLib.detectors.settings import Curve, HeatmapSettings, RegionSettings
from LandmarkDetectionLib.errors import InputError, ModelError
from LandmarkDetectionLib.heatmaps.decoding import Reading
from LandmarkDetectionLib.heatmaps.ladder import Ladder
from LandmarkDetectionLib.heatmaps.rungs import measure_stretch
from LandmarkDetectionLib.models import Model, ReferencePicture, save_model
from LandmarkDetectionLib.quality.calibration import PRESENT_ABOVE, Calibration, expected_calibration_error
from LandmarkDetectionLib.quality.conformal import (
    CELL_VARIANCE,
    chance_within,
    fit_regions,
    mahalanobis,
    widened,
)
from LandmarkDetectionLib.training.supervised.augmentation import Augmentation
from LandmarkDetectionLib.training.supervised.card import error_rows, supervised_card
from LandmarkDetectionLib.training.supervised.cases import SupervisedCase
from LandmarkDetectionLib.training.supervised.config import SupervisedConfig
from LandmarkDetectionLib.training.supervised.joint import appearance_contrast, joint_of_measured
from LandmarkDetectionLib.training.supervised.plan import Split
from LandmarkDetectionLib.training.supervised.quality import TrainingQuality, measure_quality
from LandmarkDetectionLib.training.supervised.stream import (
    SupervisedBatch,
    SupervisedStream,
    in_batch_order,
    plain_batches,
)
from LandmarkDetectionLib.training.supervised.task import KEY, HeatmapTask, ladder_of
from LandmarkDetectionLib.training.supervised.template import TEMPLATE
from LandmarkDetectionLib.training.supervised.train import load_cases, mirror_permutation, trained_task
from LandmarkDetectionLib.typing import Array, Progress
from LandmarkDetectionLib.wording import counted

#: Warped copies of each held-out case that confidence is calibrated on, besides the case itself.
COPIES = 6
MILD = Augmentation(translation=0.03, rotation=0.1, scale=0.06, axis_scale=0.03, elastic=0.01, cut=0.1)
#: Where a model package has the template.
TEMPLATE_FILE = f"models/{TEMPLATE}"
#: Entry of ``eval_metrics`` with what `annotated_quality` measured.
QUALITY = "held back"
#: Fewer landmarks than this do not make a curve, only a share.
FEWEST_FOR_CURVE = 60


def package_supervised(
    run: str | Path,
    datalist: Datalist | str,
    split: Split,
    out: str | Path,
    *,
    name: str,
    version: str = "1.0.0",
    protocol: Protocol | None = None,
    metadata: Mapping[str, Any] | None = None,
    card: Callable[[str], str] = str,
    progress: Progress | None = None,
) -> Model:
    """Calibrate a finished run on the cases held out, measure it there, and write a model package.

    The package holds no image and no landmark of the data set: weights, means and ranges only. A model whose
    images are registered to a template holds that, the mean of a dozen images.

    Parameters
    ----------
    run
        Folder of ``train.train_supervised``.
    datalist, split
        What it was trained on; of the datalist the name is enough.
    protocol
        Of the landmarks; the datalist's, or one made of their names, when None.
    metadata
        Further entries of ``metadata.json``.
    card
        Makes the card that is written from the usual one.

    Raises
    ------
    InputError
        The run is not finished.
    OutputError
        The package cannot be written.
    """
    config, task = trained_task(run)
    training, held_out = load_cases(config, split, Path(run))
    title = datalist if isinstance(datalist, str) else datalist.name
    if protocol is None and not isinstance(datalist, str):
        protocol = datalist.protocol
    return package_task(
        config,
        task,
        training,
        held_out,
        out,
        name=name,
        version=version,
        title=title,
        protocol=protocol_of(config.landmarks, protocol, title),
        split=split.text,
        template=(Path(run) / TEMPLATE).read_bytes() if config.align else None,
        metadata=metadata,
        card=card,
        progress=progress,
    )


def package_task(
    config: SupervisedConfig,
    task: HeatmapTask,
    training: Sequence[SupervisedCase],
    held_out: Sequence[SupervisedCase],
    out: str | Path,
    *,
    name: str,
    version: str,
    title: str,
    protocol: Protocol,
    split: str = "",
    template: bytes | None = None,
    copies: int = COPIES,
    metadata: Mapping[str, Any] | None = None,
    card: Callable[[str], str] = str,
    progress: Progress | None = None,
) -> Model:
    """Calibrate a trained network on cases held out, measure it there, and write a model package.

    Parameters
    ----------
    config, task
        The training.
    training
        What it learned from, or as much of it as tells the range of shapes.
    held_out
        What it is measured on.
    title
        What the cases are called together.
    split
        How they were divided, in one line for people.
    template
        What images are registered to.
    copies
        Warped ones of each held-back case that confidence is calibrated on besides.
    protocol, metadata, card, progress
        As in ``package_supervised``.

    Raises
    ------
    OutputError
        The package cannot be written.
    """
    step = progress or (lambda _fraction, _text: None)
    held_out = in_batch_order(held_out)
    task.ladder = ladder_of(config, protocol, training)
    step(0.0, "measuring on the cases held out")
    if task.ladder is not None:
        task.ladder = stretched(task, held_out, task.ladder)
    measured = _measure(
        task,
        plain_batches(held_out, 4),
        lambda share: step(0.3 * share, "measuring on the cases held out"),
    )
    warped = _copies(held_out, config, protocol, copies)
    step(0.3, "calibrating")
    calibrating = measured
    if warped:
        on_copies = _measure(task, warped, lambda share: step(0.3 + 0.6 * share, "calibrating"))
        calibrating = _joined(measured, on_copies)
    curve = _calibration(calibrating["near"], calibrating, config.radius)
    regions = _regions(measured, calibrating, held_out, config, task.network.stride)
    unit = "px" if any(case.unit == "px" for case in (*training, *held_out)) else "mm"
    settings: dict[str, Any] = {
        "shape": list(config.grid.shape),
        "spacing": list(config.grid.spacing) if config.grid.spacing is not None else None,
        "intensity": config.grid.intensity,
        "channels": config.channels,
        "heatmaps": "logits" if task.is_of_logits else "gaussian",
        "sigma": dict(zip(config.landmarks, task.sigmas(), strict=True)),
        "peak": dict(zip(config.landmarks, task.peaks(), strict=True)),
        "radius": config.radius,
        "copies": config.copies,
        **({"mirror": list(config.mirror)} if config.mirror else {}),
        "column": task.ladder is not None,
        **({"ladder": task.ladder.model_dump()} if task.ladder is not None else {}),
        "unit": unit,
        "calibration": curve.to_settings(),
        **({"regions": regions.model_dump()} if regions else {}),
        "length_range_cells": _length_ranges(training, config.landmarks, protocol),
        "appearance": appearance_contrast(task, plain_batches(held_out or training[:FEWEST_FOR_CURVE], 1)),
    }
    attachments = {}
    if template is not None:
        attachments[TEMPLATE_FILE] = template
        settings["template"] = {"file": TEMPLATE_FILE, "sha256": hashlib.sha256(template).hexdigest()}
    measured = _as_detected(
        measured, HeatmapSettings.model_validate(settings), config.landmarks, config.radius
    )
    there = measured["there"].astype(bool)
    quality = measure_quality(
        training,
        held_out,
        np.where(there, measured["error"], np.nan),
        measured["confidence"],
        config.radius,
        unit,
    )
    unregistered = [case.name for case in (*training, *held_out) if case.warning]
    report: dict[str, Any] = {
        "cases": len(held_out),
        "training cases": len(training),
        "unit": unit,
        "aligned": config.align,
        "not registered": len(unregistered),
        "rows": error_rows(measured["error"], measured["there"], config.landmarks, config.radius),
        "calibration error": _calibration_error(measured, config.radius),
        "regions": regions,
        "split": split,
        "quality": quality,
    }
    states = {KEY: (*task.architectures()[KEY], task.network.state_dict())}
    described = {
        "description": f"{counted(len(config.landmarks), 'landmark')} ({protocol.title}) by heatmaps.",
        "authors": "Trained with Landmark Detection",
        "copyright": "Of whoever trained it",
        "data_source": f"{title}: {counted(len(training), 'annotated case')}",
        "data_type": "radiographs" if config.dimensions == 2 else "volumes",
        "intended_use": "Research: initialisation and review of anatomical landmarks. Not for diagnosis.",
        "eval_metrics": {**report["rows"]["all"], QUALITY: quality.to_record()} if held_out else {},
        "training": _without_names(config),
        **(metadata or {}),
    }
    step(0.9, "writing the model")
    return save_model(
        out,
        name=name,
        version=version,
        protocol=protocol,
        networks=states,
        settings=settings,
        detector="heatmap",
        metadata_extra=described,
        card=card(supervised_card(name, version, protocol, config, report)),
        reference=_mean_shape(training, config, protocol),
        attachments=attachments,
        # Copies of an image tell of its errors once more, not of others.
        joint=joint_of_measured(training, measured, config.radius),
    )


def quality_of(model: Model) -> TrainingQuality:
    """What was measured when a model was packaged.

    Raises
    ------
    ModelError
        The model does not say it.
    """
    metrics = model.metadata.get("eval_metrics")
    if not metrics:
        return TrainingQuality(0, 0, str(model.settings.get("unit", "mm")), float(model.settings["radius"]))
    try:
        return TrainingQuality(**metrics[QUALITY])
    except (TypeError, KeyError):
        raise ModelError(f"The model {model.path} does not say how good it is; package it anew.") from None


def protocol_of(names: Sequence[str], protocol: Protocol | None, title: str) -> Protocol:
    """The protocol of a model's landmarks in the order of its outputs: part of a given one, or names."""
    if protocol is None:
        return protocol_of_names(names, title)
    unknown = [name for name in names if name not in protocol.names]
    if unknown:
        raise InputError(
            f"The protocol {protocol.name!r} does not define {', '.join(unknown)}; choose another one, or "
            "leave it out."
        )
    if protocol.names == tuple(names):
        return protocol
    kept = protocol.restricted(names)
    return kept.model_copy(update={"landmarks": tuple(kept[name] for name in names)})


def errors_of(task: HeatmapTask, cases: Sequence[SupervisedCase]) -> Array:
    """(cases, landmarks) point-to-point errors in the order of the cases; NaN where there is no truth."""
    found = [_measure(task, plain_batches([case], 1)) for case in cases]
    return np.stack(
        [np.where(one["there"].astype(bool), one["error"], np.nan)[0] for one in found]
        or [np.empty(len(task.config.landmarks))]
    )[: len(cases)]


def stretched(task: HeatmapTask, held_out: Sequence[SupervisedCase], ladder: Ladder) -> Ladder:
    """The ladder with what draws the network's tilts out as far as those of cases held out."""
    task.ladder = ladder.model_copy(update={"stretch": 1.0})
    seen = _measure(task, plain_batches(held_out, 4))
    truth = np.where(seen["there"].astype(bool)[..., None], seen["points"], np.nan)
    return ladder.model_copy(update={"stretch": round(measure_stretch(seen["position"], truth, ladder), 4)})


def _measure(
    task: HeatmapTask, batches: Sequence[SupervisedBatch], progress: Callable[[float], None] | None = None
) -> dict[str, Array]:
    """By landmark of every image: error in mm or px, scores, whether it is there, what is known, places."""
    landmarks = len(task.config.landmarks)
    scores = ("error", "near", "present", "chance", "there", "known")
    places = ("points", "position", "covariance", "voxel_mm")
    parts: dict[str, list[Array]] = {key: [] for key in (*scores, *places)}
    for number, batch in enumerate(batches):
        if progress is not None:
            progress(number / len(batches))
        reading = task.read(batch, task.config.copies)
        error = (
            np.linalg.norm(reading.position - batch.points.numpy(), axis=-1) * batch.voxel_mm.numpy()[:, None]
        )
        parts["error"].append(error)
        parts["near"].append(reading.near)
        parts["present"].append(reading.present)
        parts["chance"].append(reading.chance)
        parts["there"].append((batch.present & batch.known).numpy())
        parts["known"].append(batch.known.numpy())
        parts["points"].append(batch.points.numpy())
        parts["voxel_mm"].append(batch.voxel_mm.numpy())
        parts["position"].append(reading.position)
        parts["covariance"].append(reading.covariance)
    d = task.config.dimensions
    shapes = {
        "voxel_mm": (0,),
        "covariance": (0, landmarks, d, d),
        **dict.fromkeys(("points", "position"), (0, landmarks, d)),
    }
    return {
        key: np.concatenate(values) if values else np.zeros(shapes.get(key, (0, landmarks)))
        for key, values in parts.items()
    }


def _joined(first: dict[str, Array], second: dict[str, Array]) -> dict[str, Array]:
    return {key: np.concatenate([first[key], second[key]]) for key in first}


def _copies(
    cases: Sequence[SupervisedCase], config: SupervisedConfig, protocol: Protocol, each: int
) -> list[SupervisedBatch]:
    """Mildly warped copies of the cases held out: more scores to calibrate on, some of them cut off."""
    if not cases:
        return []
    stream = SupervisedStream(
        cases, config.grid.shape, 4, MILD, mirror_permutation(protocol, config.landmarks), 7
    )
    return [stream.batch(n) for n in range(-(-len(cases) * each // 4))]


def _calibration(scores: Array, measured: dict[str, Array], radius: float) -> Calibration:
    return calibration_of(scores, measured["known"].astype(bool), _is_found(measured, radius))


def calibration_of(scores: Array, known: Array, found: Array) -> Calibration:
    """From scores (M, L) to the share that is there and within the radius, of those that are known."""
    found, scores = found[known], scores[known]
    if len(scores) >= FEWEST_FOR_CURVE:
        curve = Calibration.fit(scores, found)
        # Below the lowest score that was seen confidence falls, down to none at none.
        if curve.scores[0] > 0:
            curve = Calibration(np.r_[0.0, curve.scores], np.r_[0.0, curve.shares])
        return curve
    # Too little to draw a curve with: one share for all, by Laplace's rule never quite sure.
    share = (found.sum() + 1) / (len(found) + 2)
    return Calibration(np.array([0.0, 1.0]), np.array([min(share, 0.1), share]))


def _is_found(measured: dict[str, Array], radius: float) -> Array:
    return np.asarray(measured["there"].astype(bool) & (measured["error"] <= radius))


def _regions(
    measured: dict[str, Array],
    calibrating: dict[str, Array],
    held_out: Sequence[SupervisedCase],
    config: SupervisedConfig,
    stride: int,
) -> RegionSettings | None:
    """How far regions reach, from landmarks that are there and found, and what confidence follows from them.

    Copies of an image are not exchangeable with new ones: only the confidence is calibrated on them, too.
    """
    floor, names = CELL_VARIANCE * stride**2, config.landmarks
    covariance = measured["covariance"] + floor * np.eye(config.dimensions)
    seen = measured["there"].astype(bool) & (measured["present"] >= PRESENT_ABOVE)
    scores = np.where(seen, mahalanobis(measured["points"] - measured["position"], covariance), np.nan)
    regions = fit_regions(scores, [case.subject for case in held_out])
    if regions is None:
        return None
    wide = widened(calibrating["covariance"], regions.scale, regions.level, floor)
    near = chance_within(wide, config.radius / calibrating["voxel_mm"][:, None])
    near = near * calibrating["present"] * calibrating["chance"]
    return RegionSettings(
        level=regions.level,
        promised=regions.promised,
        subjects=regions.subjects,
        floor=floor,
        # Rounded up, as what is promised is at least kept.
        scale={name: float(np.ceil(1e4 * one) / 1e4) for name, one in zip(names, regions.scale, strict=True)},
        own={name: int(one) for name, one in zip(names, regions.own, strict=True)},
        calibration=Curve.model_validate(_calibration(near, calibrating, config.radius).to_settings()),
    )


def _as_detected(
    measured: dict[str, Array], settings: HeatmapSettings, names: Sequence[str], radius: float
) -> dict[str, Array]:
    """What was measured with the deviations and the confidence that a detection has."""
    reading = settings.calibrated(
        Reading(*(measured[key] for key in ("position", "covariance", "present", "near", "chance"))), names
    )
    return {
        **measured,
        "deviation": np.sqrt(np.einsum("blii->bli", reading.covariance)),
        "confidence": settings.confidence_of(reading, radius / measured["voxel_mm"][:, None]),
    }


def _calibration_error(measured: dict[str, Array], radius: float) -> float | None:
    known = measured["known"].astype(bool)
    if not known.any():
        return None
    found = _is_found(measured, radius)[known]
    return round(expected_calibration_error(measured["confidence"][known], found), 4)


def _length_ranges(
    cases: Sequence[SupervisedCase], names: Sequence[str], protocol: Protocol
) -> dict[str, list[float]]:
    """Shortest and longest distance along every line of the protocol, or between neighbours, in voxels."""
    lines = protocol.lines or tuple(pairwise(names))
    points = np.concatenate([case.points for case in cases])
    ranges = {}
    for first, second in lines:
        lengths = np.linalg.norm(
            points[:, list(names).index(first)] - points[:, list(names).index(second)], axis=-1
        )
        lengths = lengths[np.isfinite(lengths)]
        if len(lengths):
            ranges[f"{first}|{second}"] = [round(float(lengths.min()), 3), round(float(lengths.max()), 3)]
    return ranges


def _mean_shape(
    cases: Sequence[SupervisedCase], config: SupervisedConfig, protocol: Protocol
) -> ReferencePicture | None:
    """Where landmarks lie on average, drawn without any image, so that no patient's is passed on."""
    from PIL import Image, ImageDraw

    points = np.concatenate([case.points for case in cases])
    seen = points[..., [0, 1]] if config.dimensions == 2 else points[..., [0, 2]] * (1, -1)
    with np.errstate(all="ignore"):
        mean = np.nanmean(seen, axis=0)
    there = np.isfinite(mean).all(axis=1)
    if not there.any():
        return None
    low, high = mean[there].min(axis=0), mean[there].max(axis=0)
    scale = 560 / max(float((high - low).max()), 1e-6)
    margin = 40
    width, height = (int(n) for n in np.ceil((high - low) * scale) + 2 * margin)
    size = (width, height)
    picture = Image.new("RGB", (size[0] * 2, size[1] * 2), (22, 30, 38))
    draw = ImageDraw.Draw(picture)
    places = {name: (mean[n] - low) * scale + margin for n, name in enumerate(config.landmarks) if there[n]}
    for first, second in protocol.lines:
        if first in places and second in places:
            draw.line([*(places[first] * 2), *(places[second] * 2)], fill=(96, 125, 145), width=5)
    for x, y in (place * 2 for place in places.values()):
        draw.ellipse([x - 9, y - 9, x + 9, y + 9], fill=(86, 180, 233))
    stream = io.BytesIO()
    picture.resize(size, Image.Resampling.LANCZOS).save(stream, format="PNG")
    return ReferencePicture(
        stream.getvalue(), size, {name: (float(x), float(y)) for name, (x, y) in places.items()}
    )


def _without_names(config: SupervisedConfig) -> dict[str, Any]:
    """The config without the names of files, which may name patients."""
    content = json.loads(config.model_dump_json())
    for field in ("training_cases", "held_back_cases"):
        content[field] = len(content[field])
    return dict(content)
