"""A picture of a detection: the scan from two sides, or the hand, with its landmarks, to judge at a glance.

A scan is shown as it is, bones bright, at its own resolution, so that a landmark can be seen to lie on its
bone or beside it; without its voxels the thickness of the body stands in. Everything is drawn on one canvas
measured in inches, so that labels can stand in the margins beside the body and never on it. Matplotlib's
figure objects are used without pyplot: no global state, no window.
"""

from __future__ import annotations

import os
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.search_path import SearchPath
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.files import atomic_write
from LandmarkDetectionLib.imaging.hand.views import HandPicture
from LandmarkDetectionLib.imaging.previews import ImageViews
from LandmarkDetectionLib.imaging.scan_picture import ScanPicture, scan_pictures
from LandmarkDetectionLib.imaging.view import View
from LandmarkDetectionLib.quality.conformal import LEVEL, gaussian_radius
from LandmarkDetectionLib.reporting.figure_text import draw_as_written
from LandmarkDetectionLib.typing import FloatArray
from LandmarkDetectionLib.wording import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Patch

    from LandmarkDetectionLib.core.protocol import Protocol
    from LandmarkDetectionLib.detectors.analysis import Views
    from LandmarkDetectionLib.imaging.body.projection import Projection

_BACKGROUND = "#0d1117"
_TEXT = "#e6edf3"
_FAINT = "#8b98a5"
# Okabe and Ito's palette stays apart for every kind of colour blindness; the marker differs too.
_COLOURS = {
    Status.DETECTED: "#56b4e9",
    Status.ACCEPTED: "#009e73",
    Status.CORRECTED: "#cc79a7",
    Status.UNCERTAIN: "#f0a30a",
}
_MARKERS = {Status.UNCERTAIN: "D", Status.CORRECTED: "s", Status.ACCEPTED: "P"}

_OUTLINE, _TRUTH = "#7fa3bd", "#ffffff"

_MARGIN_MM = 12.0  # kept around the body
_WIDE_MM = 50.0  # a spread beyond this is only outlined
_MAX_WARNINGS = 5  # lines
_LABEL_WIDTH = 1.75  # inches beside a view
_LABEL_STEP = 0.2  # inches between two labels
_MOST_LABELS = 72
_HEADER, _LEGEND, _BORDER = 1.15, 0.45, 0.25  # inches
_LINE = 0.17  # inches from one line of the notes to the next
_MAX_HEIGHT, _MAX_WIDTH = 8.0, 7.0  # inches that the views may take
_LEAST_WIDTH = 6.0  # inches, so that heads and warnings can be read
_DPI = 160


def write_overlay(
    detection: Detection,
    views: Views,
    protocol: Protocol,
    path: str | os.PathLike[str],
    *,
    volume: Volume | None = None,
    case: str = "",
    truth: LandmarkSet | None = None,
    paths: Sequence[SearchPath] = (),
) -> None:
    """Draw the scan, or the hand, with the landmarks, and write the picture.

    Parameters
    ----------
    detection
        The landmarks, and what is told beside them.
    views
        What they were found in: those of an ``Analysis``.
    protocol
        Left/right pairs and the lines of the stick figure.
    path
        ``.png``, ``.svg`` or ``.pdf``.
    volume
        What was detected in, to be shown as it is; without it a body is drawn by its thickness.
    case
        What the picture calls the case; a name of a file or a code, never a patient's name.
    truth
        Known positions in RAS mm, drawn as crosses beside what was found.
    paths
        Ways of search agents, those of an ``Analysis``, drawn behind what was found.

    Raises
    ------
    OutputError
        The file cannot be written.

    Examples
    --------
    >>> import LandmarkDetectionLib as ld
    >>> model = ld.load_model("whole-body-ct")
    >>> analysis = ld.analyse(ld.read_volume("ct.nrrd"), model)
    >>> ld.write_overlay(analysis.detection, analysis.views, model.protocol, "overlay.png")
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if isinstance(views, HandPicture):
        layout = _lay_out_hand(detection, views)
    elif isinstance(views, ImageViews):
        layout = _lay_out_image(detection, views)
    else:
        layout = _lay_out(detection, views, volume)
    figure = Figure(figsize=(layout.width, layout.height), dpi=_DPI, facecolor=_BACKGROUND)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.set_xlim(0, layout.width)
    axes.set_ylim(layout.height, 0)

    for panel in layout.panels:
        if panel.is_radiograph:
            _draw_radiograph(axes, panel)
        else:
            _draw_view(axes, panel)
        _draw_lines(axes, panel, detection, protocol)
        _draw_paths(axes, panel, detection, paths)
        if truth is not None:
            _draw_truth(axes, panel, detection, truth)
        _draw_landmarks(axes, panel, detection)
    _label_first(axes, layout, detection, protocol)
    for panel in layout.panels[1:]:
        _label_lateral(axes, panel, layout.label_rows, detection, protocol)
    _draw_header(axes, layout, detection, case)
    _draw_footer(axes, layout, detection, with_truth=truth is not None)

    with atomic_write(path) as temporary:
        draw_as_written(figure)
        figure.savefig(temporary, dpi=_DPI, facecolor=_BACKGROUND)


# --- layout -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Panel:
    """A cropped view on the canvas; ``left`` and ``top`` in inches, window in pixel edges of the view."""

    view: View
    left: float
    top: float
    columns: tuple[int, int]
    rows: tuple[int, int]
    scale: float  # inches per mm
    title: str
    ends: tuple[str, str] = ("", "")  # what its left and right end are called
    is_radiograph: bool = False
    scan: ScanPicture | None = None  # the voxels themselves, seen the same way

    @property
    def width(self) -> float:
        return (self.columns[1] - self.columns[0]) * self.view.geometry.spacing[0] * self.scale

    @property
    def height(self) -> float:
        return (self.rows[1] - self.rows[0]) * self.view.geometry.spacing[1] * self.scale

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height

    def place(self, ras: npt.ArrayLike) -> FloatArray:
        """(N, 3) RAS mm -> (N, 2) inches on the canvas."""
        pixels = self.view.geometry.from_ras(np.atleast_2d(np.asarray(ras, float)))[:, :2]
        # Pixel centres are whole numbers, so a window edge lies half a pixel before its first pixel.
        steps = pixels + 0.5 - (self.columns[0], self.rows[0])
        return steps * self.view.geometry.spacing * self.scale + (self.left, self.top)


@dataclass(frozen=True)
class _Layout:
    width: float
    height: float
    panels: tuple[_Panel, ...]
    label_rows: tuple[float, float]  # first and last height a label may take, inches
    notes: tuple[tuple[str, str], ...]  # lines at the foot and their colours


def _lay_out(detection: Detection, views: Projection, volume: Volume | None) -> _Layout:
    """Place both views side by side at one scale, as large as the page allows."""
    scans: tuple[ScanPicture | None, ScanPicture | None] = (None, None)
    if volume is not None:
        scans = scan_pictures(volume)
    rows = _window([views.coronal, views.lateral], detection, axis=1)
    columns = [_window([view], detection, axis=0) for view in (views.coronal, views.lateral)]
    spacing = [view.geometry.spacing for view in (views.coronal, views.lateral)]
    widths = [(last - first) * step[0] for (first, last), step in zip(columns, spacing, strict=True)]
    scale = min(_MAX_HEIGHT / ((rows[1] - rows[0]) * spacing[0][1]), _MAX_WIDTH / sum(widths))

    top, room = _rows_of(detection, (rows[1] - rows[0]) * spacing[0][1] * scale)
    coronal_left = _BORDER + _LABEL_WIDTH
    lateral_left = coronal_left + widths[0] * scale + _LABEL_WIDTH + _BORDER
    coronal = _Panel(
        views.coronal, coronal_left, top, columns[0], rows, scale, "from the front", ("R", "L"), scan=scans[0]
    )
    lateral = _Panel(
        views.lateral, lateral_left, top, columns[1], rows, scale, "from the left", ("A", "P"), scan=scans[1]
    )
    return _layout_of(detection, (coronal, lateral), room)


def _lay_out_hand(detection: Detection, hand: HandPicture) -> _Layout:
    """Place the whole radiograph as it is stored, or a hand in a volume from its back."""
    view = hand.picture
    if hand.flat:
        rows, columns = ((0, size) for size in view.geometry.shape)
    else:
        columns, rows = (_window([view], detection, axis) for axis in (0, 1))
    height, width = (
        (last - first) * step
        for (first, last), step in zip((rows, columns), reversed(view.geometry.spacing), strict=True)
    )
    scale = min(_MAX_HEIGHT / height, _MAX_WIDTH / width)
    top, room = _rows_of(detection, height * scale)
    title = "the radiograph" if hand.flat else "from the back of the hand"
    left = _BORDER + _LABEL_WIDTH
    panel = _Panel(view, left, top, columns, rows, scale, title, is_radiograph=hand.flat)
    return _layout_of(detection, (panel,), room)


def _lay_out_image(detection: Detection, images: ImageViews) -> _Layout:
    """Place a radiograph, or a volume seen through from two sides, side by side at one scale."""
    spacings = [view.geometry.spacing for view in images.views]
    shapes = [view.geometry.shape for view in images.views]
    widths = [shape[1] * spacing[0] for shape, spacing in zip(shapes, spacings, strict=True)]
    height = max(shape[0] * spacing[1] for shape, spacing in zip(shapes, spacings, strict=True))
    scale = min(_MAX_HEIGHT / height, _MAX_WIDTH / sum(widths))
    top, room = _rows_of(detection, height * scale)
    panels, left = [], _BORDER + _LABEL_WIDTH
    for view, title, ends, width in zip(images.views, images.titles, images.ends, widths, strict=True):
        rows, columns = ((0, size) for size in view.geometry.shape)
        panels.append(_Panel(view, left, top, columns, rows, scale, title, ends, is_radiograph=True))
        left += width * scale + _LABEL_WIDTH + _BORDER
    return _layout_of(detection, tuple(panels), room)


def _rows_of(detection: Detection, views_height: float) -> tuple[float, float]:
    """Where views of a height begin, and the height they get: a small scan may need more for its labels."""
    labels = len(named(detection.landmarks))
    room = max(views_height, (labels // 2 + 3) * _LABEL_STEP)
    return _BORDER + _HEADER + (room - views_height) / 2, room


def _layout_of(detection: Detection, panels: tuple[_Panel, ...], room: float) -> _Layout:
    width = max(panels[-1].right + _LABEL_WIDTH + _BORDER, _LEAST_WIDTH)
    notes = _notes(detection, width)
    return _Layout(
        width=width,
        height=_BORDER + _HEADER + room + _LEGEND + len(notes) * _LINE + _BORDER,
        panels=panels,
        label_rows=(_BORDER + _HEADER, _BORDER + _HEADER + room),
        notes=notes,
    )


def _notes(detection: Detection, width: float) -> tuple[tuple[str, str], ...]:
    """What is absent and what to beware of, wrapped to the canvas."""
    absent = [short_name(one.name) for one in detection.landmarks if not one.is_present]
    lines = (
        [(line, _FAINT) for line in _wrap(f"Not in the scan: {', '.join(absent)}", width)] if absent else []
    )
    warnings = [line for warning in detection.warnings for line in _wrap(f"! {warning}", width)]
    if len(warnings) > _MAX_WARNINGS:
        more = (
            f"... and more; the detection's record holds all {counted(len(detection.warnings), 'warning')}."
        )
        warnings = [*warnings[: _MAX_WARNINGS - 1], more]
    return (*lines, *((line, _COLOURS[Status.UNCERTAIN]) for line in warnings))


def _window(views: Sequence[View], detection: Detection, axis: int) -> tuple[int, int]:
    """Pixel edges around the body and the landmarks, along columns (``axis`` 0) or rows (1)."""
    lows, highs = [], []
    for view in views:
        inside = np.flatnonzero(view.silhouette.any(axis=axis))
        points = detection.landmarks.present.positions
        along = view.geometry.from_ras(points)[:, axis] if len(points) else np.empty(0)
        extent = np.concatenate([inside, along])
        if not len(extent):
            extent = np.array([0, view.silhouette.shape[1 - axis] - 1])
        margin = _MARGIN_MM / view.geometry.spacing[axis]
        lows.append(np.floor(extent.min() - margin))
        highs.append(np.ceil(extent.max() + margin) + 1)
    return int(min(lows)), int(max(highs))


# --- drawing ----------------------------------------------------------------------------------------------


def _draw_view(axes: Axes, panel: _Panel) -> None:
    """The scan seen through, or the thickness of the body, and the outline that the networks saw."""
    silhouette = _cut(panel, panel.view.silhouette, False)
    if panel.scan is not None:
        limit = _draw_scan(axes, panel, panel.scan)
    else:
        limit = _frame(axes, (panel.left, panel.right), (panel.top, panel.bottom))
        _draw_thickness(axes, panel)
    if silhouette.any() and not silhouette.all():
        _draw_outline(axes, panel, silhouette, limit, faint=panel.scan is not None)


def _draw_scan(axes: Axes, panel: _Panel, scan: ScanPicture) -> Patch:
    """Draw the part that the panel shows, and return its frame."""
    rows, columns = scan.grey.shape
    corners = scan.geometry.to_ras(np.array([[-0.5, -0.5, 0.0], [columns - 0.5, rows - 0.5, 0.0]]))
    (left, top), (right, bottom) = panel.place(corners)
    image = axes.imshow(
        scan.grey,
        extent=(left, right, bottom, top),
        cmap="gray",
        vmin=0,
        vmax=1,
        interpolation="bilinear",
        aspect="auto",
        zorder=1,
    )
    across, down = (
        (max(left, panel.left), min(right, panel.right)),
        (max(top, panel.top), min(bottom, panel.bottom)),
    )
    frame = _frame(axes, across, down)
    image.set_clip_path(frame)
    return frame


def _frame(axes: Axes, across: tuple[float, float], down: tuple[float, float]) -> Patch:
    from matplotlib.patches import Rectangle

    return Rectangle((across[0], down[0]), across[1] - across[0], down[1] - down[0], transform=axes.transData)


def _draw_outline(axes: Axes, panel: _Panel, inside: np.ndarray, limit: Patch, faint: bool) -> None:
    height, width = inside.shape
    columns = panel.left + (np.arange(width) + 0.5) * panel.width / width
    rows = panel.top + (np.arange(height) + 0.5) * panel.height / height
    line = axes.contour(
        columns,
        rows,
        inside,
        levels=[0.5],
        colors=_OUTLINE,
        linewidths=0.7,
        alpha=0.45 if faint else 1.0,
        zorder=2,
    )
    line.set_clip_path(limit)


def _draw_thickness(axes: Axes, panel: _Panel) -> None:
    """Thickness of the body as a soft projection, unscanned space shaded."""
    from matplotlib.colors import LinearSegmentedColormap, to_rgba

    body = LinearSegmentedColormap.from_list("body", ["#141d27", "#22323f", "#3c5567", "#5f7d91", "#9fb7c6"])
    thickness = _cut(panel, panel.view.thickness, 0.0)
    silhouette = _cut(panel, panel.view.silhouette, False)
    scanned = _cut(panel, panel.view.field_of_view, False)
    deepest = np.percentile(thickness[silhouette], 99.5) if silhouette.any() else 1.0
    picture = body(np.clip(thickness / max(deepest, 1e-6), 0, 1) ** 0.8)
    picture[~silhouette] = to_rgba(_BACKGROUND)
    picture[~scanned] = to_rgba("#161c24")

    # Canvas rows run down, so the image's first row belongs at the smaller height.
    extent = (panel.left, panel.right, panel.bottom, panel.top)
    axes.imshow(picture, extent=extent, interpolation="bilinear", aspect="auto", zorder=1)


def _draw_radiograph(axes: Axes, panel: _Panel) -> None:
    """The radiograph itself, bones bright, what was not exposed shaded, and the outline that was found."""
    view = panel.view
    picture = np.repeat(view.thickness[..., None] ** 0.8, 3, axis=2)
    picture[~view.field_of_view] *= 0.5
    extent = (panel.left, panel.right, panel.bottom, panel.top)
    axes.imshow(picture, extent=extent, interpolation="bilinear", aspect="auto", zorder=1)
    if not view.silhouette.all():
        limit = _frame(axes, (panel.left, panel.right), (panel.top, panel.bottom))
        _draw_outline(axes, panel, view.silhouette, limit, faint=False)


def _cut(panel: _Panel, image: np.ndarray, outside: float) -> np.ndarray:
    """The panel's window of a view's image; what lies beyond the image is ``outside``."""
    (top, bottom), (left, right) = panel.rows, panel.columns
    window = np.full((bottom - top, right - left), outside, dtype=image.dtype)
    rows = slice(max(top, 0), min(bottom, image.shape[0]))
    columns = slice(max(left, 0), min(right, image.shape[1]))
    part = image[rows, columns]
    window[rows.start - top : rows.start - top + part.shape[0], :][
        :, columns.start - left : columns.start - left + part.shape[1]
    ] = part
    return window


def _draw_lines(axes: Axes, panel: _Panel, detection: Detection, protocol: Protocol) -> None:
    present = detection.landmarks.present
    for first, last in protocol.lines:
        if first in present and last in present:
            ends = panel.place([present[first].position, present[last].position])
            axes.plot(*ends.T, color=_TEXT, alpha=0.4, linewidth=1.1, solid_capstyle="round", zorder=3)


def _draw_truth(axes: Axes, panel: _Panel, detection: Detection, truth: LandmarkSet) -> None:
    """A cross where each landmark really is, and how far off what was found lies."""
    found = detection.landmarks.present
    for landmark in truth.present:
        x, y = panel.place(landmark.position)[0]
        axes.plot(x, y, "+", color=_TRUTH, markersize=7, markeredgewidth=1.1, zorder=5.5)
        if landmark.name in found:
            ends = panel.place([landmark.position, found[landmark.name].position])
            axes.plot(*ends.T, color=_TRUTH, linewidth=0.8, zorder=5.5)


def _draw_paths(axes: Axes, panel: _Panel, detection: Detection, paths: Sequence[SearchPath]) -> None:
    """The way of an agent to each landmark, from a ring where it began; of absent ones dotted."""
    found = detection.landmarks.present
    for path in paths:
        there = path.landmark in found
        colour = _COLOURS[found[path.landmark].status] if there else _FAINT
        way = panel.place(path.positions)
        axes.plot(*way.T, color=colour, alpha=0.6, linewidth=0.7, linestyle="-" if there else ":", zorder=4)
        axes.plot(*way[0], "o", color=colour, alpha=0.6, markersize=3, markerfacecolor="none", zorder=4)


def _draw_landmarks(axes: Axes, panel: _Panel, detection: Detection) -> None:
    for landmark in detection.landmarks.present:
        colour = _COLOURS[landmark.status]
        x, y = panel.place(landmark.position)[0]
        if landmark.covariance is not None:
            _draw_spread(axes, panel, landmark.covariance, (x, y), colour)
        marker = _MARKERS.get(landmark.status, "o")
        axes.plot(x, y, marker, color=colour, markersize=5, markeredgecolor=_BACKGROUND, zorder=6)


def _draw_spread(
    axes: Axes, panel: _Panel, covariance: FloatArray, centre: tuple[float, float], colour: str
) -> None:
    """The region that holds a landmark with 95 %; a wide one as an outline, or it would hide the body."""
    from matplotlib.patches import Ellipse

    geometry = panel.view.geometry
    plane = np.stack([geometry.column_axis, geometry.row_axis])
    variances, directions = np.linalg.eigh(plane @ covariance @ plane.T)
    small, large = 2 * gaussian_radius(LEVEL, 2) * np.sqrt(np.clip(variances, 0, None))
    wide = large / 2 > _WIDE_MM
    ellipse = Ellipse(
        centre,
        large * panel.scale,
        small * panel.scale,
        angle=np.degrees(np.arctan2(directions[1, 1], directions[0, 1])),
        facecolor="none" if wide else colour,
        edgecolor=colour if wide else "none",
        linestyle=":",
        linewidth=0.6,
        alpha=0.3 if wide else 0.22,
        zorder=4,
    )
    axes.add_patch(ellipse)
    ellipse.set_clip_path(_frame(axes, (panel.left, panel.right), (panel.top, panel.bottom)))


def named(landmarks: LandmarkSet) -> list[Landmark]:
    """The landmarks that get a label: all that are present, or of very many those in doubt or corrected."""
    present = list(landmarks.present)
    if len(present) <= _MOST_LABELS:
        return present
    return [one for one in present if one.status in (Status.UNCERTAIN, Status.CORRECTED)]


def _label_first(axes: Axes, layout: _Layout, detection: Detection, protocol: Protocol) -> None:
    """Name and confidence of every landmark, in the margin it is nearer to."""
    panel = layout.panels[0]
    present = named(detection.landmarks)
    places = {landmark.name: panel.place(landmark.position)[0] for landmark in present}
    partner = {name: other for pair in protocol.pairs for name, other in (pair, reversed(pair))}
    middle = float(np.median([x for x, _ in places.values()])) if places else 0.0
    sides: tuple[list[Landmark], list[Landmark]] = ([], [])
    # Those without a side of their own come last and go where there is more room.
    for landmark in sorted(present, key=lambda one: one.name not in partner):
        if landmark.name in partner:
            beside = places.get(partner[landmark.name], (middle, 0.0))[0]
            right = places[landmark.name][0] > beside
        elif not protocol.pairs:
            right = places[landmark.name][0] > middle
        else:
            right = len(sides[1]) < len(sides[0])
        sides[int(right)].append(landmark)
    for side, members in enumerate(sides):
        heights = spread_labels([places[one.name][1] for one in members], layout.label_rows)
        for landmark, height in zip(members, heights, strict=True):
            text = short_name(landmark.name)
            if landmark.confidence is not None:
                text += f"  {landmark.confidence:.2f}"
            points = [places[landmark.name]]
            _draw_label(axes, panel, text, height, points, bool(side), _COLOURS[landmark.status])


def _label_lateral(
    axes: Axes, panel: _Panel, label_rows: tuple[float, float], detection: Detection, protocol: Protocol
) -> None:
    """One name for both of a pair, which lie behind each other here; all on the right."""
    present = named(detection.landmarks)
    names = {one.name for one in present}
    partner = {name: pair for pair in protocol.pairs for name in pair}
    groups: dict[str, list[Landmark]] = {}
    for landmark in present:
        name = landmark.name
        both = [one for one in partner.get(name, (name,)) if one in names]
        label = short_name(name)
        if len(both) > 1:
            label = label.removesuffix(" L").removesuffix(" R")
        groups.setdefault(label, []).append(landmark)
    places = {label: panel.place([one.position for one in members]) for label, members in groups.items()}
    heights = spread_labels([float(points[:, 1].mean()) for points in places.values()], label_rows)
    for (label, members), height in zip(groups.items(), heights, strict=True):
        uncertain = any(one.status is Status.UNCERTAIN for one in members)
        colour = _COLOURS[Status.UNCERTAIN] if uncertain else _COLOURS[members[0].status]
        _draw_label(axes, panel, label, height, list(places[label]), True, colour)


def _draw_label(
    axes: Axes,
    panel: _Panel,
    text: str,
    height: float,
    points: Sequence[FloatArray],
    right: bool,
    colour: str,
) -> None:
    """A label in the margin with a line to each of its points."""
    edge = panel.right + 0.12 if right else panel.left - 0.12
    step = 0.1 if right else -0.1
    for x, y in points:
        axes.plot(
            [edge, edge - step, x], [height, height, y], color=colour, alpha=0.45, linewidth=0.6, zorder=5
        )
    axes.text(
        edge + step / 2,
        height,
        text,
        color=colour,
        fontsize=8,
        ha="left" if right else "right",
        va="center",
        zorder=7,
    )


def spread_labels(
    wanted: Sequence[float], limits: tuple[float, float], step: float = _LABEL_STEP
) -> list[float]:
    """Heights as near to ``wanted`` as a distance of one step and the limits allow, in the same order."""
    if not wanted:
        return []
    order = np.argsort(wanted, kind="stable")
    step = min(step, (limits[1] - limits[0]) / len(wanted))
    # Blocks of touching labels: each block stands around the mean of what its members wanted.
    blocks: list[list[float]] = []  # [mean of wanted block centre, members]
    for index in order:
        blocks.append([float(wanted[index]), 1.0])
        while len(blocks) > 1:
            (before, count), (centre, members) = blocks[-2:]
            if centre - before >= (count + members) * step / 2:
                break
            blocks[-2:] = [[(before * count + centre * members) / (count + members), count + members]]
    heights = np.concatenate(
        [centre + (np.arange(int(count)) - (count - 1) / 2) * step for centre, count in blocks]
    )
    places = (np.arange(len(heights)) + 0.5) * step
    heights = np.maximum(heights, limits[0] + places)
    heights = np.minimum(heights, limits[1] - places[::-1])
    result = np.empty(len(wanted))
    result[order] = heights
    return result.tolist()


def _draw_header(axes: Axes, layout: _Layout, detection: Detection, case: str) -> None:
    counts = Counter(landmark.status.value for landmark in detection.landmarks)
    summary = ", ".join(f"{number} {status}" for status, number in counts.items())
    name = detection.landmarks.name
    title = f"{name}: landmarks" if name else "Landmarks"
    axes.text(_BORDER, _BORDER, _clip(title, layout.width), color=_TEXT, fontsize=14, weight="bold", va="top")
    model = f"model {detection.model} {detection.model_version}  |  {summary}"
    axes.text(_BORDER, _BORDER + 0.33, model, color=_FAINT, fontsize=8.5, va="top")
    drawn = f"drawn {date.today().isoformat()}"
    about = f"case {_clip(case, layout.width - 1)}  |  {drawn}" if case else drawn
    axes.text(_BORDER, _BORDER + 0.53, about, color=_FAINT, fontsize=8.5, va="top", parse_math=False)
    axes.text(
        layout.width - _BORDER,
        _BORDER,
        "For research use only.",
        color=_FAINT,
        fontsize=8,
        ha="right",
        va="top",
    )
    for panel in layout.panels:
        height = layout.label_rows[0] - 0.1
        middle = (panel.left + panel.right) / 2
        axes.text(middle, height, panel.title, color=_FAINT, fontsize=8, ha="center", va="bottom")
        for x, letter in zip((panel.left, panel.right), panel.ends, strict=True):
            axes.text(x, height, letter, color=_TEXT, fontsize=10, ha="center", va="bottom", weight="bold")


def _draw_footer(axes: Axes, layout: _Layout, detection: Detection, with_truth: bool) -> None:
    """Scale bar and legend, then what is absent and what to beware of."""
    panel, y = layout.panels[0], layout.label_rows[1] + 0.3
    length = next(mm for mm in (1000, 500, 200, 100, 50, 20, 10) if mm * panel.scale < 1.6 or mm == 10)
    unit = "pixels" if detection.unit == "px" else "mm"
    x = _BORDER
    axes.plot([x, x + length * panel.scale], [y, y], color=_TEXT, linewidth=2.5, solid_capstyle="butt")
    axes.text(x, y - 0.07, f"{length} {unit}", color=_TEXT, fontsize=8, va="bottom")
    _draw_legend(axes, x + length * panel.scale + 0.5, y - 0.03, detection, with_truth)
    for number, (line, colour) in enumerate(layout.notes):
        axes.text(_BORDER, y + 0.22 + number * _LINE, line, color=colour, fontsize=8, va="center")


def _draw_legend(axes: Axes, x: float, y: float, detection: Detection, with_truth: bool) -> None:
    """What the marks mean, of those that are drawn."""
    from matplotlib.patches import Ellipse

    def entry(text: str, colour: str, width: float) -> float:
        axes.text(x + 0.13, y, text, color=colour, fontsize=8, va="center")
        return x + width

    present = detection.landmarks.present
    shown = {landmark.status for landmark in present}
    for status in (one for one in _COLOURS if one in shown):
        axes.plot(x, y, _MARKERS.get(status, "o"), color=_COLOURS[status], markersize=5)
        x = entry(status.value, _COLOURS[status], 0.95)
    if with_truth:
        axes.plot(x, y, "+", color=_TRUTH, markersize=7, markeredgewidth=1.1)
        x = entry("known truth", _TRUTH, 1.1)
    if any(landmark.covariance is not None for landmark in present):
        axes.add_patch(Ellipse((x, y), 0.2, 0.14, facecolor=_FAINT, edgecolor=_FAINT, alpha=0.4))
        x = entry("95 % region", _FAINT, 1.1)
    if len(present) > _MOST_LABELS:
        kinds = [("in doubt", Status.UNCERTAIN), ("corrected", Status.CORRECTED)]
        if which := " or ".join(word for word, status in kinds if status in shown):
            axes.text(x, y, f"names: those {which}", color=_FAINT, fontsize=8, va="center")


# --- words ------------------------------------------------------------------------------------------------


def short_name(name: str) -> str:
    """``middle_finger_left`` -> ``middle finger L``."""
    words = name.replace("_", " ")
    for side in ("left", "right"):
        if words.endswith(f" {side}"):
            return f"{words[: -len(side)]}{side[0].upper()}"
    return words


def _wrap(text: str, width: float) -> list[str]:
    # A letter of 8 points is about 0.065 inches wide.
    return textwrap.wrap(text, int((width - 2 * _BORDER) / 0.065))


def _clip(text: str, width: float) -> str:
    return textwrap.shorten(text, int((width - 2 * _BORDER) / 0.115), placeholder=" ...")
