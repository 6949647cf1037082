"""A synthetic hand as a CT or MR volume, lying and stored in any way, with what scanners do to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.synthesis.body.phantom import _Grid, _voxelise
from LandmarkDetectionLib.synthesis.hand.model import load_hand_model
from LandmarkDetectionLib.synthesis.hand.population import draw_hands

Array = np.ndarray


@dataclass(frozen=True)
class HandPhantom:
    """A volume and what is known of the hand in it.

    Attributes
    ----------
    volume
        CT in Hounsfield units, or MR in no units.
    landmarks
        (3,) RAS mm by name.
    outline
        (N, 3) RAS mm: the vertices of the hand's skin.
    palmar
        (3,) RAS direction out of the palm.
    """

    volume: Volume
    landmarks: dict[str, Array]
    outline: Array
    palmar: Array


def hand_phantom(
    modality: str,
    *,
    seed: int = 0,
    spacing: float = 2.0,
    turn: Array | None = None,
    right: bool = False,
    under: str = "",
) -> HandPhantom:
    """A hand with its forearm, its palm down before it is turned.

    Parameters
    ----------
    modality
        "CT" or "MR"; MR has an uneven brightness, noise that is nowhere zero, and no value that means air.
    turn
        (3, 3) rotation of everything in the patient.
    right
        Mirror the hand.
    under
        "" nothing, "table" a thin plate, "sandbag" a thick one, dense as sand; both touch the palm.
    """
    rng = np.random.default_rng(seed)
    model = load_hand_model()
    hands = draw_hands(model, 1, rng)
    mirror = np.array([-1.0 if right else 1.0, 1, 1])
    vertices = hands.vertices[0] * mirror
    faces = model.surface.faces[:, ::-1] if right else model.surface.faces
    points = dict(zip(model.names, model.landmarks(hands.points)[0] * mirror, strict=True))
    low = vertices.min(axis=0) - np.array([45, 70, 8])
    high = vertices.max(axis=0) + np.array([45, 35, 30])
    # The open end of the forearm lies outside the scan.
    low[2] = points["wrist"][2] - 70
    counts = np.ceil((high - low) / spacing).astype(int) + 1
    grid = _Grid(low, spacing, (int(counts[0]), int(counts[1]), int(counts[2])))
    inside = _voxelise(vertices.astype(np.float32), faces, grid)
    voxels = _ct(inside, spacing, rng, under) if modality == "CT" else _mr(inside, spacing, rng)
    # Stored with columns to the left and planes to the feet, so that no axis runs along R, A or S.
    stored = np.ascontiguousarray(voxels[::-1, :, ::-1])
    matrix = np.diag([-spacing, spacing, -spacing, 1.0])
    matrix[:3, 3] = (grid.axis(0)[-1], low[1], grid.axis(2)[-1])
    rotation = np.eye(3) if turn is None else turn
    placed = np.eye(4)
    placed[:3, :3] = rotation
    return HandPhantom(
        Volume(stored, placed @ matrix, modality, f"synthetic hand {seed}"),
        {name: rotation @ point for name, point in points.items()},
        vertices @ rotation.T,
        rotation @ np.array([0.0, -1, 0]),
    )


def _ct(inside: Array, spacing: float, rng: np.random.Generator, under: str) -> Array:
    depth = ndimage.distance_transform_edt(inside) * spacing
    voxels = np.full(inside.shape, -1000.0)
    voxels[inside] = 40
    voxels[inside & (depth < 3)] = -60
    voxels[(depth > 6) & (depth < 9)] = 420
    if under:
        lowest = int(np.flatnonzero(inside.any(axis=(0, 2)))[0])
        thick = round((4 if under == "table" else 40) / spacing)
        plate = np.zeros_like(inside)
        plate[:, max(0, lowest - thick) : lowest + 1] = True
        voxels[plate & ~inside] = 200 if under == "table" else 1100
    voxels = ndimage.gaussian_filter(voxels, 0.5) + rng.normal(0, 20, voxels.shape)
    return np.rint(voxels).astype(np.int16)


def _mr(inside: Array, spacing: float, rng: np.random.Generator) -> Array:
    depth = ndimage.distance_transform_edt(inside) * spacing
    voxels = np.where(inside, 420.0, 0.0)
    voxels[(depth > 4) & (depth < 5.5)] = 110  # dark cortical bone
    voxels[depth >= 5.5] = 520
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in inside.shape), indexing="ij", sparse=True)
    voxels = ndimage.gaussian_filter(voxels, 0.5) * np.exp(0.35 * z + 0.2 * x - 0.35 * z * z + 0.1 * y)
    noise = rng.normal(0, 14, (2, *inside.shape))
    return np.rint(np.hypot(voxels + noise[0], noise[1])).astype(np.int16)
