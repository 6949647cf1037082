"""The hand model on real radiographs: distance to a person's points, in percent of the hand's length.

Needs a folder with radiographs and ``landmarks_px.csv``: one line per image, its name and 37 points in pixels
(x0, y0, x1, ...), numbered as in the annotations of the Digital Hand Atlas by Payer et al. The claim is a
mean distance of the fingertips of at most 4 %, and every fingertip on the right finger. The hand's length is
that from the wrist's centre, midway between the tips of the styloid processes, to the middle finger's tip.

    python Testing/Benchmarks/hand_radiographs.py FOLDER --overlays out/
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

CLAIM = 4.0  # percent
WRIST = (1, 5)  # the tips of both styloid processes
FINGERS = {"thumb": (17, 18, 19, 20), "index": (16, 21, 22, 23, 24), "middle": (15, 25, 26, 27, 28)}
FINGERS |= {"ring": (14, 29, 30, 31, 32), "little": (13, 33, 34, 35, 36)}
JOINTS = {4: ("cmc", "mcp", "ip", "tip"), 5: ("cmc", "mcp", "pip", "dip", "tip")}
NUMBERS = {
    f"{finger}_{joint}": number
    for finger, numbers in FINGERS.items()
    for joint, number in zip(JOINTS[len(numbers)], numbers, strict=True)
}
TIPS = tuple(name for name in NUMBERS if name.endswith("_tip"))


def read_points(table: Path) -> dict[str, np.ndarray]:
    """Points (37, 2) in pixels by the image's name."""
    with table.open() as file:
        return {
            row[0]: np.array(row[1:], float).reshape(-1, 2) for row in csv.reader(file) if row[0] != "image"
        }


class Reading(NamedTuple):
    """What was found in one radiograph.

    Attributes
    ----------
    errors : dict
        Distance by landmark in percent of the hand's length; NaN where the model says it is absent.
    nearest : dict
        By fingertip, the true fingertip next to which it was put.
    """

    errors: dict[str, float]
    nearest: dict[str, str]


def measure(path: Path, points: np.ndarray, model: str, overlays: Path | None = None) -> Reading:
    """Find a radiograph's landmarks and compare them with a person's points (37, 2) in pixels."""
    from LandmarkDetectionLib.detectors.dispatch import analyse
    from LandmarkDetectionLib.io.volumes import read_volume
    from LandmarkDetectionLib.models import load_model
    from LandmarkDetectionLib.reporting.overlay import write_overlay

    volume, package = read_volume(path), load_model(model)
    seen = analyse(volume, package)
    found = seen.detection
    if overlays is not None:
        write_overlay(found, seen.views, package.protocol, overlays / f"{path.stem}.png")
    ras = volume.ijk_to_ras_points(np.column_stack([points, np.zeros(len(points))]))
    truth = {name: ras[number] for name, number in NUMBERS.items()} | {"wrist": ras[list(WRIST)].mean(axis=0)}
    length = np.linalg.norm(truth["middle_tip"] - truth["wrist"])
    position = {one.name: np.asarray(one.position) for one in found.landmarks.landmarks}
    errors = {
        name: 100 * float(np.linalg.norm(position[name] - true)) / float(length)
        for name, true in truth.items()
    }
    nearest = {
        name: min(TIPS, key=lambda other: float(np.linalg.norm(position[name] - truth[other])))
        for name in TIPS
    }
    return Reading(errors, nearest)


def main() -> int:
    """Print the table; exit code 1 when the claim does not hold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="hand", help="name or folder of the model (default: %(default)s)")
    parser.add_argument("--overlays", type=Path, help="folder for pictures of what was found")
    options = parser.parse_args()
    table = options.folder / "landmarks_px.csv"
    if not table.exists():
        print(f"Skipped: there is no {table}.")
        return 0
    if options.overlays is not None:
        options.overlays.mkdir(parents=True, exist_ok=True)
    points = read_points(table)
    images = [path for path in sorted(options.folder.iterdir()) if path.stem in points]
    found = {path.stem: measure(path, points[path.stem], options.model, options.overlays) for path in images}
    rows = {image: one.errors for image, one in found.items()}
    print(f"| image | {' | '.join(TIPS)} | tips, mean | all joints, mean | wrist |")
    print("|---" * (len(TIPS) + 4) + "|")
    for image, row in rows.items():
        tips = [row[name] for name in TIPS]
        joints = [row[name] for name in NUMBERS if name not in TIPS]
        cells = [*tips, float(np.nanmean(tips)), float(np.nanmean(joints)), row["wrist"]]
        print(f"| {image} | {' | '.join(f'{value:.2f}' for value in cells)} |")
    every = np.array([[row[name] for name in TIPS] for row in rows.values()])
    print(f"fingertips: mean {np.nanmean(every):.2f} %, largest {np.nanmax(every):.2f} %, ", end="")
    print(f"{int(np.isnan(every).sum())} of {every.size} not found; claimed: at most {CLAIM:g} %")
    wrong = [(image, n, m) for image, one in found.items() for n, m in one.nearest.items() if n != m]
    for image, name, other in wrong:
        print(f"{image}: {name} lies next to {other}")
    for joint in ("tip", "dip", "ip", "pip", "mcp", "cmc"):
        values = [row[name] for row in rows.values() for name in NUMBERS if name.endswith(f"_{joint}")]
        print(f"{joint}: mean {np.nanmean(values):.2f} %")
    return int(bool(wrong) or not np.mean(every) <= CLAIM)


if __name__ == "__main__":
    sys.exit(main())
