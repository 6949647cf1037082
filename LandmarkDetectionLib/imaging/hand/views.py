"""Hands as the hand network knows them: the back of a left hand, fingers up, thumb at the right.

`view_hand` takes a hand out of a radiograph or a volume, cuts its forearm and turns it into these canonical
axes. A view's geometry maps its pixels to RAS mm and back exactly, mirrored ones too, so that what is found
in a view has its place in the patient.

With orthogonal axes to the thumb (columns), to the elbow (rows) and from the back of the hand to the palm
(depth), a left hand's are right-handed and a right hand's are left-handed. A silhouette alone cannot tell the
back of a left hand from the palm of a right one: radiographs are taken to be dorsopalmar (PA) and not
mirrored, unless the side is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from LandmarkDetectionLib.core.doubts import Doubt, DoubtKind
from LandmarkDetectionLib.core.options import SIDES, Side, require_choice
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import NoBodyError
from LandmarkDetectionLib.imaging.view import View, ViewGeometry
from LandmarkDetectionLib.typing import Array

if TYPE_CHECKING:
    from LandmarkDetectionLib.imaging.hand.outline import Outline
    from LandmarkDetectionLib.imaging.hand.pose import Pose
    from LandmarkDetectionLib.imaging.hand.scan import HandScan


#: The forearm is cut this many palm radii below the palm's centre; the wrist joint is at about 1.1.
FOREARM_RADII = 2.1


@dataclass(frozen=True)
class HandView:
    """A hand seen in one of the ways it may have to be turned.

    Attributes
    ----------
    view
        In canonical axes, without the forearm. Of a radiograph, ``front`` and ``back`` are 0 on the hand.
    side
        "left" or "right": the side of the body if these axes are right.
    palm
        The picture shows the palm (or is mirrored), if these axes are right.
    """

    view: View
    side: Literal["left", "right"]
    palm: bool = False


@dataclass(frozen=True)
class HandPicture:
    """A hand taken out of its image.

    Attributes
    ----------
    views
        The ways to turn it, the most likely first; never empty.
    sure
        Whether direction and thumb are so clear that the first is right by its shape alone.
    flat
        Whether it is a radiograph, without depth.
    picture
        To be shown to a person: the radiograph as it is stored, with its grey values between 0 and 1 as
        ``thickness``, or else the first view.
    threshold
        Grey value (of volumes), or step from air (of radiographs), at which the skin was taken to lie.
    doubts
        What is doubtful about it.
    hand_like
        Whether the outline has fingers and lies in front of smooth air.
    """

    views: tuple[HandView, ...]
    sure: bool
    flat: bool
    picture: View
    threshold: float
    doubts: tuple[Doubt, ...]
    hand_like: bool = True


def view_hand(volume: Volume, side: Side = "auto", threshold: float | None = None) -> HandPicture:
    """Take the hand out of a radiograph or a CT or MR volume, and turn it into canonical axes.

    Parameters
    ----------
    volume
        One hand, turned in any way. Bones may be bright or dark in a radiograph.
    side : {"auto", "left", "right"}
        Which hand it is. By default radiographs are taken as dorsopalmar and not mirrored; in volumes both
        are tried.
    threshold
        Grey value of the skin, estimated when None.

    Raises
    ------
    InputError
        When the side is unknown.
    NoBodyError
        When there is nothing like a hand.
    """
    require_choice("side", side, SIDES)
    if min(volume.voxels.shape) == 1:
        return _view_radiograph(volume, side, threshold)
    return _view_volume(volume, side, threshold)


# --- radiographs -------------------------------------------------------------------------------------------


def _view_radiograph(volume: Volume, side: Side, threshold: float | None) -> HandPicture:
    from LandmarkDetectionLib.imaging.hand.outline import LEAST_SCORE, outline_hand
    from LandmarkDetectionLib.imaging.hand.pose import find_pose
    from LandmarkDetectionLib.imaging.hand.radiograph_grid import grid_of
    from LandmarkDetectionLib.imaging.hand.scan import FlatHand

    name = volume.name or "The picture"
    image, grid = grid_of(volume)
    outline = outline_hand(image, threshold)
    if outline is None:
        raise NoBodyError(
            f"{name} shows nothing in front of air, so there is no hand in it; check the file or give the "
            "grey value of the skin as threshold.",
            about="threshold",
        )
    pose = find_pose(outline.mask, outline.field)
    scan = FlatHand.of(outline.mask, outline.field, grid)
    up, right = _directions(grid, pose)
    views = tuple(_views(scan, grid.depth_axis, up, right, _palm(grid, pose), side))
    return HandPicture(
        views,
        pose.sure,
        True,
        _shown(image, outline, grid),
        outline.threshold,
        _doubts(name, outline, pose),
        outline.score >= LEAST_SCORE,
    )


def _shown(image: Array, outline: Outline, grid: ViewGeometry) -> View:
    """The radiograph itself as a view, bones bright."""
    low, high = np.percentile(image[outline.field], [0.5, 99.5])
    grey = np.clip((image - low) / max(high - low, 1e-6), 0, 1).astype(np.float32)
    depth = np.where(outline.mask, 0, np.nan).astype(np.float32)
    return View(outline.mask, depth, depth, grey if outline.bright else 1 - grey, outline.field, grid)


def _doubts(name: str, outline: Outline, pose: Pose) -> tuple[Doubt, ...]:
    from LandmarkDetectionLib.imaging.hand.outline import LEAST_SCORE

    doubts = []
    if outline.score < LEAST_SCORE:
        text = (
            f"{name} may not show a hand: what stands out of its background has neither fingers nor a smooth "
            "background; check the outline in the overlay picture."
        )
        doubts.append(Doubt(text, DoubtKind.NO_HAND))
    if outline.others:
        text = (
            f"{name} shows {outline.others + 1} hands; only the largest was looked at: crop the picture to "
            "each hand."
        )
        doubts.append(Doubt(text, DoubtKind.SEVERAL_HANDS))
    return (*doubts, *_cut_off(name, pose))


def _cut_off(name: str, pose: Pose) -> tuple[Doubt, ...]:
    if not pose.cut:
        return ()
    places = "one place" if pose.cut == 1 else f"{pose.cut} places"
    text = f"The border of {name} cuts the hand in {places} beside the forearm; tips there may be missing."
    return (Doubt(text, DoubtKind.CUT_OFF),)


# --- volumes -----------------------------------------------------------------------------------------------


def _view_volume(volume: Volume, side: Side, threshold: float | None) -> HandPicture:
    from LandmarkDetectionLib.imaging.hand.pose import find_pose
    from LandmarkDetectionLib.imaging.hand.solid import hand_axes, isolate_hand

    name = volume.name or "The volume"
    scan, value = isolate_hand(volume, threshold)
    up, depth = hand_axes(scan.places)
    seen = scan.look(_axes_of(up, depth))
    pose = find_pose(seen.silhouette, seen.field_of_view, upwards=True)
    up, right = _directions(seen.geometry, pose)
    views = tuple(_views(scan, depth, up, right, _palm(seen.geometry, pose), side))
    return HandPicture(views, False, False, views[0].view, value, _cut_off(name, pose))


def _axes_of(up: Array, depth: Array) -> Array:
    """Axes (3, 3) with fingers up, looking along a direction."""
    up = up - depth * (up @ depth)
    up = up / np.linalg.norm(up)
    return np.stack([np.cross(up, depth), -up, depth])


# --- canonical axes ----------------------------------------------------------------------------------------


def _directions(grid: ViewGeometry, pose: Pose) -> tuple[Array, Array]:
    """RAS directions to the fingers, and to the thumb across them."""
    up = pose.up[0] * grid.row_axis + pose.up[1] * grid.column_axis
    right = pose.up[1] * grid.row_axis - pose.up[0] * grid.column_axis
    return up, pose.thumb * right


def _palm(grid: ViewGeometry, pose: Pose) -> tuple[Array, float]:
    """Centre in RAS mm and radius in mm of the palm."""
    return grid.to_ras(np.array([pose.centre[1], pose.centre[0], 0.0]))[0], pose.radius * grid.spacing[0]


def _views(
    scan: HandScan, depth: Array, up: Array, thumb: Array, palm: tuple[Array, float], side: Side
) -> Iterator[HandView]:
    """The hand as it seems to lie, then with its thumb on the other side, then both upside down."""
    axes = _axes_of(up, depth)
    axes[0] *= np.sign(axes[0] @ thumb) or 1.0
    seen = scan.look(axes)
    for turn in (False, True):
        for flip in (False, True):
            for back in (False, True):
                view = flipped(seen, rows=turn, columns=turn != flip, depth=back)
                shown = _side(view.geometry)
                # A radiograph looks the same from both sides: one of the two is enough.
                unlikely = back if scan.flat and side == "auto" else side not in ("auto", shown)
                if not unlikely:
                    yield HandView(_without_forearm(view, palm), shown, palm=scan.flat and back)


def _side(geometry: ViewGeometry) -> Literal["left", "right"]:
    axes = np.stack([geometry.column_axis, geometry.row_axis, geometry.depth_axis])
    return "left" if np.linalg.det(axes) > 0 else "right"


def flipped(view: View, *, rows: bool, columns: bool, depth: bool) -> View:
    """Return a view with some of its axes reversed; what is seen stays where it is in the patient."""
    geometry = view.geometry
    last = np.array([(geometry.shape[1] - 1) * columns, (geometry.shape[0] - 1) * rows, 0.0])
    geometry = replace(
        geometry,
        origin=geometry.to_ras(last)[0],
        column_axis=geometry.column_axis * (-1 if columns else 1),
        row_axis=geometry.row_axis * (-1 if rows else 1),
        depth_axis=geometry.depth_axis * (-1 if depth else 1),
    )
    order = (slice(None, None, -1 if rows else 1), slice(None, None, -1 if columns else 1))
    front, back = (-view.back, -view.front) if depth else (view.front, view.back)
    return View(
        view.silhouette[order],
        front[order],
        back[order],
        view.thickness[order],
        view.field_of_view[order],
        geometry,
    )


def _without_forearm(view: View, palm: tuple[Array, float]) -> View:
    """Cut the view across, so many palm radii below the palm's centre."""
    centre, radius = palm
    end = view.geometry.from_ras(centre)[0, 1] + FOREARM_RADII * radius / view.geometry.spacing[1]
    last = int(np.ceil(end))
    if not 0 < last < view.geometry.shape[0]:
        return view
    return view.window(0, 0, (last, view.geometry.shape[1]))
