"""What an outline holds inside: whether a volume is of a body, and whether what was found can be there.

An outline alone says little about small pieces: a bottle, a knee and a head are all round. CT numbers tell
fat, muscle and bone apart (Schneider et al. 1996), and a skull is a shell of bone around brain. Whether there
is a body does not depend on what a network has found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from LandmarkDetectionLib.core.doubts import Doubt, DoubtKind
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.imaging.view import View
from LandmarkDetectionLib.quality.calibration import UNCERTAIN_BELOW
from LandmarkDetectionLib.typing import Array

if TYPE_CHECKING:
    from LandmarkDetectionLib.imaging.body.projection import Projection


#: CT numbers in HU.
FAT, SOFT, BONE = (-160.0, -40.0), (0.0, 140.0), 150.0
#: Least shares of what lies inside of a body: muscle or brain everywhere, and much fat, or bone with
#: a little fat, or much bone, as about a brain.
LEAST_SOFT, MUCH_FAT, LEAST_BONE, LEAST_FAT, MUCH_BONE = 0.05, 0.03, 0.004, 0.002, 0.03
#: On scales without units: deviation over mean of what lies inside; of one substance it is that of the coils.
LEAST_VARIETY = 0.15
#: Places are looked at that lie this deep under the skin (mm, and a voxel), where partial volumes have ended.
DEPTH_MM = 8.0
PLACES = 60_000
#: The bone of a skull with the cavity within, as seen in a slice of any age; no joint has such a cavity.
SKULL_BONE, CAVITY_HU, CAVITY_MM2, CAVITY_PLANES = 180.0, (0.0, 80.0), 4500.0, 3
STEP_MM = 5.0
#: The skull reaches this far from the eyes and from the vertex.
REACH_MM = 120.0


class Inside(Enum):
    """What fills an outline."""

    BODY = "several tissues"
    UNIFORM = "one substance"


@dataclass(frozen=True)
class Composition:
    """Shares of the places deep inside an outline, of CT numbers; or their variety on another scale."""

    soft: float
    fat: float
    bone: float
    variety: float
    hounsfield: bool

    @property
    def inside(self) -> Inside:
        """Whether there is more than one substance, as in every part of a body."""
        if self.hounsfield:
            bony = self.bone >= MUCH_BONE or (self.bone >= LEAST_BONE and self.fat >= LEAST_FAT)
            body = self.soft >= LEAST_SOFT and (self.fat >= MUCH_FAT or bony)
            return Inside.BODY if body else Inside.UNIFORM
        return Inside.BODY if self.variety >= LEAST_VARIETY else Inside.UNIFORM


def composition(volume: Volume, views: Projection) -> Composition:
    """What lies deep inside the outline that both views show.

    Parameters
    ----------
    volume
        In its stored units.
    views
        Of the volume, from ``project_body``.
    """
    offset = views.hounsfield_offset
    values = _mean_around(volume, _deep_places(views.coronal, max(DEPTH_MM, float(max(volume.spacing)))))
    values = values[np.isfinite(values)] - (offset or 0.0)
    if values.size == 0:
        return Composition(0, 0, 0, 0, offset is not None)

    def share(low: float, high: float) -> float:
        return float(np.mean((values >= low) & (values <= high)))

    middle = abs(float(values.mean() - (values.min() if offset is None else 0)))
    return Composition(
        share(*SOFT), share(*FAT), share(BONE, np.inf), float(values.std() / max(middle, 1e-6)),
        offset is not None,
    )  # fmt: skip


def holds_a_skull(volume: Volume, views: Projection, near: Array) -> bool:
    """Whether bone encloses a brain somewhere near places (N, 3) RAS mm of a head, in CT numbers.

    Slices across the body are looked at: what bone surrounds must be as large as a newborn's brain at least,
    and as dense as brain. The fatty marrow of a knee is enclosed by bone, too, but is neither.
    """
    low, high = near.min(axis=0) - REACH_MM, near.max(axis=0) + REACH_MM
    axes = [np.arange(a, b + STEP_MM, STEP_MM) for a, b in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(axes[2], axes[1], axes[0], indexing="ij"), axis=-1)[..., ::-1]
    values = _mean_around(volume, grid.reshape(-1, 3)).reshape(grid.shape[:3]) - (
        views.hounsfield_offset or 0
    )
    bone = np.nan_to_num(values, nan=-1000.0) >= SKULL_BONE
    planes = 0
    for slab, plane in zip(values, bone, strict=True):
        # Sutures and thin bone of the temples let nothing through that is wider than a cell or two.
        closed = ndimage.binary_closing(np.pad(plane, 3), iterations=2)
        cavity = (ndimage.binary_fill_holes(closed)[3:-3, 3:-3]) & ~plane
        labels, count = ndimage.label(ndimage.binary_opening(cavity))
        for label in range(1, count + 1):
            part = labels == label
            large = np.count_nonzero(part) * STEP_MM**2 >= CAVITY_MM2
            if large and CAVITY_HU[0] <= float(np.median(slab[part])) <= CAVITY_HU[1]:
                planes += 1
                break
    return planes >= CAVITY_PLANES


def _deep_places(view: View, deep: float) -> Array:
    """Some ten thousand places (N, 3) RAS mm, evenly spread, so many mm under the surface of the outline."""
    spacing = view.geometry.spacing
    from_side = ndimage.distance_transform_edt(view.silhouette, sampling=(spacing[1], spacing[0]))
    row, column = np.nonzero((from_side >= deep) & (view.back - view.front > 2 * deep))
    if row.size == 0:
        row, column = np.nonzero(view.silhouette)
    front, back = view.front[row, column] + deep, view.back[row, column] - deep
    along = np.maximum(back - front, 0)
    step = max(STEP_MM, float(along.sum()) / PLACES)
    count = np.floor(along / step).astype(int) + 1
    which = np.repeat(np.arange(row.size), count)
    rank = np.arange(which.size) - np.repeat(np.cumsum(count) - count, count)
    depth = front[which] + (rank + 0.5) * along[which] / count[which]
    return view.geometry.to_ras(np.stack([column[which], row[which], depth], axis=1))


def _mean_around(volume: Volume, points: Array) -> Array:
    """Mean (N,) of the corners of 3 mm cubes about points RAS mm, against noise; NaN outside the volume."""
    centre = volume.ras_to_ijk_points(points)
    corners = np.stack(np.meshgrid(*[(-1.5, 1.5)] * 3), axis=-1).reshape(-1, 3)
    steps = corners @ volume.affine.inverse.linear.T
    size = np.array(volume.size)
    total = np.zeros(len(centre), np.float32)
    for step in steps:
        i, j, k = np.clip(np.rint(centre + step), 0, size - 1).astype(np.int32).T
        total += volume.voxels[k, j, i]
    return np.where(volume.affine.contains(points, volume.size), total / len(steps), np.nan)


# --- what it means for landmarks ---------------------------------------------------------------------------

#: Confidence of what stands against the evidence is at most this; without CT numbers it is worth this share.
REFUTED, WITHOUT_UNITS = 0.3, 0.5
#: Landmarks that a skull must be near, and the one that goes with them.
OF_THE_SKULL, WITH_THE_SKULL = ("head_top", "eye_right", "eye_left"), "chin"


def weighed(
    volume: Volume,
    views: Projection,
    inside: Inside,
    names: Sequence[str],
    found: Array,
    confidence: Array,
    skull: bool = False,
) -> tuple[Array, tuple[Doubt, ...]]:
    """Confidence (L,) after what an outline holds was looked at, and doubts where it speaks against it.

    Parameters
    ----------
    inside
        Of ``composition``.
    names
        Of the landmarks.
    found : (L, 3)
        RAS mm, NaN where absent.
    confidence : (L,)
        By the outline alone.
    skull : bool
        Whether bones of a skull were found themselves. A scan that ends at the brow shows no cavity.
    """
    name = volume.name or "The volume"
    present = np.isfinite(found).all(axis=1)
    if inside is Inside.UNIFORM:
        text = (
            f"{name} is filled with one substance and not with the tissues of a body: what its outline "
            "resembles is not to be trusted."
        )
        return np.minimum(confidence, REFUTED), (Doubt(text, DoubtKind.NO_BODY),)
    if views.hounsfield_offset is None:
        what = (
            f"{name} is {volume.modality}"
            if volume.modality not in ("", "CT")
            else f"{name} has no CT numbers"
        )
        text = f"{what}, and the model learned from CT alone: check every landmark."
        return confidence * WITHOUT_UNITS, (Doubt(text, DoubtKind.KIND_OF_IMAGE),)
    claimed = [n for n, one in enumerate(names) if one in OF_THE_SKULL and present[n]]
    if skull or not claimed or holds_a_skull(volume, views, found[claimed]):
        return confidence, ()
    refuted = list(claimed)
    if confidence[claimed].max() >= UNCERTAIN_BELOW and WITH_THE_SKULL in names:
        refuted.append(list(names).index(WITH_THE_SKULL))
    lowered = confidence.copy()
    lowered[refuted] = np.minimum(lowered[refuted], REFUTED)
    taken = tuple(names[n] for n in claimed)
    listed = ", ".join(taken).replace("_", " ")
    text = f"{name} shows no skull around what was taken for {listed}: check whether it is a head."
    return lowered, (Doubt(text, DoubtKind.NO_SKULL, taken),)
