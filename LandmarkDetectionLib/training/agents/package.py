"""From a finished training of agents to a model package: calibrated, measured, described."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.correction import JointGaussian, Observed
from LandmarkDetectionLib.datasets.cases import Datalist
from LandmarkDetectionLib.detectors.search_agent import PRESENT_FROM
from LandmarkDetectionLib.detectors.search_result import find_all
from LandmarkDetectionLib.detectors.search_settings import score_of
from LandmarkDetectionLib.detectors.settings import Curve, RegionSettings
from LandmarkDetectionLib.models import Model, save_model
from LandmarkDetectionLib.quality.calibration import Calibration, expected_calibration_error
from LandmarkDetectionLib.quality.conformal import fit_regions, mahalanobis, widened
from LandmarkDetectionLib.training.agents.card import agent_card
from LandmarkDetectionLib.training.agents.cases import AgentCase, drawn_field
from LandmarkDetectionLib.training.agents.config import AgentConfig
from LandmarkDetectionLib.training.agents.held_out import JITTER, mean_start, rules_of
from LandmarkDetectionLib.training.agents.task import AgentTask
from LandmarkDetectionLib.training.agents.train import load_cases, trained_agents
from LandmarkDetectionLib.training.joint_fit import TOLERANCE_MM, joint_of
from LandmarkDetectionLib.training.supervised.card import error_rows
from LandmarkDetectionLib.training.supervised.package import QUALITY, calibration_of, protocol_of
from LandmarkDetectionLib.training.supervised.plan import Split
from LandmarkDetectionLib.training.supervised.quality import quality_of_errors
from LandmarkDetectionLib.typing import Array, Progress
from LandmarkDetectionLib.wording import counted

#: Cropped copies of each held-out case that confidence is calibrated on, besides the case itself.
CROPS = 3


class Measured(NamedTuple):
    """What agents found in M images, by landmark: see ``search_result.Found``.

    Attributes
    ----------
    position, truth : (M, L, 3) RAS mm
    covariance : (M, L, 3, 3) mm^2
    present, agreed : (M, L)
    there, known : (M, L) bool
        Whether the landmark lies in what was looked at, and whether that is known.
    """

    position: Array
    truth: Array
    covariance: Array
    present: Array
    agreed: Array
    there: Array
    known: Array

    @property
    def error(self) -> Array:
        """(M, L) mm; NaN where it is not there or was not found."""
        found = np.where(self.seen, np.linalg.norm(self.position - self.truth, axis=-1), np.nan)
        return np.asarray(np.where(self.there, found, np.nan))

    @property
    def seen(self) -> Array:
        """(M, L) bool: said to be there."""
        return np.asarray(self.present >= PRESENT_FROM)

    def joined(self, other: Measured) -> Measured:
        """Both together."""
        return Measured(*(np.concatenate(pair) for pair in zip(self, other, strict=True)))


def package_agents(
    run: str | Path,
    datalist: Datalist,
    split: Split,
    out: str | Path,
    *,
    name: str,
    version: str = "1.0.0",
    protocol: Protocol | None = None,
    progress: Progress | None = None,
) -> Model:
    """Calibrate a finished run on the cases held out, measure it there, and write a model package.

    The package holds no image and no landmark of the data set: weights, means and ranges only. Parameters
    and errors as ``training.supervised.package.package_supervised`` has them.
    """
    step = progress or (lambda _fraction, _text: None)
    config, task = trained_agents(run)
    training, held_out = load_cases(config, split, Path(run))
    protocol = protocol_of(config.landmarks, protocol or datalist.protocol, datalist.name)
    start = mean_start(training, config)
    step(0.0, "measuring on the cases held out")
    measured = measure(task, start, held_out, 0)
    step(0.3, "calibrating")
    calibrating = measured.joined(measure(task, start, held_out, CROPS)) if held_out else measured
    regions = _regions(measured, held_out, config.landmarks)
    settings = _settings(config, start, training, protocol, calibrating, regions)
    step(0.9, "writing the model")
    scores = score_of(_wide(measured, settings), measured.agreed, config.radius)
    confidence = settings["curve"](scores)
    found = _is_found(measured, config.radius)
    unknown = np.linalg.norm(_mean_place_errors(start, held_out, config), axis=-1) if held_out else None
    quality = quality_of_errors(
        [case.subject for case in held_out], measured.error, confidence, config.radius, "mm", unknown
    )
    known = measured.known.astype(bool)
    report: dict[str, Any] = {
        "cases": len(held_out),
        "training cases": len(training),
        "rows": error_rows(measured.error, np.isfinite(measured.error), config.landmarks, config.radius),
        "missed": int((measured.there & ~measured.seen).sum()),
        "absence": absence(calibrating),
        "calibration error": round(expected_calibration_error(confidence[known], found[known]), 4)
        if known.any()
        else None,
        "regions": regions,
        "split": split.text,
        "quality": quality,
    }
    networks = task.final_networks()
    architecture, parameters = config.network()
    return save_model(
        out,
        name=name,
        version=version,
        protocol=protocol,
        networks={key: (architecture, parameters, networks[key].state_dict()) for key in config.keys()},
        settings={key: value for key, value in settings.items() if key != "curve"},
        detector="search-agent",
        metadata_extra={
            "description": f"{counted(len(config.landmarks), 'landmark')} ({protocol.title}) by search "
            f"agents.",
            "authors": "Trained with Landmark Detection",
            "copyright": "Of whoever trained it",
            "data_source": f"{datalist.name}: {counted(len(training), 'annotated case')}",
            "data_type": "volumes",
            "intended_use": "Research: initialisation and review of anatomical landmarks. Not for diagnosis.",
            "eval_metrics": {**report["rows"]["all"], QUALITY: quality.to_record()} if held_out else {},
            "training": _without_names(config),
        },
        card=agent_card(name, version, protocol, config, report),
        joint=_joint(training, measured, settings, config),
    )


def measure(task: AgentTask, start: Array, cases: Sequence[AgentCase], crops: int) -> Measured:
    """What agents find in whole cases (``crops`` 0), or in so many crops of each."""
    config = task.config
    networks: list[Any] = [task.final_networks()[key] for key in config.keys()]
    rules = rules_of(config, start)
    rng = np.random.default_rng([config.seed, 14])
    parts: list[list[Any]] = [[] for _ in Measured._fields]
    for case in cases:
        for _ in range(max(1, crops)):
            field = drawn_field(rng, case.volume.size) if crops else None
            source = case.source(config.intensity, field)
            found = find_all(networks, source, rules)
            placed = np.isfinite(case.points).all(axis=1)
            there = placed & source.inside(np.nan_to_num(case.points))
            # A landmark that is somewhere is known not to be where the field does not reach.
            row = (
                found.position,
                case.points,
                found.covariance,
                found.present,
                found.agreed,
                there,
                placed | case.known,
            )
            for part, value in zip(parts, row, strict=True):
                part.append(value)
    if not cases:
        count = len(config.landmarks)
        shapes: tuple[tuple[int, ...], ...] = ((3,), (3,), (3, 3), (), (), (), ())
        kinds = (float, float, float, float, float, bool, bool)
        return Measured(*(np.zeros((0, count, *s), k) for s, k in zip(shapes, kinds, strict=True)))
    return Measured(*(np.stack(part) for part in parts))


def absence(measured: Measured) -> dict[str, float]:
    """Recall and precision of saying that a landmark is absent, and how many are."""
    absent, said = measured.known & ~measured.there, ~measured.seen & measured.known
    right = float((absent & said).sum())
    return {
        "absent": int(absent.sum()),
        "recall": right / max(1, int(absent.sum())),
        "precision": right / max(1, int(said.sum())),
    }


def _is_found(measured: Measured, radius: float) -> Array:
    with np.errstate(invalid="ignore"):
        return np.asarray(measured.error <= radius)


def _regions(measured: Measured, held_out: Sequence[AgentCase], names: Sequence[str]) -> Any:
    """How far regions reach, from landmarks that are there and found; None where there are none."""
    found = np.isfinite(measured.error)
    safe = np.where(found[..., None, None], measured.covariance, np.eye(3))
    scores = np.where(found, mahalanobis(np.nan_to_num(measured.truth - measured.position), safe), np.nan)
    regions = fit_regions(scores, [case.subject for case in held_out]) if held_out else None
    if regions is None:
        return None
    return RegionSettings(
        level=regions.level,
        promised=regions.promised,
        subjects=regions.subjects,
        floor=0.0,
        # Rounded up, as what is promised is at least kept.
        scale={name: float(np.ceil(1e4 * one) / 1e4) for name, one in zip(names, regions.scale, strict=True)},
        own={name: int(one) for name, one in zip(names, regions.own, strict=True)},
        calibration=Curve(scores=(0.0, 1.0), shares=(0.0, 1.0)),
    )


def _settings(
    config: AgentConfig,
    start: Array,
    training: Sequence[AgentCase],
    protocol: Protocol,
    calibrating: Measured,
    regions: Any,
) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "cells_mm": list(config.cells_mm),
        "intensity": config.intensity,
        "start": {
            name: [round(float(one), 5) for one in place]
            for name, place in zip(config.landmarks, start, strict=True)
        },
        "jitter": JITTER,
        "starts": config.starts,
        "most_steps": config.most_steps,
        "reach": config.reach,
        "discount": config.discount,
        "radius": config.radius,
        **({"regions": regions.model_dump()} if regions else {}),
        "length_range_mm": _length_ranges(training, config.landmarks, protocol),
    }
    scores = score_of(_wide(calibrating, settings), calibrating.agreed, config.radius)
    curve: Calibration = calibration_of(
        scores, calibrating.known.astype(bool), _is_found(calibrating, config.radius)
    )
    return {**settings, "calibration": curve.to_settings(), "curve": curve}


def _wide(measured: Measured, settings: dict[str, Any]) -> Array:
    """Covariances that hold landmarks as often as they promise."""
    if "regions" not in settings:
        return measured.covariance
    regions = settings["regions"]
    return widened(measured.covariance, list(regions["scale"].values()), regions["level"], 0.0)


def _mean_place_errors(start: Array, held_out: Sequence[AgentCase], config: AgentConfig) -> Array:
    """(cases, L, 3) from where landmarks lie on average in volumes to where they lie, mm."""
    return np.stack([case.source(config.intensity).places(start) - case.points for case in held_out])


def _length_ranges(
    cases: Sequence[AgentCase], names: Sequence[str], protocol: Protocol
) -> dict[str, list[float]]:
    """Shortest and longest distance along every line of the protocol, mm."""
    points = np.stack([case.points for case in cases])
    ranges = {}
    for first, second in protocol.lines or tuple(pairwise(names)):
        lengths = np.linalg.norm(
            points[:, list(names).index(first)] - points[:, list(names).index(second)], axis=-1
        )
        lengths = lengths[np.isfinite(lengths)]
        if len(lengths):
            # A little beyond what few cases show.
            low, high = float(lengths.min()) / STRETCH, float(lengths.max()) * STRETCH
            ranges[f"{first}-{second}"] = [round(low, 3), round(high, 3)]
    return ranges


#: Distances between landmarks that training never saw by this factor are named.
STRETCH = 1.35


def _joint(
    training: Sequence[AgentCase], measured: Measured, settings: dict[str, Any], config: AgentConfig
) -> JointGaussian | None:
    """How the landmarks lie to one another, in mm; None where too few cases tell."""
    wide = _wide(measured, settings)
    truth = np.where(measured.there[..., None], measured.truth, np.nan)
    position = np.where(np.isfinite(measured.position), measured.position, np.nan_to_num(measured.truth))
    observed = Observed(
        position,
        np.sqrt(np.maximum(np.einsum("mlii->mli", wide), 1e-6)),
        score_of(wide, measured.agreed, config.radius),
        measured.seen,
    )
    images = len(measured.truth)
    try:
        return joint_of(
            np.stack([case.points for case in training]),
            observed,
            truth,
            np.full(images, TOLERANCE_MM),
            np.full(images, config.radius),
        )
    except ValueError:
        return None


def _without_names(config: AgentConfig) -> dict[str, Any]:
    """The config without the names of files, which may name patients."""
    content = json.loads(config.model_dump_json())
    for field in ("training_cases", "held_back_cases"):
        content[field] = len(content[field])
    return dict(content)
