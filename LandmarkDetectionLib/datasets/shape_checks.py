"""Cases whose landmarks lie unlike those of the others, and what would explain it.

Each case's landmarks are moved to a common centre and scaled to a common size; their median over the cases is
the layout of the set. A case far from it is tried with its axes exchanged or turned, mirrored, and with the
names of left and right exchanged; where one of these brings it back, that is said. What no such change
explains is compared after the best rotation: a landmark many times farther from its place than the same
landmark in other cases is named. These are warnings, for a person to look: rare anatomy is not wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.core.shapes import mirror_permutation, moved_onto
from LandmarkDetectionLib.datasets.cases import Case
from LandmarkDetectionLib.datasets.findings import Finding, ImageFacts
from LandmarkDetectionLib.wording import counted

FEWEST_CASES = 5
FEWEST_LANDMARKS = 3
#: A case is unlike the others when it is this many times as far from the layout as the median case.
FAR = 2.5
#: And an explanation holds when it leaves this share of the distance.
EXPLAINED = 0.5
#: A landmark is an outlier when it is this many times as far from its place as in the median case ...
OUTLIER = 10.0
#: ... and this share of the layout's size away.
OUTLIER_SHARE = 0.25
#: Landmark sets this many times as large as the median one.
SIZE_RATIO = 2.5
#: Landmarks of most cases that fill less than this share of the image's sides, in its corner.
CORNER = 0.3

Whole = Sequence[tuple["Case", "ImageFacts", "LandmarkSet"]]


def check_shapes(
    whole: Whole, names: Sequence[str], pairs: Sequence[tuple[str, str]] = ()
) -> Iterator[Finding]:
    """Compare the landmarks of cases.

    Parameters
    ----------
    whole
        Cases that could be read, with the landmarks of one rater each.
    names
        Of the landmarks.
    pairs
        (left, right) names; found by the words left and right in them where there are none.
    """
    points = np.full((len(whole), len(names), 3), np.nan)
    row = {name: n for n, name in enumerate(names)}
    for n, (case, _, landmarks) in enumerate(whole):
        for mark in landmarks.present:
            points[n, row[mark.name]] = mark.position
        if case.side == "right":
            # Right hands are looked at as mirrored left ones.
            points[n, :, 0] *= -1
    present = np.isfinite(points[..., 0])
    usable = [n for n in range(len(whole)) if present[n].sum() >= FEWEST_LANDMARKS]
    yield from _corner(whole)
    if len(usable) < FEWEST_CASES:
        return
    shapes, sizes = zip(*(_normalised(points[n]) for n in usable), strict=True)
    with np.errstate(all="ignore"):
        layout = np.nanmedian(np.stack(shapes), axis=0)
    layout[present[usable].sum(axis=0) < FEWEST_CASES] = np.nan
    if np.isfinite(layout[:, 0]).sum() < FEWEST_LANDMARKS:
        return
    permutation = _permutation(names, pairs)

    def warn(n: int, kind: str, text: str) -> Finding:
        case = whole[n][0]
        return Finding(kind, text, False, case.row, case.name)

    distances = np.array([_distance(shape, layout) for shape in shapes])
    typical = np.median(distances)
    explained = set()
    for n, distance in zip(usable, distances, strict=True):
        if distance < FAR * typical or distance < 0.1:
            continue
        changes = _changes(points[n], permutation, whole[n][1].is_2d)
        left = {text: _distance(_normalised(changed)[0], layout) for text, changed in changes.items()}
        best = min(left, key=lambda text: left[text])
        if left[best] < EXPLAINED * distance and left[best] < FAR * typical:
            explained.add(n)
            yield warn(n, "layout", f"its landmarks lie like those of the other cases if {best}")
    middle = float(np.median(sizes))
    for n, size in zip(usable, sizes, strict=True):
        if not 1 / SIZE_RATIO < size / middle < SIZE_RATIO:
            text = f"its landmarks lie {size / middle:.2g} times as far apart as those of most cases"
            yield warn(n, "size", text)
    yield from _outliers(
        [(n, shape) for n, shape in zip(usable, shapes, strict=True) if n not in explained],
        layout,
        names,
        warn,
    )


def _normalised(points: np.ndarray) -> tuple[np.ndarray, float]:
    """(N, 3) landmarks around their centre at unit size, and the size they had (mm)."""
    centred = points - np.nanmean(points, axis=0)
    size = float(np.sqrt(np.nanmean(np.square(centred).sum(axis=1))))
    return centred / (size or 1.0), size


def _distance(shape: np.ndarray, layout: np.ndarray) -> float:
    """Median distance between landmarks after the best shift, in units of the size."""
    apart = shape - layout
    apart = apart - np.nanmedian(apart, axis=0)
    return float(np.nanmedian(np.linalg.norm(apart, axis=1)))


def _permutation(names: Sequence[str], pairs: Sequence[tuple[str, str]]) -> np.ndarray | None:
    """(N,) indices that exchange left and right, or None where there are no pairs."""
    if not pairs:
        pairs = [(name, name.replace("left", "right")) for name in names if "left" in name]
    permutation = mirror_permutation(names, pairs)
    return permutation if (permutation != np.arange(len(names))).any() else None


def _changes(points: np.ndarray, permutation: np.ndarray | None, flat: bool) -> dict[str, np.ndarray]:
    changes = {
        "x and y are exchanged": points[:, [1, 0, 2]],
        "the signs of x and y are turned (LPS taken for RAS, or an image upside down)": points * (-1, -1, 1),
        "its image is mirrored": points * (-1, 1, 1),
        "the sign of y is turned": points * (1, -1, 1),
    }
    if not flat:
        changes["x and z are exchanged"] = points[:, [2, 1, 0]]
        changes["y and z are exchanged"] = points[:, [0, 2, 1]]
        changes["the sign of z is turned"] = points * (1, 1, -1)
    if permutation is not None:
        changes = {"left and right are exchanged in their names": points[permutation], **changes}
    return changes


def _outliers(
    shapes: Sequence[tuple[int, np.ndarray]],
    layout: np.ndarray,
    names: Sequence[str],
    warn: Callable[[int, str, str], Finding],
) -> Iterator[Finding]:
    """Landmarks far from their place after the best rotation, and cases with many of them."""
    if len(shapes) < FEWEST_CASES:
        return
    residuals = np.stack([_residuals(shape, layout) for _, shape in shapes])
    with np.errstate(all="ignore"):
        usual = np.nanmedian(residuals, axis=0)
    for (n, _), residual in zip(shapes, residuals, strict=True):
        with np.errstate(invalid="ignore"):
            far = np.flatnonzero((residual > OUTLIER * usual) & (residual > OUTLIER_SHARE))
        if 0 < len(far) <= max(1, len(names) // 3):
            listed = ", ".join(f"{names[int(one)]} ({residual[one] / usual[one]:.0f} times)" for one in far)
            yield warn(
                n, "outlier", f"far from where other cases have it, compared with their spread: {listed}"
            )
        elif len(far):
            yield warn(n, "outlier", f"{len(far)} of its landmarks lie far from where other cases have them")


def _residuals(shape: np.ndarray, layout: np.ndarray, rounds: int = 4) -> np.ndarray:
    """(N,) distances after the similarity that fits most landmarks: one that is far off must not pull it."""
    both = np.isfinite(shape[:, 0]) & np.isfinite(layout[:, 0])
    kept, residual = both, np.full(len(shape), np.nan)
    for _ in range(rounds):
        residual = np.linalg.norm(moved_onto(shape[None], layout, kept[None])[0] - layout, axis=1)
        limit = np.nanquantile(residual[both], 0.75)
        kept = both & (residual <= max(limit, 1e-9))
        if kept.sum() < FEWEST_LANDMARKS:
            break
    return residual


def _corner(whole: Whole) -> Iterator[Finding]:
    """Landmarks of most cases in a corner of images that they would fill, had their numbers another unit."""
    suspects = []
    for case, image, landmarks in whole:
        if case.unit != "pixel" or not image.spacing_known or len(landmarks.present) < FEWEST_LANDMARKS:
            continue
        ijk = image.ijk(landmarks.present.positions)[:, : len(image.spacing)]
        size = np.array(image.size[: len(image.spacing)], float)
        as_mm = ijk / image.spacing
        if (ijk.max(axis=0) < CORNER * size).all() and (as_mm <= size).all():
            suspects.append(
                (
                    case,
                    float((np.ptp(ijk, axis=0) / size).mean()),
                    float((np.ptp(as_mm, axis=0) / size).mean()),
                )
            )
    if suspects and len(suspects) > len(whole) / 2:
        case, now, then = suspects[0]
        yield Finding(
            "unit",
            f"the landmarks of {counted(len(suspects), 'case lie', 'cases lie')} in a corner of "
            f"{'its image' if len(suspects) == 1 else 'their images'}: in row {case.row} ({case.name}) they "
            f"fill {now:.0%} of the sides, and {then:.0%} if numbers are mm, not pixels",
            fatal=False,
        )
