"""Errors on real CT: a whole woman with landmarks read off her labelled bones, and scans of parts of bodies.

    python Testing/Benchmarks/bony_landmarks.py DATA [--models whole-body-skin whole-body-ct]

DATA holds ``whole_body/female_ct.nii.gz`` with ``female_bony_landmarks.mrk.json`` and
``female_landmarks.mrk.json``, and ``real_ct/*.nii.gz`` with ``points_ras_mm.json``. Default options; training
saw nothing of it. Prints one table of errors in mm per landmark and model, and what is said of them: status,
confidence, how many 95 % intervals hold the truth, and how wide they are.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import LandmarkDetectionLib as ld  # noqa: N813

#: What a model that knows joints alone calls the centres of bones.
ALSO = {
    "femoral_head_right": "hip_right",
    "femoral_head_left": "hip_left",
    "humeral_head_right": "shoulder_right",
    "humeral_head_left": "shoulder_left",
    "disc_c7_t1": "neck",
}
NEAR_MM, FAR_MM, CLOSE_MM = 20.0, 30.0, 15.0
WIDE = 1.96  # deviations on either side of a 95 % interval


@dataclass(frozen=True)
class Point:
    """One true point and what was found of it; error in mm, infinite where nothing was."""

    scan: str
    name: str
    error: float
    status: str
    confidence: float
    covered: tuple[bool, ...]
    half_widths: tuple[float, ...]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--models", nargs="+", default=["whole-body-ct"])
    parser.add_argument("--out", type=Path, help="Also write the numbers as JSON.")
    options = parser.parse_args()
    found = {name: list(_measured(options.data, name)) for name in options.models}
    for scan in dict.fromkeys(point.scan for points in found.values() for point in points):
        _print_table(scan, {name: [p for p in points if p.scan == scan] for name, points in found.items()})
    for name, points in found.items():
        _print_summary(name, points)
    if options.out:
        rows = {name: [vars(point) for point in points] for name, points in found.items()}
        options.out.write_text(json.dumps(rows, indent=1))


def _measured(data: Path, name: str) -> Iterator[Point]:
    model = ld.load_model(name)
    truth = {
        "whole_body/female_ct": {
            **_markups(data / "whole_body" / "female_landmarks.mrk.json"),
            **_markups(data / "whole_body" / "female_bony_landmarks.mrk.json"),
        }
    }
    points = json.loads((data / "real_ct" / "points_ras_mm.json").read_text())
    truth |= {
        f"real_ct/{scan}": {k: np.array(p, float) for k, p in marks.items()} for scan, marks in points.items()
    }
    for scan, marks in truth.items():
        try:
            landmarks = ld.detect(ld.read_volume(data / f"{scan}.nii.gz"), model).landmarks
        except ld.LandmarkDetectionError as problem:
            print(f"{name} refuses {scan}: {problem}")
            for mark in marks:
                yield Point(scan, mark, np.inf, "refused", 0.0, (), ())
            continue
        for mark, place in marks.items():
            own = mark if mark in landmarks else ALSO.get(mark)
            if own in landmarks:
                yield _compared(scan, mark, landmarks[own], place)


def _compared(scan: str, name: str, found: ld.Landmark, place: np.ndarray) -> Point:
    if not np.isfinite(found.position).all() or found.covariance is None:
        return Point(scan, name, np.inf, found.status.value, found.confidence or 0.0, (), ())
    offset = np.abs(found.position - place)
    half = WIDE * np.sqrt(np.diag(found.covariance))
    return Point(
        scan,
        name,
        float(np.linalg.norm(found.position - place)),
        found.status.value,
        float(found.confidence or 0.0),
        tuple(bool(one) for one in offset <= half),
        tuple(float(one) for one in half),
    )


def _markups(path: Path) -> dict[str, np.ndarray]:
    landmarks = ld.read_landmarks(path)
    return {landmark.name: landmark.position for landmark in landmarks}


def _print_table(scan: str, points: dict[str, list[Point]]) -> None:
    print(f"\n| {scan} | " + " | ".join(f"{name}: mm, status, confidence" for name in points) + " |")
    print("|---" * (len(points) + 1) + "|")
    for name in dict.fromkeys(point.name for one in points.values() for point in one):
        cells = []
        for one in points.values():
            mine = [p for p in one if p.name == name]
            cells.append(f"{mine[0].error:.1f} {mine[0].status} {mine[0].confidence:.2f}" if mine else "")
        print(f"| {name} | " + " | ".join(cells) + " |")


def _print_summary(name: str, points: list[Point]) -> None:
    print(f"\n{name}")
    for part in ("whole_body", "real_ct"):
        mine = [p for p in points if p.scan.startswith(part)]
        if not mine:
            continue
        error = np.array([p.error for p in mine])
        said = [p for p in mine if p.status == "detected"]
        print(
            f"  {part}: {len(mine)} points, mean {error.mean():.1f}, median {np.median(error):.1f}, "
            f"largest {error.max():.1f} mm; within {CLOSE_MM:g} mm {np.mean(error <= CLOSE_MM):.2f}"
        )
        if said:
            wrong = np.array([p.error for p in said])
            print(
                f"  {part}: {len(said)} detected, within {NEAR_MM:g} mm {np.mean(wrong <= NEAR_MM):.2f} at a "
                f"mean confidence of {np.mean([p.confidence for p in said]):.2f}, "
                f"{int((wrong > FAR_MM).sum())} over {FAR_MM:g} mm"
            )
        covered = [one for p in mine for one in p.covered]
        widths = [one for p in mine for one in p.half_widths]
        if covered:
            print(
                f"  {part}: 95 % intervals hold {np.mean(covered):.2f} of the coordinates, median half-width "
                f"{np.median(widths):.1f} mm"
            )


if __name__ == "__main__":
    main()
