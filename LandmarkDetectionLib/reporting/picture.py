"""The case's picture: the radiograph, or the body from the front, with landmarks and lines."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.imaging.scan_picture import scan_pictures
from LandmarkDetectionLib.measurement.frame import in_plane
from LandmarkDetectionLib.reporting.case import CaseReport
from LandmarkDetectionLib.reporting.figure_text import draw_as_written
from LandmarkDetectionLib.reporting.overlay import named, short_name, spread_labels
from LandmarkDetectionLib.typing import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_PIXELS = 1600
_MARGIN = 0.06  # of the larger side, around landmarks that lie near the edge or have no image
_NARROWEST = 0.3  # of its longer side
_NAMES = 0.95  # inches for names on each side
_NAME_STEP = 0.088  # inches between two names
_TRACING, _MEASURED, _POINT = "#56b4e9", "#f0a30a", "#ff4d4d"


#: left, right, bottom and top.
Extent = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class _Picture:
    """Grey values in 0 to 1 with (left, right, bottom, top) on the axes, and where RAS points lie."""

    grey: FloatArray | None
    extent: Extent
    place: Callable[[FloatArray], FloatArray]
    ends: tuple[str, str] = ("", "")  # what its left and right side are called


def draw(axes: Axes, report: CaseReport, inches: tuple[float, float]) -> float:
    """Draw image, lines, landmarks and their names on axes of a size in inches; its height in inches."""
    volume = report.volume
    if volume is None:
        picture = _without_image(report)
    else:
        picture = _radiograph(volume) if volume.is_2d else _from_the_front(volume)
    present = {mark.name: picture.place(mark.position[None])[0] for mark in report.landmarks.present}
    if picture.grey is not None:
        axes.imshow(
            picture.grey, cmap="gray", vmin=0, vmax=1, extent=picture.extent, interpolation="bilinear"
        )
    for first, last in report.measurements.protocol.lines:
        if first in present and last in present:
            ends = np.array([present[first], present[last]])
            axes.plot(*ends.T, color=_TRACING, linewidth=0.9, alpha=0.9, solid_capstyle="round")
    for first, last in _measured_lines(report):
        if first in present and last in present:
            # A little beyond its two points, as tracings have it.
            beyond = 0.12 * (present[last] - present[first])
            ends = np.array([present[first] - beyond, present[last] + beyond])
            axes.plot(*ends.T, color=_MEASURED, linewidth=0.7, linestyle=(0, (5, 2)), alpha=0.85)
    if present:
        axes.plot(*np.array(list(present.values())).T, "o", color=_POINT, markersize=2.2, markeredgewidth=0)
    window = _window(picture.extent, present)
    per_inch = _frame(axes, window, inches, labelled=bool(present))
    _name(axes, present, {mark.name for mark in named(report.landmarks)}, window, per_inch)
    _mark_sides(axes, window, picture.ends)
    _draw_scale(axes, window, per_inch, report.measurements.frame.unit)
    return (window[2] - window[3]) / per_inch


def picture_png(report: CaseReport, inches: tuple[float, float] = (6.6, 5.6), dpi: int = 150) -> bytes:
    """The picture alone as PNG bytes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=inches)
    FigureCanvasAgg(figure)
    draw(figure.add_axes((0, 0, 1, 1)), report, inches)
    stream = io.BytesIO()
    draw_as_written(figure)
    figure.savefig(stream, format="png", dpi=dpi, bbox_inches="tight", pad_inches=0.02)
    return stream.getvalue()


def _window(extent: Extent, present: Mapping[str, FloatArray]) -> Extent:
    """(left, right, bottom, top) of the image, or wider where landmarks lie near its edge or beyond."""
    left, right, bottom, top = extent
    if present:
        places = np.array(list(present.values()))
        margin = _MARGIN * max(abs(right - left), abs(bottom - top))
        low, high = places.min(axis=0) - margin, places.max(axis=0) + margin
        left, top = min(left, low[0]), min(top, low[1])
        right, bottom = max(right, high[0]), max(bottom, high[1])
        # Points on one line still need a picture around them.
        lacking = (max(right - left, bottom - top) * _NARROWEST - np.array([right - left, bottom - top])) / 2
        across, down = np.maximum(lacking, 0)
        left, right, top, bottom = left - across, right + across, top - down, bottom + down
    return float(left), float(right), float(bottom), float(top)


def _frame(axes: Axes, window: Extent, inches: tuple[float, float], labelled: bool) -> float:
    """Give the axes room for the image and for names on both sides; how long an inch is on the image."""
    from matplotlib.patches import Rectangle

    left, right, bottom, top = window
    beside = _NAMES if labelled else 0.0
    per_inch = max((right - left) / (inches[0] - 2 * beside), (bottom - top) / inches[1])
    axes.add_patch(Rectangle((left, top), right - left, bottom - top, color="black", zorder=-1))
    axes.set_xlim(left - beside * per_inch, right + beside * per_inch)
    axes.set_ylim(bottom, top)
    axes.set_aspect("equal")
    axes.set_axis_off()
    return per_inch


def _name(
    axes: Axes, present: Mapping[str, FloatArray], chosen: Set[str], window: Extent, per_inch: float
) -> None:
    """Names of landmarks in the margin that each is nearer to, with a thin line to its point."""
    left, right, bottom, top = window
    middle = float(np.median([place[0] for place in present.values()])) if present else 0.0
    for on_right in (False, True):
        names = [
            name for name, place in present.items() if name in chosen and (place[0] > middle) == on_right
        ]
        wanted = [float(present[name][1]) for name in names]
        heights = spread_labels(wanted, (top, bottom), _NAME_STEP * per_inch)
        edge, way = (right, 1) if on_right else (left, -1)
        for name, height in zip(names, heights, strict=True):
            x, y = present[name]
            start = edge + way * 0.06 * per_inch
            axes.plot([start, edge, x], [height, height, y], color="0.55", linewidth=0.3, zorder=1.5)
            axes.text(
                start + way * 0.03 * per_inch,
                height,
                short_name(name),
                fontsize=5.5,
                color="0.2",
                ha="left" if on_right else "right",
                va="center",
                parse_math=False,
            )


def _mark_sides(axes: Axes, window: Extent, ends: tuple[str, str]) -> None:
    left, right, bottom, top = window
    inset = 0.02 * (bottom - top)
    for x, letter, align in ((left + inset, ends[0], "left"), (right - inset, ends[1], "right")):
        axes.text(x, top + inset, letter, color="white", fontsize=9, weight="bold", ha=align, va="top")


def _draw_scale(axes: Axes, window: Extent, per_inch: float, unit: str) -> None:
    """A bar of a round length in the lower left corner of the image."""
    left, right, bottom, _ = window
    longest = 0.3 * (right - left)
    length = max((n for n in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000) if n < longest), default=0)
    if length:
        x, y = left + 0.06 * per_inch, bottom - 0.08 * per_inch
        axes.plot([x, x + length], [y, y], color="white", linewidth=1.6, solid_capstyle="butt")
        axes.text(x, y - 0.04 * per_inch, f"{length} {unit}", color="white", fontsize=6, va="bottom")


def _measured_lines(report: CaseReport) -> list[tuple[str, str]]:
    """What measurements draw and the tracing does not have already."""
    traced = {frozenset(line) for line in report.measurements.protocol.lines}
    flat = [line for one in report.measurements for line in one.lines]
    if report.measurements.protocol.view == "picture" and any(
        one.definition.kind == "cobb" for one in report.measurements
    ):
        traced = set()  # the end vertebrae's plates are to stand out from all others
    return [line for line in dict.fromkeys(flat) if frozenset(line) not in traced]


def _radiograph(volume: Volume) -> _Picture:
    step = max(1, -(-max(volume.shape[1:]) // _MOST_PIXELS))
    grey = volume.voxels[0, ::step, ::step].astype(np.float64)
    low, high = np.percentile(grey, [0.5, 99.5])
    across, down = volume.spacing[:2]
    rows, columns = volume.shape[1:]

    def place(ras: FloatArray) -> FloatArray:
        return np.asarray((volume.ras_to_ijk_points(ras)[:, :2] + 0.5) * (across, down))

    extent = (0.0, columns * across, rows * down, 0.0)
    return _Picture(np.clip((grey - low) / max(high - low, 1e-9), 0, 1), extent, place)


def _from_the_front(volume: Volume) -> _Picture:
    """A volume seen through, bones bright."""
    front, _ = scan_pictures(volume)
    across, down = front.geometry.spacing
    rows, columns = front.grey.shape

    def place(ras: FloatArray) -> FloatArray:
        return np.asarray((front.geometry.from_ras(ras)[:, :2] + 0.5) * (across, down))

    extent = (0.0, columns * across, rows * down, 0.0)
    return _Picture(np.asarray(front.grey, np.float64), extent, place, ends=("R", "L"))


def _without_image(report: CaseReport) -> _Picture:
    """The landmarks alone: in their picture, or seen from the front."""

    frame = report.measurements.frame

    def place(ras: FloatArray) -> FloatArray:
        return frame.points(ras) if len(frame.axes) == 2 else in_plane(ras, "coronal")

    places = place(report.landmarks.present.positions)
    if not len(places):
        return _Picture(None, (0.0, 1.0, 1.0, 0.0), place)
    (left, top), (right, bottom) = places.min(axis=0), places.max(axis=0)
    return _Picture(None, (float(left), float(right), float(bottom), float(top)), place)
