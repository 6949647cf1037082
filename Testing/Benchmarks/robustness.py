"""One scan, written in many ways: do the landmarks stay where they were?

The rules are those the project sets itself. Against a truth: at most 15 mm in the coronal plane and 20 mm in
3D on average, none over 40 mm. Against the first answer: within 5 mm in every way of storing the same scan,
8 mm for coarse and oblique ones. In crops: nothing outside is present with a confidence over 0.5, and what is
inside is within 30 mm on average. A mirrored or wrongly labelled copy is warned about.

Exit code 1 when a rule is broken, 0 when all hold or the default scan is not there.

    python Testing/Benchmarks/robustness.py
    python Testing/Benchmarks/robustness.py scan.nii.gz --truth points.mrk.json --markdown table.md
    python Testing/Benchmarks/robustness.py phantom:3 --only crop warning
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import variants

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.doubts import DoubtKind
from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.detectors.dispatch import analyse, detect
from LandmarkDetectionLib.errors import LandmarkDetectionError
from LandmarkDetectionLib.imaging.body.projection import Projection
from LandmarkDetectionLib.io.markups import read_landmarks
from LandmarkDetectionLib.io.volumes import read_volume
from LandmarkDetectionLib.models import Model, load_model

Array = np.ndarray
REPOSITORY = Path(__file__).resolve().parents[2]
SCAN = REPOSITORY.parent / "shared" / "data" / "whole_body" / "female_ct.nii.gz"
GROUPS = ("stored", "resampled", "dicom", "table", "threshold", "noise", "crop", "warning", "leaning")
CLOSE_MM, COARSE_MM, CROP_MM = 5.0, 8.0, 30.0
CORONAL_MM, TOTAL_MM, LARGEST_MM = 15.0, 20.0, 40.0
CONFIDENT = 0.5
#: What only the first answer places outside a crop must lie there by more than that answer's own error.
EDGE_MM = 10.0


@dataclass(frozen=True)
class Case:
    """One variant: how to make it, how it is read, and what is asked of it."""

    group: str
    name: str
    make: Callable[[Volume], Volume]
    limit_mm: float | None = None
    threshold: float | None = None
    expected_warning: DoubtKind | None = None
    back_to_first: Callable[[Volume], Array] | None = None  # (4, 4) from the variant's space to the first's


@dataclass(frozen=True)
class Row:
    """What was measured on one variant; NaN where there is nothing to measure."""

    group: str
    name: str
    mean_mm: float = np.nan
    largest_mm: float = np.nan
    truth_mean_mm: float = np.nan
    truth_largest_mm: float = np.nan
    remark: str = ""
    problem: str = ""


def same(volume: Volume) -> Volume:
    """The volume itself."""
    return volume


def cases(folder: Path, every_order: bool) -> Iterator[Case]:
    """All variants of a whole scan; crops need the first answer and are made in `crop_cases`."""
    orders = list(variants.all_orders())
    chosen = orders[1:] if every_order else [orders[n] for n in (1, 2, 3, 7, 12, 22, 27, 33, 41, 47)]
    for order, flips in chosen:
        axes = "".join("-" * (n in flips) + "ijk"[axis] for n, axis in enumerate(order))
        yield Case("stored", f"axes {axes}", partial(variants.reordered, order=order, flips=flips), CLOSE_MM)
    yield Case("resampled", "1 mm", partial(variants.resampled, spacing_mm=1.0), CLOSE_MM)
    yield Case("resampled", "8 mm", partial(variants.resampled, spacing_mm=8.0), COARSE_MM)
    for name, axis in {**variants.AXES, "R+A+S": (1.0, 1.0, 1.0)}.items():
        turned = partial(variants.oblique, axis=axis)
        yield Case("resampled", f"oblique, 10 degrees about {name}", turned, COARSE_MM)
    yield Case("dicom", "as DICOM series", lambda v: variants.through_dicom(v, folder / "series"), CLOSE_MM)
    tilted = variants.AXES["R"]
    yield Case(
        "dicom",
        "oblique and as DICOM series",
        lambda v: variants.through_dicom(variants.oblique(v, tilted), folder / "tilted"),
        COARSE_MM,
    )
    yield Case("table", "removed", variants.table_removed, CLOSE_MM)
    for name, shift in {
        "20 mm lower": (0, -20, 0),
        "10 mm higher": (0, 10, 0),
        "20 mm to the right": (20, 0, 0),
        "20 mm to the feet": (0, 0, -20),
    }.items():
        yield Case("table", name, partial(variants.table_moved, ras_mm=shift), CLOSE_MM)
    yield Case("table", "5 mm thicker", partial(variants.table_thickened, extra_mm=5.0), CLOSE_MM)
    for threshold in (-150.0, -200.0, -300.0, -500.0, -600.0, -700.0, -800.0):
        yield Case("threshold", f"{threshold:.0f}", same, CLOSE_MM, threshold)
    for deviation in (30.0, 100.0):
        yield Case(
            "noise", f"{deviation:.0f} more", partial(variants.with_noise, deviation=deviation), CLOSE_MM
        )
    yield Case("warning", "mirrored", variants.mirrored, expected_warning=DoubtKind.MIRRORED)
    for name, about in {"upside down": "A", "back to front": "S", "both": "R"}.items():
        turned = partial(variants.relabelled, about=about)
        yield Case("warning", f"labelled {name}", turned, expected_warning=DoubtKind.ORIENTATION)
    for name, axis in variants.AXES.items():  # no rule is set for these: the body itself lies otherwise
        leaning = partial(variants.leaning, axis=axis, degrees=10.0)
        yield Case(
            "leaning",
            f"body turned by 10 degrees about {name}",
            leaning,
            back_to_first=partial(_back, axis=axis),
        )


def _back(volume: Volume, axis: tuple[float, float, float]) -> Array:
    return variants.affine(variants.rotation(axis, -10.0), variants.centre(volume))


def crop_heights(
    first: Detection, views: Projection, truth: LandmarkSet | None
) -> dict[str, tuple[float, float]]:
    """Heights in RAS mm of the crops, between the silhouette's lowest point and the vertex."""
    view = views.coronal
    rows = np.flatnonzero(view.silhouette.any(axis=1))
    sole, head = view.geometry.to_ras(np.array([[0, rows[-1] + 0.5, 0], [0, rows[0] - 0.5, 0]]))[:, 2]
    for known in (truth, first.landmarks):  # raised arms are no part of a body's height
        if known is not None and "head_top" in known and known["head_top"].is_present:
            head = known["head_top"].position[2]
            break
    return {
        name: (float(sole + low * (head - sole)), float(sole + high * (head - sole)))
        for name, (low, high) in variants.CROPS.items()
    }


def measure(volume: Volume, case: Case, model: Model, first: Detection, truth: LandmarkSet | None) -> Row:
    """Detect in one variant and compare with the first answer and the truth."""
    try:
        variant = case.make(volume)
        found = detect(variant, model, threshold=case.threshold)
    except LandmarkDetectionError as error:
        return Row(case.group, case.name, problem=str(error))
    if case.expected_warning is not None:
        given = [one.text for one in found.doubts if one.kind is case.expected_warning]
        remark = " ".join(given) or f"{len(found.doubts)} other warnings"
        return Row(case.group, case.name, remark=remark, problem="" if given else "no such warning")
    positions = found.landmarks.positions
    if case.back_to_first is not None:
        back = case.back_to_first(volume)
        positions = positions @ back[:3, :3].T + back[:3, 3]
    moved = np.linalg.norm(positions - first.landmarks.positions, axis=1)
    problems, remark = [], ""
    if np.isfinite(moved).any():
        farthest = int(np.nanargmax(moved))
        remark = f"most: {found.landmarks.names[farthest]}"
    limit = np.inf if case.limit_mm is None else case.limit_mm
    if np.nanmax(moved, initial=0.0) > limit:
        problems.append(f"over {limit:g} mm: {int((moved > limit).sum())} of {len(moved)}")
    changed = [
        b.name for a, b in zip(first.landmarks, found.landmarks, strict=True) if a.is_present != b.is_present
    ]
    if changed:
        text = f"present in one only: {', '.join(changed)}"
        (problems.append(text) if case.limit_mm is not None else None)
        remark = remark or text
    errors = truth_errors(found.landmarks.names, positions, truth)
    return Row(
        case.group, case.name, *_mean_and_max(moved), *_mean_and_max(errors), remark, "; ".join(problems)
    )


def first_row(first: Detection, truth: LandmarkSet | None) -> Row:
    """The first answer against the truth, and whether it is warned about for nothing."""
    problems = [one.text for one in first.doubts if one.kind in (DoubtKind.MIRRORED, DoubtKind.ORIENTATION)]
    names, positions = first.landmarks.names, first.landmarks.positions
    errors, remark = truth_errors(names, positions, truth), f"{len(first.doubts)} warnings"
    if errors.size:
        flat = truth_errors(names, positions, truth, axes=(0, 2))
        remark = f"in the coronal plane {np.nanmean(flat):.1f} mm; {remark}"
        limits = (
            (np.nanmean(flat), CORONAL_MM),
            (np.nanmean(errors), TOTAL_MM),
            (np.nanmax(errors), LARGEST_MM),
        )
        problems += [f"{value:.1f} mm, over {limit:g} mm" for value, limit in limits if value > limit]
        problems += ["a true landmark is called absent"] if np.isnan(errors).any() else []
    return Row("first", "answer", 0.0, 0.0, *_mean_and_max(errors), remark, "; ".join(problems))


def measure_crop(
    volume: Volume,
    name: str,
    heights: tuple[float, float],
    model: Model,
    first: Detection,
    truth: LandmarkSet | None,
) -> Row:
    """Detect in a crop: nothing confident outside it, and what is inside not far off."""
    crop = variants.cropped(volume, *heights)
    try:
        found = detect(crop, model).landmarks
    except LandmarkDetectionError as error:
        return Row("crop", name, problem=str(error))
    reference = first.landmarks.positions.copy()
    known = np.zeros(len(reference), bool)
    for n, mark in enumerate(found):
        if truth is not None and mark.name in truth:
            reference[n], known[n] = truth[mark.name].position, True
    confident = np.array([mark.is_present and (mark.confidence or 0) > CONFIDENT for mark in found])
    inside = variants.contains(crop, reference)
    outside = ~inside & np.isfinite(reference).all(axis=1)
    beyond = np.maximum(heights[0] - reference[:, 2], reference[:, 2] - heights[1])
    wrong = confident & outside & (known | (beyond > EDGE_MM))
    at_edge = confident & outside & ~wrong
    moved = np.where(inside, np.linalg.norm(found.positions - first.landmarks.positions, axis=1), np.nan)
    errors = truth_errors(found.names, np.where(inside[:, None], found.positions, np.nan), truth)
    missing = [mark.name for mark, here in zip(found, inside, strict=True) if here and not mark.is_present]
    problems = []
    if wrong.any():
        problems.append("outside but confident: " + ", ".join(np.array(found.names)[wrong]))
    for text, values in (("first answer", moved), ("truth", errors)):
        if np.isfinite(values).any() and np.nanmean(values) > CROP_MM:
            problems.append(f"over {CROP_MM:g} mm from the {text}")
    remark = f"{int(inside.sum())} inside, {int(outside.sum())} outside, {int(confident.sum())} confident"
    if at_edge.any():
        remark += "; at the cut: " + ", ".join(np.array(found.names)[at_edge])
    if missing:
        remark += "; inside but absent: " + ", ".join(missing)
    return Row("crop", name, *_mean_and_max(moved), *_mean_and_max(errors), remark, "; ".join(problems))


def truth_errors(
    names: tuple[str, ...], positions: Array, truth: LandmarkSet | None, axes: tuple[int, ...] = (0, 1, 2)
) -> Array:
    """(n,) mm distances along some axes of landmarks with a truth; NaN for those that were not found."""
    if truth is None:
        return np.array([])
    off = [positions[n] - truth[name].position for n, name in enumerate(names) if name in truth]
    return np.linalg.norm(np.array(off).reshape(-1, 3)[:, list(axes)], axis=1)


def _mean_and_max(values: Array) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    return (float(values.mean()), float(values.max())) if values.size else (np.nan, np.nan)


def markdown(rows: list[Row], title: str) -> str:
    """The rows as a Markdown table."""
    lines = [
        title,
        "",
        "| variant | from first, mean mm | largest mm | from truth, mean mm | largest mm | holds | remark |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        values = (row.mean_mm, row.largest_mm, row.truth_mean_mm, row.truth_largest_mm)
        cells = ["" if np.isnan(value) else f"{value:.1f}" for value in values]
        holds = f"**no**: {row.problem}" if row.problem else "yes"
        lines.append(f"| {row.group}: {row.name} | {' | '.join(cells)} | {holds} | {row.remark} |")
    return "\n".join(lines) + "\n"


def show(row: Row) -> None:
    """Print one row."""
    values = (row.mean_mm, row.largest_mm, row.truth_mean_mm, row.truth_largest_mm)
    cells = "".join(f"{'':>9s}" if np.isnan(value) else f"{value:9.1f}" for value in values)
    holds = f"NO  {row.problem}  " if row.problem else "ok  "
    print(f"{row.group + ': ' + row.name:46s}{cells}  {holds}{row.remark}", flush=True)


def load_scan(text: str, truth: Path | None) -> tuple[Volume, LandmarkSet | None]:
    """A file with its landmarks where there are some, or ``phantom:SEED``."""
    if text.startswith("phantom"):
        from LandmarkDetectionLib.synthesis.body.phantom import make_phantom

        return make_phantom(int(text.partition(":")[2] or 0))
    if truth is None and Path(text) == SCAN:
        truth = SCAN.with_name("female_landmarks.mrk.json")
    return read_volume(text), None if truth is None else read_landmarks(truth)


def main() -> int:
    """Print the table; 1 when a rule is broken."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "scan", nargs="?", default=str(SCAN), help="a volume, or phantom:SEED (default: %(default)s)"
    )
    parser.add_argument(
        "--truth", type=Path, help="true landmarks (.mrk.json, .fcsv, .csv) in the same space"
    )
    parser.add_argument("--model", default="whole-body-ct", help="name or folder (default: %(default)s)")
    parser.add_argument(
        "--only", nargs="+", choices=GROUPS, default=GROUPS, metavar="GROUP", help=", ".join(GROUPS)
    )
    parser.add_argument("--every-order", action="store_true", help="all 48 axis orders instead of ten")
    parser.add_argument("--markdown", type=Path, help="also write the table to this file")
    options = parser.parse_args()

    if options.scan == str(SCAN) and not SCAN.exists():
        print(f"Skipped: {SCAN} is not here; give another scan, or phantom:0 for a synthetic one.")
        return 0
    try:
        volume, truth = load_scan(options.scan, options.truth)
        model = load_model(options.model)
        seen = analyse(volume, model)
        first = seen.detection
    except LandmarkDetectionError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    start = time.perf_counter()
    print(f"{volume.name}, {' x '.join(map(str, volume.size))} voxels; {model.name} {model.version}")
    print(
        f"{'':46s}{'from first mm':>18s}{'from truth mm':>18s}\n{'':46s}" + f"{'mean':>9s}{'largest':>9s}" * 2
    )
    rows = [first_row(first, truth)]
    show(rows[0])
    with tempfile.TemporaryDirectory() as folder:
        for case in cases(Path(folder), options.every_order):
            if case.group in options.only:
                rows.append(measure(volume, case, model, first, truth))
                show(rows[-1])
    if "crop" in options.only:
        for name, low_high in crop_heights(first, seen.views, truth).items():
            rows.append(measure_crop(volume, name, low_high, model, first, truth))
            show(rows[-1])
    broken = sum(bool(row.problem) for row in rows)
    print(f"{len(rows) - broken} of {len(rows)} hold; {time.perf_counter() - start:.0f} s")
    if options.markdown:
        held = f"{len(rows) - broken} of {len(rows)} rules hold."
        title = f"{volume.name} with {model.name} {model.version}: {held}"
        options.markdown.write_text(markdown(rows, title), encoding="utf-8")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
