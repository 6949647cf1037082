"""A second synthetic domain that stands in for medical images: other people, other imaging, another rater.

Where a study has no medical images of its own, these play their part, and its report says so. They are made
deliberately unlike the images that networks are trained on: a narrow group of people whose shapes are bent in
a way of their own, voxels with partial volume, a bias field as of a surface coil, noise, thresholds that eat
or swell the outline, slices that quantise depth, and a rater who marks every landmark a little elsewhere.
Nothing of it is known to the training stream.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LandmarkDetectionLib.imaging.view import View, ViewGeometry
from LandmarkDetectionLib.synthesis.batches import ViewBatch
from LandmarkDetectionLib.typing import Array

GRID = 5  # control points of a bend along each axis
MARGIN = 0.12  # air around the object, as a share of its extent


@dataclass(frozen=True)
class SurrogateDomain:
    """How far everything is changed; lengths are shares of the object's extent.

    Attributes
    ----------
    seed : int
        Of what all images share: the group's shape and the rater's habits.
    group_bend, subject_bend, image_bend : float
        Deviation of smooth displacements shared by all, by the images of a subject, and by none.
    rotation : float
        Deviation in degrees.
    habit, slip : float
        Deviation of the rater's offset for each landmark, and of single readings.
    """

    seed: int = 77
    group_bend: float = 0.014
    subject_bend: float = 0.01
    image_bend: float = 0.004
    rotation: float = 4.0
    habit: float = 0.012
    slip: float = 0.004

    def image(self, drawn: ViewBatch, n: int, subject: int, number: int) -> tuple[View, Array]:
        """Image ``number`` of a subject: object ``n`` of a batch, as this domain shows it.

        Parameters
        ----------
        drawn : ViewBatch
            Undisturbed objects at some two times the resolution of the final patch.
        n : int
        subject, number : int
            Seeds.

        Returns
        -------
        View
            The object in its scan, about a tenth of air around it.
        landmarks : (L, 3) float64
            As the rater marked them, in the view's RAS mm.
        """
        group = np.random.default_rng(self.seed)
        person = np.random.default_rng([self.seed, subject])
        scan = np.random.default_rng([self.seed, subject, number])
        spacing = drawn.spacing[n].astype(float)
        extent = np.array(drawn.front.shape[:0:-1]) * spacing  # columns, rows in mm
        longest = float(extent.max())
        habits = group.normal(0, self.habit * longest, (drawn.points.shape[1], 3)) * (1, 1, 0.5)
        bend = (
            self.group_bend * group.normal(0, 1, (2, GRID, GRID))
            + self.subject_bend * person.normal(0, 1, (2, GRID, GRID))
            + self.image_bend * scan.normal(0, 1, (2, GRID, GRID))
        ) * extent[:, None, None]
        turn = np.radians(person.normal(0, self.rotation) + scan.normal(0, self.rotation / 4))
        way = _Way(bend, turn, extent)

        voxel = longest * scan.uniform(0.005, 0.009)
        shape = np.ceil(extent * (1 + 2 * MARGIN) / voxel).astype(int)[::-1]
        rows, columns = np.mgrid[: shape[0], : shape[1]]
        here = np.stack([columns, rows], axis=-1) * voxel - MARGIN * extent  # mm from the object's corner
        source = way.back(here) / spacing - 0.5
        slices = longest * scan.uniform(0.005, 0.012)
        front, signal = _sample(drawn.front[n], drawn.back[n], source, slices, voxel / spacing)
        silhouette = _acquire(signal, here / extent - 0.5, scan)
        depth = np.floor(front / slices) * slices + scan.normal(0, 0.3 * slices, front.shape)
        geometry = ViewGeometry(
            origin=np.array([0.0, 0.0, 0.0]),
            column_axis=np.array([-1.0, 0.0, 0.0]),
            row_axis=np.array([0.0, 0.0, -1.0]),
            depth_axis=np.array([0.0, -1.0, 0.0]),
            spacing=(voxel, voxel),
            shape=(int(shape[0]), int(shape[1])),
        )
        view = View(
            silhouette=silhouette,
            front=np.where(silhouette, depth, np.nan).astype(np.float32),
            back=np.where(silhouette, depth, np.nan).astype(np.float32),
            thickness=np.where(silhouette, slices, 0).astype(np.float32),
            field_of_view=np.ones_like(silhouette),
            geometry=geometry,
        )
        places = way.there((drawn.points[n, :, :2] + 0.5) * spacing)
        pixels = (places + MARGIN * extent) / voxel
        marks = np.concatenate([pixels, drawn.points[n, :, 2:]], axis=1)
        offsets = habits + scan.normal(0, self.slip * longest, habits.shape)
        return view, geometry.to_ras(marks + offsets / (voxel, voxel, 1.0))


@dataclass(frozen=True)
class _Way:
    """Where places of the object come to lie: bent, then turned about its middle; all in mm."""

    bend: Array  # (2, GRID, GRID): along columns and rows
    turn: float
    extent: Array

    def back(self, places: Array) -> Array:
        """Places (..., 2) in the image to places in the object."""
        middle = self.extent / 2
        turned = (places - middle) @ _turn(self.turn) + middle
        return np.asarray(turned + self._bent(turned))

    def there(self, places: Array) -> Array:
        """The inverse of :meth:`back`: what comes from a place p lies where q + bend(q) = p."""
        middle, inner = self.extent / 2, places.copy()
        for _ in range(20):
            inner = places - self._bent(inner)
        return np.asarray((inner - middle) @ _turn(self.turn).T + middle)

    def _bent(self, places: Array) -> Array:
        from scipy.ndimage import map_coordinates

        at = np.moveaxis(places / self.extent * (GRID - 1), -1, 0)[::-1]
        return np.stack([map_coordinates(one, at, order=3, mode="nearest") for one in self.bend], axis=-1)


def _turn(angle: float) -> Array:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _sample(front: Array, back: Array, source: Array, slices: float, step: Array) -> tuple[Array, Array]:
    """Depth of the surface in mm, and the share of a slice that tissue fills at best, at every voxel."""
    from scipy.ndimage import distance_transform_edt, gaussian_filter, map_coordinates

    body = np.isfinite(front)
    nearest = distance_transform_edt(~body, return_distances=False, return_indices=True)
    filled = front[tuple(nearest)]
    # A fifth thinner than the objects of the training stream.
    filling = np.clip(np.where(body, 0.8 * (back - front), 0.0) / slices, 0, 1)
    blurred = gaussian_filter(filling, 0.45 * step[::-1])
    at = np.moveaxis(source, -1, 0)[::-1]
    return (
        map_coordinates(filled, at, order=1, mode="nearest"),
        map_coordinates(blurred, at, order=1, mode="constant"),
    )


def _acquire(signal: Array, place: Array, rng: np.random.Generator) -> Array:
    """Silhouette (H, W) bool of a signal in [0, 1]: bias field, noise, threshold, largest piece, no holes."""
    from scipy.ndimage import binary_fill_holes, label

    falling = np.exp(-rng.uniform(0.0, 0.6) * (place**2).sum(-1) + place @ rng.normal(0, 0.15, 2))
    sigma = rng.uniform(0.02, 0.06)
    noisy = np.hypot(
        signal * falling + rng.normal(0, sigma, signal.shape), rng.normal(0, sigma, signal.shape)
    )
    pieces, _ = label(noisy > rng.uniform(0.2, 0.42))
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return np.asarray(binary_fill_holes(pieces == sizes.argmax()))
