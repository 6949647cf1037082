"""A whole small skeleton of closed surfaces, made of the spheres, ellipsoids and rods of ``skeleton``.

It stands like that of BodyParts3D, arms a little away from the trunk and palms forward, 1.65 m tall, and has
every bone that the binding to the body model asks for. Bones are unions of convex parts with few faces.
"""

from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.spatial import ConvexHull

from LandmarkDetectionLib.synthesis.body.bone_names import FINGERS, ORDINALS, TOES, limb_bones
from LandmarkDetectionLib.synthesis.body.skeleton import Skeleton
from LandmarkDetectionLib.typing import Array, FloatArray
from Testing.examples.skeleton import Parts, at, ball, disc_level, ellipsoid, made_parts, on_both_sides, rod

LEGS = ("thigh", "shank", "foot")
SKULL = ("Frontal", "Occipital", "parietal", "temporal", "zygomatic", "maxilla", "nasal", "Mandible", "Hyoid")
FIRST_THORACIC = 6  # index of its vertebra


@cache
def small_skeleton() -> Skeleton:
    """The skeleton as the library reads it from a file."""
    extra = {"Atlas": [ellipsoid((0.0, 10.0, disc_level(0) + 28.0), (35.0, 20.0, 7.0), 30)]}
    extra["Hyoid_bone"] = [ellipsoid((0.0, 62.0, 1468.0), (16.0, 8.0, 3.0), 30)]
    bones = {**made_parts(), **extra, **on_both_sides({**_skull(), **_ribs(), **_hand(), **_foot()})}
    legs = {name for side in ("Right", "Left") for limb in LEGS for name in limb_bones(side)[limb]}
    return closed({name: _in_place(name, parts, name in legs) for name, parts in bones.items()})


def _in_place(name: str, parts: Parts, leg: bool) -> Parts:
    """Parts where a living man has them; landmarks are looked for where round numbers are enough."""
    if leg:
        return [part + at(0.0, 25.0, 0.0) for part in parts]
    if "scapula" in name or "clavicle" in name:
        outer = (0.93, 1.0, 0.75)
        return [(part - at(0.0, 0.0, 1340.0)) * outer + at(0.0, -8.0, 1335.0) for part in parts]
    if any(word in name for word in SKULL):
        return [part + at(0.0, 5.0, -25.0) for part in parts]
    return parts


def closed(bones: dict[str, Parts]) -> Skeleton:
    """Bones as closed surfaces: the hull of every part."""
    vertices, faces, vertex_start, face_start = [], [], [0], [0]
    for parts in bones.values():
        count = vertex_start[-1]
        for part in parts:
            points, triangles = hull(part)
            vertices.append(points)
            faces.append(triangles + count)
            count += len(points)
        vertex_start.append(count)
        face_start.append(sum(len(one) for one in faces))
    return Skeleton(
        tuple(bones),
        np.concatenate(vertices).astype(np.float32),
        np.concatenate(faces).astype(np.int32),
        np.array(vertex_start),
        np.array(face_start),
    )


def boxes(skeleton: Skeleton) -> Skeleton:
    """The same bones as boxes around them, for files that hold little."""
    corners = np.array([[n & 1, n >> 1 & 1, n >> 2] for n in range(8)])
    ends = {name: (points.min(axis=0), np.ptp(points, axis=0)) for name, points in skeleton.by_name().items()}
    return closed({name: [low + corners * size] for name, (low, size) in ends.items()})


def hull(points: Array) -> tuple[FloatArray, Array]:
    """Corners (V, 3) and triangles (F, 3), all turned outwards, of a convex hull."""
    found = ConvexHull(points)
    corners = points[found.vertices]
    place = np.full(len(points), -1)
    place[found.vertices] = np.arange(len(corners))
    faces = place[found.simplices]
    a, b, c = (corners[faces[:, n]] for n in range(3))
    inwards = np.einsum("ij,ij->i", np.cross(b - a, c - a), found.equations[:, :3]) < 0
    return corners, np.where(inwards[:, None], faces[:, [0, 2, 1]], faces)


def store(skeleton: Skeleton, path: Path, **changed: Array) -> Path:
    """Write a file as the library reads it, some of its arrays changed to others."""
    own = np.repeat(skeleton.vertex_start[:-1], np.diff(skeleton.face_start))
    arrays = {
        "names": np.array(skeleton.names),
        "vertices": skeleton.vertices,
        "faces": skeleton.faces - own[:, None],
        "vertex_start": skeleton.vertex_start,
        "face_start": skeleton.face_start,
    }
    np.savez(path, **(arrays | changed))
    return path


def is_closed(skeleton: Skeleton) -> bool:
    """Whether every edge of every face belongs to another one that runs the other way."""
    faces = skeleton.faces
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    there, back = (np.lexsort(edges[:, order].T) for order in ([0, 1], [1, 0]))
    return bool(np.array_equal(edges[there], edges[back][:, ::-1]))


def volumes(skeleton: Skeleton) -> Array:
    """Volume (bones,) in mm3, negative for what is turned inwards."""
    corners = skeleton.vertices.astype(float)[skeleton.faces]
    return np.bincount(skeleton.bone_of_face, np.linalg.det(corners) / 6.0, len(skeleton.names))


def _skull() -> dict[str, Parts]:
    return {"{Side}_parietal_bone": [ellipsoid((36.0, -10.0, 1590.0), (38.0, 75.0, 60.0), 60)]}


def _ribs() -> dict[str, Parts]:
    bones: dict[str, Parts] = {}
    for n, ordinal in enumerate(ORDINALS):
        level = disc_level(FIRST_THORACIC + n) + 12.0
        width, deep = 60.0 + 72.0 * np.sin(np.pi * min(n + 1, 9) / 18.0), 105.0 - 8.0 * max(n - 6, 0)
        angles = np.radians(np.linspace(-75.0, 75.0 if n < 10 else 20.0, 7))
        share = np.linspace(0.0, 1.0, 7)
        middle = (deep - 35.0) / 2.0
        arc = np.stack(
            [width * np.cos(angles), middle + (middle + 35.0) * np.sin(angles), level - 45.0 * share], axis=1
        )
        bones[f"{{Side}}_{ordinal.lower()}_rib"] = [rod(a, b, 4.0, 2) for a, b in pairwise(arc)]
        if n < 7:
            end = np.array([16.0, 100.0 + 3.0 * n, 1345.0 - 20.0 * n])
            bones[f"{{Side}}_{ordinal.lower()}_costal_cartilage"] = [rod(arc[-1], end, 4.0, 2)]
    return bones


def _hand() -> dict[str, Parts]:
    names = ("triquetral", "pisiform", "trapezium", "trapezoid", "capitate", "hamate")
    places = ((242.0, 0.0), (240.0, 12.0), (290.0, 2.0), (278.0, 0.0), (264.0, 0.0), (248.0, 0.0))
    bones: dict[str, Parts] = {
        f"{{Side}}_{name}": [ball((x, y, 812.0 if n < 2 else 798.0), 6.0, 20)]
        for n, (name, (x, y)) in enumerate(zip(names, places, strict=True))
    }
    tips = (705.0, 640.0, 635.0, 640.0, 655.0)
    for n, (finger, tip) in enumerate(zip(FINGERS, tips, strict=True)):
        x = (315.0, 297.0, 276.0, 255.0, 234.0)[n]
        knuckle = (775.0, 728.0, 726.0, 730.0, 735.0)[n]
        wrist = (295.0 if n == 0 else 262.0 + 0.5 * (x - 262.0), 0.0, 800.0 if n == 0 else 790.0)
        bones[f"{{Side}}_{ORDINALS[n].lower()}_metacarpal_bone"] = [rod(wrist, (x, 0.0, knuckle), 4.0, 3)]
        above = tip + (21.0 if n == 0 else 46.0)
        bones[f"Proximal_phalanx_of_{{side}}_{finger}"] = [
            rod((x, 0.0, knuckle - 1.0), (x, 0.0, above), 5.0, 3)
        ]
        if n > 0:
            bones[f"Middle_phalanx_of_{{side}}_{finger}"] = [
                rod((x, 0.0, tip + 45.0), (x, 0.0, tip + 21.0), 4.5, 3)
            ]
        bones[f"Distal_phalanx_of_{{side}}_{finger}"] = [rod((x, 0.0, tip + 20.0), (x, 0.0, tip), 4.0, 3)]
    return bones


def _foot() -> dict[str, Parts]:
    places = {
        "{Side}_medial_cuneiform_bone": (70.0, 48.0, 32.0),
        "{Side}_intermediate_cuneiform_bone": (82.0, 48.0, 38.0),
        "{Side}_lateral_cuneiform_bone": (94.0, 46.0, 34.0),
        "{Side}_cuboid_bone": (106.0, 22.0, 22.0),
        "Navicular_bone_of_{side}_foot": (78.0, 28.0, 42.0),
    }
    bones: dict[str, Parts] = {name: [ball(place, 8.0, 30)] for name, place in places.items()}
    bones["Sesamoid_bone_of_{side}_foot"] = [ball((72.0, 138.0, 3.0), 3.0, 20)]
    for n, toe in enumerate(TOES):
        x, head = 75.0 + 12.0 * n, (140.0, 138.0, 130.0, 118.0, 105.0)[n]
        base = (70.0 + 10.0 * n, (65.0, 60.0, 58.0, 48.0, 35.0)[n], (25.0, 34.0, 30.0, 22.0, 12.0)[n])
        if n not in (0, 4):
            bones[f"{{Side}}_{ORDINALS[n].lower()}_metatarsal_bone"] = [rod(base, (x, head, 9.0), 5.0, 3)]
        tip = (190.0, 185.0, 175.0, 163.0, 150.0)[n]
        ends = [head + 1.0, tip - 21.0, tip] if n == 0 else [head + 1.0, tip - 24.0, tip - 12.0, tip]
        parts = ("Proximal", "Distal") if n == 0 else ("Proximal", "Middle", "Distal")
        for part, start, end in zip(parts, ends[:-1], ends[1:], strict=True):
            bones[f"{part}_phalanx_of_{{side}}_{toe}"] = [rod((x, start, 5.0), (x, end - 1.0, 5.0), 4.0, 3)]
    return bones
