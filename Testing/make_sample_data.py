"""Make the samples that ship: ``python Testing/make_sample_data.py``.

It needs the extra ``synthesis``, and BodyParts3D for their bones (see ``landmark-detection skeleton``).
A generated CT and generated films of a head, a spine and a hand, of no patient, with their true landmarks and
thumbnails; the same command gives the same files. ``body``, ``head``, ``spine`` or ``hand`` behind it makes
only these.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.files import atomic_write, resource_path
from LandmarkDetectionLib.io.markups import write_landmarks
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.io.volumes import write_volume
from LandmarkDetectionLib.synthesis.body.phantom import make_phantom
from LandmarkDetectionLib.synthesis.hand.stream import HandFraming, HandStream
from LandmarkDetectionLib.synthesis.radiograph.head.stream import CephalogramStream
from LandmarkDetectionLib.synthesis.radiograph.spine.stream import SpineStream
from LandmarkDetectionLib.synthesis.radiograph.stream import RadiographBatch
from LandmarkDetectionLib.typing import Array

BODY = "synthetic-body-ct"
SEED = 8  # an adult, arms at the sides; the body of `landmark-detection demo`
SPACING_MM = 5.0
STEP_HU = 8  # noise is what does not compress
BODY_HU = -300

HEAD = "synthetic-cephalogram"
HEAD_SEED = 1_900_004  # of no training; an ear rod, a ruler, fillings
HEAD_SHAPE = (640, 544)


SPINE = "synthetic-spine"
SPINE_SEED = 1_900_002
SPINE_SHAPE = (768, 288)

HAND = "synthetic-hand"
HAND_SEED = 1_900_005  # fingers apart
HAND_SHAPE = (640, 480)
#: Attenuation per mm of soft tissue and of bone, and half the width of a bone's shaft in mm.
SOFT, BONE, SHAFT_MM = 0.012, 0.075, 3.6


def main(wanted: list[str]) -> None:
    """Write images, truths and thumbnails."""
    resource_path("SampleData").mkdir(exist_ok=True)
    makers = {"body": make_body, "head": make_head, "spine": make_spine, "hand": make_hand}
    for name in wanted or makers:
        makers[name]()


def make_head() -> None:
    """A lateral cephalogram."""
    stream = CephalogramStream(HEAD_SEED, 1, HEAD_SHAPE, variety=0.6, disturbance=0.35)
    _write_film(HEAD, stream.batch(0), load_protocol("cephalometric-19").names)


def make_spine() -> None:
    """An antero-posterior film of a whole spine; its landmarks are the corners of 17 vertebrae."""
    stream = SpineStream(SPINE_SEED, 1, SPINE_SHAPE, variety=0.8, disturbance=0.35)
    _write_film(SPINE, stream.batch(0), load_protocol("spine-68").names)


def make_hand() -> None:
    """A radiograph of a left hand: soft tissue of the body model, bones drawn between its joints.

    The bones are tapered tubes, denser at the rim, of which nothing is to be learned; the model of hands
    looks at the outline.
    """
    names = load_protocol("hand").names
    framing = HandFraming(shape=HAND_SHAPE, filled=0.92)
    batch = HandStream(names, HAND_SEED, 1, framing, disturbance=0.0).batch(0)
    view = batch.coronal
    size = round(float(view.spacing[0, 0]), 4)
    seen = view.field_of_view[0] & np.isfinite(view.front[0])
    tissue = np.where(seen, np.nan_to_num(view.back[0] - view.front[0]), 0.0)
    places = view.points[0, :, :2]
    through = SOFT * tissue + BONE * np.minimum(_bones(names, places, size), 0.8 * tissue)
    noise = np.random.default_rng(HAND_SEED).normal(0, 1.5, HAND_SHAPE)
    grey = 18 + 225 * (1 - np.exp(-through)) + noise
    picture = np.rint(np.clip(grey, 0, 255)).astype(np.uint8)
    _write_picture(HAND, picture, size, places, names)


def _bones(names: tuple[str, ...], places: Array, size: float) -> Array:
    """Millimetres of bone on every ray, (H, W): a tube from each joint of a finger to the next."""
    row, column = np.mgrid[: HAND_SHAPE[0], : HAND_SHAPE[1]]
    pixels = np.stack([column, row], axis=-1) * size
    thickness = np.zeros(HAND_SHAPE)
    for start, end in pairwise(names):
        if start.partition("_")[0] != end.partition("_")[0]:
            continue  # another finger begins
        first, last = (places[names.index(name)] * size for name in (start, end))
        axis = last - first
        length = float(np.linalg.norm(axis))
        along = ((pixels - first) @ axis) / length**2
        across = np.linalg.norm(pixels - first - along[..., None] * axis, axis=-1)
        # Wider at both ends, with a gap for the joint.
        half = SHAFT_MM * (0.75 + 0.9 * (2 * along - 1) ** 2) * min(1.0, length / 30)
        inside = (along * length > 1.0) & ((1 - along) * length > 1.0) & (across < half)
        tube = 2 * np.sqrt(np.maximum(half**2 - across**2, 0))
        marrow = 1.2 * np.sqrt(np.maximum((0.6 * half) ** 2 - across**2, 0))
        thickness = np.maximum(thickness, np.where(inside, tube - marrow, 0))
    return thickness


def _write_film(name: str, batch: RadiographBatch, names: tuple[str, ...]) -> None:
    picture = np.rint(batch.images[0] * 255).astype(np.uint8)
    _write_picture(name, picture, round(float(batch.pixel_mm[0]), 4), batch.points[0], names)


def _write_picture(name: str, picture: Array, size: float, points: Array, names: tuple[str, ...]) -> None:
    """Write a film, its truth and its thumbnail; ``points`` are columns and rows, ``size`` mm per pixel."""
    volume = Volume(picture[None], np.diag([-size, -size, 1.0, 1.0]), "DX")
    places = volume.ijk_to_ras_points(np.c_[points, np.zeros(len(points))])
    truth = LandmarkSet(tuple(Landmark(*one) for one in zip(names, places, strict=True)), name=name)
    folder = resource_path("SampleData")
    write_volume(volume, folder / f"{name}.nrrd")
    write_landmarks(truth, folder / f"{name}-truth.mrk.json")
    _write_framed(picture, folder / f"{name}.png")


def make_body() -> None:
    """A whole-body CT."""
    volume, truth = make_phantom(SEED, spacing_mm=SPACING_MM, bones=True)
    coarse = (np.rint(volume.voxels / STEP_HU) * STEP_HU).astype(np.int16)
    volume = replace(volume, voxels=coarse)
    folder = resource_path("SampleData")
    write_volume(volume, folder / f"{BODY}.nrrd")
    write_landmarks(truth, folder / f"{BODY}-truth.mrk.json")
    _write_framed(_seen_from_the_front(volume), folder / f"{BODY}.png")


def _seen_from_the_front(volume: Volume) -> Array:
    """Like a radiograph, (H, W) uint8."""
    # Mean over the rays of what is denser than air; voxels are (K, J, I) with K to the head, I to the left.
    density = np.maximum(volume.voxels.astype(np.float32) - BODY_HU, 0).mean(axis=1)[::-1]
    beside = np.quantile(density, 0.4)  # the table
    light = ((density - beside) / (np.quantile(density, 0.999) - beside)).clip(0, 1) ** 0.6
    return np.asarray((light * 255).astype(np.uint8))


def _write_framed(image: Array, path: Path) -> None:
    """A thumbnail of the size that the module Sample Data shows."""
    from PIL import Image

    picture = Image.fromarray(image)
    picture.thumbnail((240, 160), Image.Resampling.LANCZOS)
    framed = Image.new("L", (240, 160))
    framed.paste(picture, ((240 - picture.width) // 2, (160 - picture.height) // 2))
    with atomic_write(path) as temporary:
        framed.save(temporary, format="PNG")


if __name__ == "__main__":
    main(sys.argv[1:])
