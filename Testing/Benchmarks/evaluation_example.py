"""Evaluate two made-up models on drawn hands, as an example for docs/evaluation.md.

::

    python Testing/Benchmarks/evaluation_example.py OUT

draws 40 pictures of hands of capsules, landmarks of two raters and predictions of two "models" (the truth and
noise: what is printed says nothing about any network), and writes the report to OUT/report.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet
from LandmarkDetectionLib.datasets.cases import write_datalist
from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.evaluation.evaluate import evaluate
from LandmarkDetectionLib.evaluation.predictions import read_predictions
from LandmarkDetectionLib.evaluation.report_pages import write_evaluation
from LandmarkDetectionLib.io.markups import write_landmarks

NAMES = ("wrist", "thumb_tip", "index_tip", "middle_tip", "ring_tip", "little_tip")
ANGLES, LENGTHS = (-58.0, -18.0, 0.0, 16.0, 34.0), (0.72, 1.0, 1.08, 1.0, 0.82)
SIZE, MM = (320, 256), 0.75


def draw_hand(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Picture (H, W) uint8 and the landmarks (6, 2) in pixels, x first."""
    rows, columns = np.indices(SIZE, dtype=float)
    palm = np.array([128.0, 185.0]) + rng.normal(0, 6, 2)
    scale, turn = rng.uniform(92, 118), rng.normal(0, 7)
    wrist = palm + scale * 0.75 * np.array([-np.sin(np.radians(turn)), np.cos(np.radians(turn))])
    bright = capsule(columns, rows, palm, wrist, 0.28 * scale) * 0.55
    tips = []
    for angle, length in zip(ANGLES, LENGTHS, strict=True):
        way = np.radians(angle + turn + rng.normal(0, 3))
        direction = np.array([np.sin(way), -np.cos(way)])
        start, tip = palm + 0.25 * scale * direction, palm + scale * length * 1.25 * direction
        bright = np.maximum(bright, 0.5 * capsule(columns, rows, start, tip, 0.095 * scale))
        bright = np.maximum(bright, 0.9 * capsule(columns, rows, start, tip, 0.045 * scale))
        tips.append(tip)
    noisy = 255 * (0.08 + 0.8 * bright) + rng.normal(0, 7, SIZE)
    return np.clip(noisy, 0, 255).astype(np.uint8), np.array([wrist, *tips])


def capsule(x: np.ndarray, y: np.ndarray, start: np.ndarray, end: np.ndarray, radius: float) -> np.ndarray:
    """A soft-edged stroke in [0, 1]."""
    along = end - start
    share = np.clip(((x - start[0]) * along[0] + (y - start[1]) * along[1]) / (along @ along), 0, 1)
    distance = np.hypot(x - start[0] - share * along[0], y - start[1] - share * along[1])
    return np.clip((radius - distance) / 3 + 0.5, 0, 1)


def write_points(points: np.ndarray, path: Path, confidence: np.ndarray | None = None) -> None:
    """(6, 2) pixels to RAS mm, as radiographs are placed."""
    marks = (
        Landmark(
            name,
            np.array([-x * MM, -y * MM, 0.0]),
            confidence=None if confidence is None else float(confidence[n]),
        )
        for n, (name, (x, y)) in enumerate(zip(NAMES, points, strict=True))
    )
    write_landmarks(LandmarkSet(tuple(marks)), path)


def main() -> None:
    """Draw, evaluate, and say where the report is."""
    parser = argparse.ArgumentParser(description="Evaluate made-up models on drawn hands.")
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    rng = np.random.default_rng(0)
    rows = []
    for folder in ("raters", "steady", "hasty"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    for number in range(40):
        name = f"hand-{number:02}"
        picture, points = draw_hand(rng)
        Image.fromarray(picture).save(out / f"{name}.png")
        for rater in ("a", "b"):
            write_points(points + rng.normal(0, 1.3, (6, 2)), out / "raters" / f"{name}-{rater}.csv")
        for model, spread, share in (("steady", 1.4, 0.01), ("hasty", 2.2, 0.05)):
            confidence = rng.uniform(0.5, 1.0, 6)
            noise = rng.normal(0, 1, (6, 2)) * spread * (1.6 - confidence[:, None])
            jump = (rng.random((6, 1)) < share) * rng.normal(0, 25, (6, 2))
            write_points(points + noise + jump, out / model / f"{name}.csv", confidence)
        files = {f"rater {rater}": f"raters/{name}-{rater}.csv" for rater in ("a", "b")}
        rows.append({"image": f"{name}.png", "landmarks": files, "subject": name, "spacing": MM})
    write_datalist(rows, out / "data.json", "drawn hands")
    data = read_datalist(out / "data.json")
    models = [read_predictions(name, out / name, data.cases, out) for name in ("steady", "hasty")]
    print(f"Wrote {write_evaluation(evaluate(data, models, radii=(1, 2, 3, 4)), out / 'report', worst=2)}")


if __name__ == "__main__":
    main()
