"""The case's picture: the radiograph, or the body from the front, with landmarks and lines."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from LandmarkDetectionLib.errors import NoBodyError
from LandmarkDetectionLib.reporting.case import CaseReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from LandmarkDetectionLib.measurement.geometry import FloatArray
    from LandmarkDetectionLib.volume import Volume

_MOST_PIXELS = 1600
_MARGIN = 0.06  # of the larger side, around landmarks that lie near the edge or have no image
_TRACING, _MEASURED, _POINT = "#56b4e9", "#f0a30a", "#ff4d4d"


@dataclass(frozen=True, eq=False)
class _Picture:
    """Grey values in 0 to 1 with (left, right, bottom, top) on the axes, and where RAS points lie."""

    grey: FloatArray | None
    extent: tuple[float, float, float, float]
    place: Callable[[FloatArray], FloatArray]


def draw(axes: Axes, report: CaseReport) -> None:
    """Draw a case's picture on axes of any size."""
    picture = _picture_of(report)
    present = {mark.name: picture.place(mark.position[None])[0] for mark in report.landmarks.present}
    left, right, bottom, top = picture.extent
    if picture.grey is not None:
        axes.imshow(
            picture.grey, cmap="gray", vmin=0, vmax=1, extent=picture.extent, interpolation="bilinear"
        )
    axes.set_facecolor("black")
    for first, last in report.measurements.protocol.lines:
        if first in present and last in present:
            ends = np.array([present[first], present[last]])
            axes.plot(*ends.T, color=_TRACING, linewidth=0.9, alpha=0.9, solid_capstyle="round")
    for first, last in _measured_lines(report):
        if first in present and last in present:
            ends = _longer(np.array([present[first], present[last]]))
            axes.plot(*ends.T, color=_MEASURED, linewidth=0.7, linestyle=(0, (5, 2)), alpha=0.85)
    if present:
        places = np.array(list(present.values()))
        axes.plot(*places.T, "o", color=_POINT, markersize=2.2, markeredgewidth=0)
        margin = _MARGIN * max(abs(right - left), abs(bottom - top))
        low, high = places.min(axis=0) - margin, places.max(axis=0) + margin
        left, top = min(left, low[0]), min(top, low[1])
        right, bottom = max(right, high[0]), max(bottom, high[1])
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])


def picture_png(report: CaseReport, inches: tuple[float, float] = (5.0, 5.6), dpi: int = 150) -> bytes:
    """The picture alone as PNG bytes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=inches)
    FigureCanvasAgg(figure)
    draw(figure.add_axes((0, 0, 1, 1)), report)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=dpi, bbox_inches="tight", pad_inches=0.02)
    return stream.getvalue()


def _measured_lines(report: CaseReport) -> list[tuple[str, str]]:
    """What measurements draw and the tracing does not have already."""
    traced = {frozenset(line) for line in report.measurements.protocol.lines}
    flat = [line for one in report.measurements for line in one.lines]
    if report.measurements.protocol.view == "picture" and any(
        one.definition.kind == "cobb" for one in report.measurements
    ):
        traced = set()  # the end vertebrae's plates are to stand out from all others
    return [line for line in dict.fromkeys(flat) if frozenset(line) not in traced]


def _longer(ends: FloatArray) -> FloatArray:
    """A line drawn a little beyond its two points, as tracings have it."""
    step = 0.12 * (ends[1] - ends[0])
    return np.array([ends[0] - step, ends[1] + step])


def _picture_of(report: CaseReport) -> _Picture:
    volume = report.volume
    if volume is None:
        return _without_image(report)
    if volume.is_2d:
        return _radiograph(volume)
    try:
        return _body(volume)
    except NoBodyError:
        return _without_image(report)


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


def _body(volume: Volume) -> _Picture:
    """From the front, brighter where the body is thicker."""
    from LandmarkDetectionLib.projection import project_body

    view = project_body(volume).coronal
    across, down = view.geometry.spacing
    rows, columns = view.thickness.shape
    inside = view.thickness[view.silhouette]
    most = np.percentile(inside, 99.5) if inside.size else 1.0

    def place(ras: FloatArray) -> FloatArray:
        return np.asarray((view.geometry.from_ras(ras)[:, :2] + 0.5) * (across, down))

    grey = np.clip(view.thickness / max(most, 1e-6), 0, 1) ** 0.8
    return _Picture(np.asarray(grey, np.float64), (0.0, columns * across, rows * down, 0.0), place)


def _without_image(report: CaseReport) -> _Picture:
    """The landmarks alone: in their picture, or seen from the front."""
    from LandmarkDetectionLib.measurement.frame import in_plane

    frame = report.measurements.frame

    def place(ras: FloatArray) -> FloatArray:
        return frame.points(ras) if len(frame.axes) == 2 else in_plane(ras, "coronal")

    places = place(report.landmarks.present.positions)
    if not len(places):
        return _Picture(None, (0.0, 1.0, 1.0, 0.0), place)
    (left, top), (right, bottom) = places.min(axis=0), places.max(axis=0)
    return _Picture(None, (float(left), float(right), float(bottom), float(top)), place)
