"""Train on the AASCE 2019 radiographs of spines, and measure on people that were held out, with corrections.

    python Testing/Benchmarks/spines.py AASCE --out runs/spines

AASCE is the challenge's folder as ``data import aasce`` reads it. A fifth of the people is held out for
validation, another tenth (``tuning``) calibrates confidence; the others are learned from. ``--on tuning``
measures there, where settings may be chosen. What is finished is not repeated, and a training goes on where
it stopped.

Corrections: the landmark farthest from the truth is put there, again and again, and the others follow (the
columns of Kim et al., MICCAI 2022); beside it the same without following. Pixels are those of the images
given. Everything is told twice: of all images, and of those whose annotation has no vertebrae out of order
and no end plates that cross.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from LandmarkDetectionLib.core.options import DetectOptions
from LandmarkDetectionLib.datasets.cases import Case, Datalist
from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.datasets.importers.aasce import import_aasce
from LandmarkDetectionLib.datasets.raters import case_landmarks
from LandmarkDetectionLib.datasets.splits import shuffled_subjects
from LandmarkDetectionLib.detectors.dispatch import analyse
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.measurement.cobb import cobb_angles, spine_problems
from LandmarkDetectionLib.models import Model, load_model
from LandmarkDetectionLib.training.supervised.package import package_supervised
from LandmarkDetectionLib.training.supervised.plan import divide, plan
from LandmarkDetectionLib.training.supervised.train import train_supervised

Array = np.ndarray
VALIDATION, TUNING = 0.2, 0.3
LEVELS = 17
L4, L5 = slice(60, 64), slice(64, 68)
L4_TO_L5_MM = 35.0  # Reddy et al. 2021
RADII_MM = (2.0, 3.0, 4.0, 6.0)
#: A spine in a mirror is a spine.
AUGMENTATION = {"rotation": 0.1, "cut": 0.03, "mirror": 0.5}
#: Mean radial error after 0 to 5 corrections, pixels of the original images (Kim et al. 2022).
PUBLISHED = (58.6, 35.4, 29.4, 24.0, 21.1, 17.7)


def divided(aasce: Path, out: Path) -> Datalist:
    """The data set with its people divided, imported when it is not there."""
    file = out / "data" / "datalist.json"
    if not file.exists():
        import_aasce(aasce, file.parent)
        content = json.loads(file.read_text())
        people = shuffled_subjects((case["subject"] for case in content["cases"]), 1)
        ends = [round(share * len(people)) for share in (VALIDATION, TUNING)]
        part = dict.fromkeys(people, "train")
        part.update(dict.fromkeys(people[: ends[0]], "validation"))
        part.update(dict.fromkeys(people[ends[0] : ends[1]], "tuning"))
        for case in content["cases"]:
            case["split"] = part[case["subject"]]
        file.write_text(json.dumps(content, indent=1))
    return read_datalist(file, missing="allow")


def trained(data: Datalist, out: Path, options: argparse.Namespace) -> Model:
    """The model, trained and calibrated when it is not there."""
    package = out / options.name
    if package.exists():
        return load_model(str(package))
    split = divide(data, "tuning")
    changes = {"augmentation": AUGMENTATION, **json.loads(options.changes)}
    config = plan(data, split, options.preset, shape=options.shape, changes=changes)
    before, last = time.process_time(), [0.0]

    def say(share: float, text: str) -> None:
        if time.monotonic() - last[0] > 20:
            last[0] = time.monotonic()
            print(
                f"{(time.process_time() - before) / 60:.1f} core min, {100 * share:.0f} %: {text}", flush=True
            )

    run = out / f"{options.name}-run"
    train_supervised(config, data, split, run, device=options.device, progress=say)
    return package_supervised(run, data, split, package, name=options.name, progress=say)


def error_of(found: Array, truth: Array) -> Array:
    """(L,) pixels; a landmark that was not given is as far off as the farthest of the image."""
    error = np.linalg.norm(found - truth, axis=-1)
    given = np.isfinite(error)
    return np.where(given, error, error[given].max() if given.any() else np.ptp(truth[:, 1]))


def reviewed(case: Case, model: Model, device: str, clicks: int) -> dict[str, Any]:
    """What is found in one image, and what corrections make of it."""
    volume = case.read_channels()[0]
    truth = truth_of(case, model)
    seen = analyse(volume, model, DetectOptions(device=device))
    first = _pixels(seen.detection.landmarks)
    following, alone = [float(error_of(first, truth).mean())], [float(error_of(first, truth).mean())]
    settled: dict[str, Array] = {}
    now, by_hand = first, first.copy()
    for _ in range(clicks):
        worst = int(error_of(now, truth).argmax())
        settled[model.protocol.names[worst]] = np.array([*-truth[worst], 0.0])
        now = _pixels(seen.refine(settled).detection.landmarks)
        following.append(float(error_of(now, truth).mean()))
        worst = int(error_of(by_hand, truth).argmax())
        by_hand[worst] = truth[worst]
        alone.append(float(error_of(by_hand, truth).mean()))
    return {
        "case": case.name,
        "subject": case.subject,
        "following": following,
        "alone": alone,
        "doubts": [doubt.kind.value for doubt in seen.detection.doubts],
        "confidence": [mark.confidence for mark in seen.detection.landmarks],
        **judged(first, truth, float(volume.size[1])),
    }


def truth_of(case: Case, model: Model) -> Array:
    """(68, 2) pixels."""
    return -case_landmarks(case, model.protocol.names, "mean")[0][:, :2]


def _pixels(landmarks: Any) -> Array:
    return np.stack([-mark.position[:2] for mark in landmarks])


def judged(found: Array, truth: Array, height: float) -> dict[str, Any]:
    """Errors, order, and angles of one spine (68, 2)."""
    error = error_of(found, truth)
    per_mm = np.linalg.norm(truth[L5].mean(axis=0) - truth[L4].mean(axis=0)) / L4_TO_L5_MM
    names = [str(n) for n in range(LEVELS)]
    corners, true_corners = (points.reshape(LEVELS, 4, 2) for points in (found, truth))
    centres, true_centres = corners.mean(axis=1), true_corners.mean(axis=1)
    whole = bool(np.isfinite(found).all())
    nearest = np.linalg.norm(np.nan_to_num(centres)[:, None] - true_centres, axis=2).argmin(axis=1)
    in_order = whole and not spine_problems(corners, names)
    angles = cobb_angles(corners[None], height).degrees[0] if in_order else np.zeros(3)
    return {
        "error": error.tolist(),
        "error_mm": (error / per_mm).tolist(),
        "off by": (nearest - np.arange(LEVELS)).tolist(),
        "in order": in_order,
        "angles": angles.tolist(),
        "true angles": cobb_angles(true_corners[None], height).degrees[0].tolist(),
        "sound": not spine_problems(true_corners, names),
    }


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The figures over all images."""
    error, mm = (np.array([row[key] for row in rows]) for key in ("error", "error_mm"))
    shift = np.array([row["off by"] for row in rows])
    right = (shift == 0).all(axis=1)
    in_order = np.array([row["in order"] for row in rows])
    angles, truth = (np.array([row[key] for row in rows]) for key in ("angles", "true angles"))
    smape = 100 * np.abs(angles - truth).sum(axis=1) / np.maximum((angles + truth).sum(axis=1), 1e-9)
    # The first and last have nothing beyond them to be nearer to.
    level = np.arange(LEVELS)
    aside = [np.clip(level + n, 0, LEVELS - 1) - level for n in (-2, -1, 1, 2)]
    whole = np.array([any((one == other).all() for other in aside) for one in shift])
    doubted = np.array(["vertebra_level" in row["doubts"] for row in rows])
    return {
        "images": len(rows),
        "people": len({row["subject"] for row in rows}),
        "mean radial error, px": round(float(error.mean()), 2),
        "median, px": round(float(np.median(error)), 2),
        "mean where all levels are right, px": round(float(error[right].mean()), 2) if right.any() else None,
        **{f"within {r:g} mm, %": round(100 * float((mm <= r).mean()), 1) for r in RADII_MM},
        "corners in order, % of images": round(100 * float(in_order.mean()), 1),
        "all 17 levels right, % of images": round(100 * float(right.mean()), 1),
        "levels right, % of vertebrae": round(100 * float((shift == 0).mean()), 1),
        "whole chain off by one or two levels, % of images": round(100 * float(whole.mean()), 1),
        "part of it off, % of images": round(100 * float((~right & ~whole).mean()), 1),
        "SMAPE, %": round(float(smape.mean()), 2),
        "SMAPE median, %": round(float(np.median(smape)), 2),
        "angle errors, degrees": np.abs(angles - truth)[in_order].mean(axis=0).round(2).tolist()
        if in_order.any()
        else None,
        "levels doubted, % of images wrong / right": [
            round(100 * float(doubted[group].mean()), 1) if group.any() else None for group in (~right, right)
        ],
        "error after 0 to 5 corrections, px": np.mean([row["following"] for row in rows], axis=0)
        .round(1)
        .tolist(),
        "by hand alone, px": np.mean([row["alone"] for row in rows], axis=0).round(1).tolist(),
        "published, px of the original images": list(PUBLISHED),
    }


def main() -> None:
    """Train, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("aasce", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", default="spine")
    parser.add_argument("--preset", default="chain-lite")
    parser.add_argument("--shape", type=int, nargs=2, help="rows and columns of the network's image")
    parser.add_argument("--changes", default="{}", help="further settings of the training, as JSON")
    parser.add_argument("--on", default="validation", choices=("validation", "tuning"))
    parser.add_argument("--clicks", type=int, default=5)
    parser.add_argument("--every", type=int, default=1, help="measure on every n-th image only")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    try:
        data = divided(options.aasce, options.out)
        model = trained(data, options.out, options)
    except InputError as error:
        raise SystemExit(str(error)) from None
    cases = [case for case in data if case.split == options.on][:: options.every]
    rows = []
    for n, case in enumerate(cases):
        rows.append(reviewed(case, model, options.device, options.clicks))
        if n % 8 == 7:
            print(
                f"{n + 1} of {len(cases)} images, mean {np.mean([r['following'][0] for r in rows]):.1f} px",
                flush=True,
            )
    sound = [row for row in rows if row["sound"]]
    result = {"all": summary(rows), "annotation sound": summary(sound)}
    (options.out / f"{options.name}-{options.on}.json").write_text(
        json.dumps({"summary": result, "rows": rows})
    )
    for key, value in result["all"].items():
        print(f"{key:50} {value!s:45} {result['annotation sound'][key]}")


if __name__ == "__main__":
    main()
