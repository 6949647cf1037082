"""A body, table, head rest and blanket made of capsules and shells, with the body known exactly.

Positions are RAS mm, the origin in the pelvis; signed distances are negative inside. Voxels at a surface
hold the share of tissue that lies in them, as partial volume does.
"""

from functools import cache

import numpy as np

from LandmarkDetectionLib.core.volume import Volume

AIR, TISSUE, LUNG = -1000.0, 40.0, -850.0
BACK = -112.0  # A coordinate of the trunk's most posterior point


def _capsules() -> list[tuple[tuple[float, ...], tuple[float, ...], float]]:
    parts = [
        ((0, 0, 610), (0, -10, 660), 82),  # head
        ((0, 80, 625), (0, 92, 610), 9),  # nose
        ((0, -10, 480), (0, -10, 600), 56),  # neck
        ((-60, -2, 120), (-70, -2, 400), 110),
        ((60, -2, 120), (70, -2, 400), 110),
        ((0, -2, 30), (0, -2, 430), 110),
        ((-75, -2, 40), (75, -2, 40), 110),  # pelvis
    ]
    for side in (-1, 1):
        parts += [
            ((side * 84, -5, 620), (side * 90, -14, 640), 7),  # ear
            ((side * 150, -20, 430), (side * 245, -40, 190), 42),
            ((side * 245, -40, 190), (side * 285, -60, -30), 30),
            ((side * 285, -60, -30), (side * 292, -70, -90), 22),  # wrist and palm
            ((side * 272, -62, -60), (side * 250, -52, -120), 8),  # thumb
            ((side * 85, -10, 20), (side * 95, -22, -400), 72),
            ((side * 95, -22, -400), (side * 100, -45, -800), 46),
            ((side * 100, -60, -800), (side * 112, 70, -850), 34),  # foot
        ]
        parts += [
            ((side * (278 + 16 * n), -74, -95), (side * (272 + 21 * n), -78, -165 - 8 * (n in (1, 2))), 6)
            for n in range(4)
        ]
        parts += [((side * (92 + 13 * n), 85, -850), (side * (92 + 13 * n), 112, -856), 7) for n in range(5)]
    return parts


def body_distance(points: np.ndarray) -> np.ndarray:
    """Signed distance of (N, 3) RAS mm to the body's surface."""
    distance = np.full(len(points), 1e3, np.float32)
    lowest, highest = points.min(axis=0) - 30, points.max(axis=0) + 30
    for start, stop, radius in _capsules():
        if (np.maximum(start, stop) + radius < lowest).any() or (
            np.minimum(start, stop) - radius > highest
        ).any():
            continue
        near = np.ones(len(points), bool)
        for n in range(3):
            low, high = sorted((start[n], stop[n]))
            near &= (points[:, n] > low - radius - 30) & (points[:, n] < high + radius + 30)
        chosen = points[near]
        axis = np.subtract(stop, start)
        along = np.clip((chosen - start) @ axis / (axis @ axis), 0, 1)
        own = np.linalg.norm(chosen - start - along[:, None] * axis, axis=1) - radius
        distance[near] = np.minimum(distance[near], own)
    return distance


def lung_distance(points: np.ndarray) -> np.ndarray:
    offset = (np.abs(points[:, 0]) - 85) / 60, (points[:, 1] + 2) / 85, (points[:, 2] - 350) / 120
    return (np.sqrt(sum(o**2 for o in offset)) - 1) * 60


def curved_table(points: np.ndarray, top: float = BACK, sides: float = 215.0) -> np.ndarray:
    """A cradle of 4 mm, touching at ``top`` in the middle and rising to the sides, over a flat lower skin."""
    radius = 700.0
    off_axis = np.hypot(points[:, 0], points[:, 1] - (top + radius))
    cradle = np.maximum(np.abs(off_axis - radius - 2) - 2, points[:, 1] - (top + 60))
    lower = np.abs(points[:, 1] - (top - 50)) - 1.5
    return np.maximum(np.minimum(cradle, lower), np.abs(points[:, 0]) - sides)


def flat_table(points: np.ndarray, top: float = BACK) -> np.ndarray:
    plates = np.minimum(np.abs(points[:, 1] - (top - 2)), np.abs(points[:, 1] - (top - 60))) - 2
    return np.maximum(plates, np.abs(points[:, 0]) - 215)


def head_rest(points: np.ndarray) -> np.ndarray:
    """A U of 6 mm around and touching the back half of the head, 230 mm long."""
    ring = np.abs(np.hypot(points[:, 0], points[:, 1] + 8) - 87) - 3
    return np.maximum.reduce([ring, points[:, 1] - 10, np.abs(points[:, 2] - 630) - 115])


def head_cup(points: np.ndarray) -> np.ndarray:
    """A deep U of 5 mm, its arms a finger's width off the ears, touching the back of the head; open above."""
    lowered = np.stack([points[:, 0], points[:, 1] - 20, points[:, 2]], 1)
    ring = np.abs(np.hypot(lowered[:, 0], np.minimum(lowered[:, 1], 0)) - 114) - 2.5
    return np.maximum.reduce([ring, points[:, 1] - 60, np.abs(points[:, 2] - 690) - 110])


def foam_wedge(points: np.ndarray) -> np.ndarray:
    """A wedge under head and neck, in which the neck lies; of foam when given -900 HU."""
    top = -60 + (points[:, 2] - 450) * 0.1
    return np.maximum.reduce(
        [
            points[:, 1] - top,
            -108 - points[:, 1],
            np.abs(points[:, 0]) - 140,
            450 - points[:, 2],
            points[:, 2] - 720,
        ]
    )


def foam_cover(points: np.ndarray) -> np.ndarray:
    """The plastic around the wedge, 4 mm thick."""
    return np.abs(foam_wedge(points)) - 2


def blanket(points: np.ndarray) -> np.ndarray:
    """A cloth of 4 mm hanging over trunk and legs, mostly without touching them."""
    height = 150 - (points[:, 0] / 160) ** 2 * 30
    cloth = np.abs(points[:, 1] - height) - 2
    return np.maximum.reduce([cloth, np.abs(points[:, 0]) - 260, np.abs(points[:, 2]) - 300])


def phantom(
    *objects,
    spacing=(4.0, 4.0, 4.0),
    low=(-350.0, -200.0, -900.0),
    high=(350.0, 200.0, 760.0),
    rotation=None,
    seed=0,
    noise=15.0,
    body=True,
) -> Volume:
    """Voxels (int16, HU) of the body and of ``objects``.

    Objects are functions returning distances, each of 100 HU, or pairs of such a function and its HU.
    """
    low, high, step = (np.asarray(x, float) for x in (low, high, spacing))
    axes = np.eye(3) if rotation is None else np.asarray(rotation)
    centre, half = (low + high) / 2, (high - low) / 2
    reach = np.abs(axes.T) @ half  # so that the rotated box still holds everything
    size = np.ceil(2 * reach / step).astype(int)
    ijk_to_ras = np.eye(4)
    ijk_to_ras[:3, :3] = axes * step
    ijk_to_ras[:3, 3] = centre - ijk_to_ras[:3, :3] @ ((size - 1) / 2)
    voxels = np.empty(size[::-1], np.int16)
    generator = np.random.default_rng(seed)
    i, j = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    for k in range(size[2]):
        ijk = np.stack([i.ravel(), j.ravel(), np.full(i.size, k)], 1)
        points = ijk @ ijk_to_ras[:3, :3].T + ijk_to_ras[:3, 3]
        width = step.mean()

        def share(distance, width=width):
            return np.clip(0.5 - distance / width, 0, 1)

        values = np.full(len(points), AIR)
        for thing in objects:
            distance, hounsfield = thing if isinstance(thing, tuple) else (thing, 100.0)
            values += share(distance(points)) * (hounsfield - values)
        if body:
            values += share(body_distance(points)) * (TISSUE - values)
            values += share(lung_distance(points)) * (LUNG - values)
        voxels[k] = (values + generator.normal(0, noise, len(points))).reshape(i.shape)
    return Volume(voxels, ijk_to_ras, "CT", "phantom")


@cache
def _truth(pixel: float = 2.5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x = np.arange(-345, 345, pixel) + pixel / 2
    y = np.arange(130, -130, -pixel) - pixel / 2
    z = np.arange(760, -900, -pixel) - pixel / 2
    mask = np.empty((len(z), len(y), len(x)), bool)
    xx, yy = np.meshgrid(x, y)
    for n, height in enumerate(z):
        points = np.stack([xx.ravel(), yy.ravel(), np.full(xx.size, height)], 1)
        mask[n] = (body_distance(points) < 0).reshape(xx.shape)
    return mask, y, np.array([x[0], z[0]])


def true_view(geometry, pixel: float = 2.5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Silhouette, front and back (A coordinate in RAS mm, NaN off the body) at a coronal view's pixels."""
    mask, y, (x0, z0) = _truth(pixel)
    rows, columns = np.mgrid[: geometry.shape[0], : geometry.shape[1]]
    ras = geometry.to_ras(np.stack([columns, rows, np.zeros_like(rows)], -1).reshape(-1, 3))
    cover = np.zeros(len(ras))
    front, back = np.zeros(len(ras)), np.zeros(len(ras))
    silhouette = mask.any(axis=1)
    first = y[mask.argmax(axis=1)] + pixel / 2
    last = y[::-1][mask[:, ::-1].argmax(axis=1)] - pixel / 2
    for dx in (-1.25, 1.25):
        for dz in (-1.25, 1.25):
            column = np.rint((ras[:, 0] + dx - x0) / pixel).astype(int)
            row = np.rint((z0 - ras[:, 2] - dz) / pixel).astype(int)
            ok = (row >= 0) & (row < mask.shape[0]) & (column >= 0) & (column < mask.shape[2])
            hit = np.zeros(len(ras), bool)
            hit[ok] = silhouette[row[ok], column[ok]]
            cover += hit
            front[hit] += first[row[hit], column[hit]]
            back[hit] += last[row[hit], column[hit]]
    seen = (cover >= 2).reshape(geometry.shape)
    with np.errstate(invalid="ignore"):
        front, back = ((d / cover).reshape(geometry.shape) for d in (front, back))
    return seen, np.where(seen, front, np.nan), np.where(seen, back, np.nan)
