"""One annotated case carried to the next: errors in mm, and whether the doubt that is told is right.

    python Testing/Benchmarks/next_case.py [--heads 4] [--size 64] [--radiographs FOLDER]

Generated heads in CT (:mod:`LandmarkDetectionLib.synthesis.head.volumes`), every ordered pair of different
people; the points are known exactly. With a folder of radiographs of hands and ``landmarks_px.csv`` (as
``hand_radiographs.py`` wants them) every ordered pair of those as well. Prints for each set the error of the
affine registration alone and of the places found (mean, median, 90th percentile), the share called found and
their 95th percentile, and the share of errors within the told 95 % region. The numbers are of the images, not
of anatomy: other body parts and postures are harder.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from itertools import permutations
from pathlib import Path

import numpy as np

import LandmarkDetectionLib as ld  # noqa: N813
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.imaging.counterparts import CONFIG, find_counterparts
from LandmarkDetectionLib.imaging.registration import register_to_template
from LandmarkDetectionLib.imaging.template import crop_around
from LandmarkDetectionLib.quality.conformal import LEVEL, gaussian_radius
from LandmarkDetectionLib.synthesis.head.volumes import make_head
from Testing.Benchmarks.hand_radiographs import read_points

Case = tuple[Volume, Mapping[str, np.ndarray]]


def heads(count: int, size: int) -> list[Case]:
    """Generated heads and their true points."""
    made = (make_head(seed, size, "ct") for seed in range(count))
    return [(volume, {one.name: one.position for one in truth}) for volume, truth in made]


def radiographs(folder: Path) -> list[Case]:
    """Radiographs and a person's points."""
    cases: list[Case] = []
    points = read_points(folder / "landmarks_px.csv")
    for path in sorted(one for one in folder.iterdir() if one.stem in points):
        volume = ld.read_volume(path)
        ras = volume.ijk_to_ras_points(np.column_stack([points[path.stem], np.zeros(len(points[path.stem]))]))
        cases.append((volume, {f"point {n}": place for n, place in enumerate(ras)}))
    return cases


def measure(name: str, cases: Sequence[Case]) -> None:
    """Print one line of the table."""
    before, errors, sure, expected, seconds = [], [], [], [], []
    for (source, there), (target, truth) in permutations(cases, 2):
        marks = LandmarkSet(tuple(Landmark(key, place) for key, place in there.items()))
        points = np.array([one.position for one in marks])
        laid = register_to_template(target, crop_around(source, points, CONFIG.margin)).affine.inverse
        started = time.perf_counter()
        found = find_counterparts(marks, source, target).landmarks
        seconds.append(time.perf_counter() - started)
        for mark, place in zip(found, laid.apply(points), strict=True):
            if mark.is_present:
                before.append(np.linalg.norm(place - truth[mark.name]))
                errors.append(np.linalg.norm(mark.position - truth[mark.name]))
                sure.append(mark.status is Status.DETECTED)
                expected.append(mark.expected_error)
    d = 2 if cases[0][0].is_2d else 3
    error, is_sure = np.array(errors), np.array(sure)
    within = error <= gaussian_radius(LEVEL, d) * np.array(expected) / np.sqrt(d)
    cells = [
        name,
        str(len(error)),
        _three(np.array(before)),
        _three(error),
        f"{100 * is_sure.mean():.0f} %",
        f"{np.percentile(error[is_sure], 95):.1f}" if is_sure.any() else "-",
        f"{100 * within.mean():.0f} %",
        f"{np.median(seconds):.1f}",
    ]
    print(f"| {' | '.join(cells)} |", flush=True)


def _three(values: np.ndarray) -> str:
    return f"{values.mean():.1f} / {np.median(values):.1f} / {np.percentile(values, 90):.1f}"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--heads", type=int, default=4, help="how many are generated")
    parser.add_argument("--size", type=int, default=64, help="voxels along their sides")
    parser.add_argument("--radiographs", type=Path, help="folder of radiographs of hands")
    options = parser.parse_args()
    print(
        "| images | points | affine alone, mean / median / 90 % | found | called found | 95 % of these |",
        end="",
    )
    print(" within the 95 % region | s per case |")
    print("|---" * 8 + "|")
    measure("generated heads, CT", heads(options.heads, options.size))
    if options.radiographs is not None:
        measure("radiographs of hands", radiographs(options.radiographs))


if __name__ == "__main__":
    main()
