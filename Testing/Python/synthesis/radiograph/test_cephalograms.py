"""Whole cephalograms of the real skeleton: landmarks lie where anatomy says, in every head."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.synthesis.radiograph.head.landmarks import LANDMARKS, landmarks
from LandmarkDetectionLib.synthesis.radiograph.head.parts import Head, make_head
from LandmarkDetectionLib.synthesis.radiograph.head.shapes import draw_shape, no_difference, shaped
from LandmarkDetectionLib.synthesis.radiograph.head.stream import CephalogramStream
from LandmarkDetectionLib.synthesis.radiograph.projection import Setup, turned_head
from LandmarkDetectionLib.synthesis.radiograph.sheet import write_cephalogram_sheet
from LandmarkDetectionLib.typing import Array
from Testing.examples.small_skeleton import small_skeleton

PIXEL = 0.5


def level(points: Array, head: Head) -> Setup:
    """A head that looks straight on, one pixel every half mm."""
    axis = points[head.marks["porion"]].mean(axis=0)
    return Setup(np.eye(3), axis, 1500.0, 150.0, PIXEL, np.array([150.0, 250.0]))


def marked(head: Head, points: Array, setup: Setup | None = None) -> dict[str, Array]:
    """Landmarks of a projected head, px."""
    seen = (setup or level(points, head)).projected(points)
    return dict(zip(LANDMARKS, landmarks(head, seen), strict=True))


def test_landmarks_have_the_order_and_names_of_the_protocol() -> None:
    assert load_protocol("cephalometric-19").names == LANDMARKS


def test_a_skeleton_without_a_skull_is_refused_in_one_sentence() -> None:
    with pytest.raises(InputError, match="a head needs all bones"):
        make_head(small_skeleton())


def test_the_skeletons_own_landmarks_are_those_of_an_adult(head: Head) -> None:
    at = marked(head, shaped(head, no_difference()))
    mm = {name: place * PIXEL / 1.1 for name, place in at.items()}  # magnification
    far = lambda a, b: float(np.linalg.norm(mm[a] - mm[b]))  # noqa: E731
    assert 58 < far("sella", "nasion") < 76  # a small man
    assert 40 < far("nasion", "anterior_nasal_spine") < 58
    assert 38 < far("anterior_nasal_spine", "posterior_nasal_spine") < 60
    assert 55 < far("gonion", "menton") < 78
    assert 1 < mm["upper_incisor"][0] - mm["lower_incisor"][0] < 5  # overjet
    assert 1 < mm["upper_incisor"][1] - mm["lower_incisor"][1] < 4  # overbite


def test_every_head_has_its_landmarks_in_anatomical_order(head: Head) -> None:
    for seed in range(15):
        at = marked(head, shaped(head, replace(draw_shape(np.random.default_rng(seed)), opening=0.0)))
        rows = [at[n][1] for n in ("nasion", "anterior_nasal_spine", "subspinale", "upper_incisor")]
        rows += [at[n][1] for n in ("supramentale", "pogonion", "menton")]
        assert rows == sorted(rows)
        assert at["sella"][0] < at["nasion"][0]
        assert at["articulare"][0] < at["gonion"][0] + 60
        assert at["gonion"][0] < at["menton"][0]
        assert at["pogonion"][0] >= at["gnathion"][0] - 3 > at["menton"][0] - 3
        for skin, bone in (("upper_lip", "upper_incisor"), ("soft_pogonion", "menton")):
            assert at[skin][0] > at[bone][0]


def test_a_turned_head_has_its_landmarks_turned_with_it(head: Head) -> None:
    """Pitch is a rotation of the picture about the ear rods, up to perspective."""
    points = shaped(head, no_difference())
    setup = level(points, head)
    pitch = 0.1
    turned = marked(head, points, replace(setup, turn=turned_head(0.0, 0.0, pitch)))
    plain = marked(head, points, setup)
    c, s = np.cos(pitch), np.sin(pitch)
    for name in LANDMARKS:
        x, y = plain[name] - setup.centre
        expected = setup.centre + np.array([c * x + s * y, -s * x + c * y])
        assert np.linalg.norm(turned[name] - expected) < 2.0, name


def test_an_open_mouth_moves_the_lower_jaw_and_nothing_else(head: Head) -> None:
    closed, opened = (
        marked(head, shaped(head, replace(no_difference(), opening=angle))) for angle in (0.0, 0.15)
    )
    for name in ("menton", "pogonion", "lower_incisor", "lower_lip", "soft_pogonion"):
        assert opened[name][1] > closed[name][1] + 8, name
    for name in ("sella", "nasion", "upper_incisor", "anterior_nasal_spine", "orbitale", "upper_lip"):
        assert np.linalg.norm(opened[name] - closed[name]) < 0.5, name


def test_what_is_nearer_to_the_source_is_shown_larger(head: Head) -> None:
    setup = level(head.points, head)
    points = np.array([[70.0, 50, 0], [-70.0, 50, 0]], np.float32) + setup.axis.astype(np.float32)
    near, far = setup.projected(points)
    assert near[2] < far[2]
    ratio = (near[0] - setup.centre[0]) / (far[0] - setup.centre[0])
    assert ratio == pytest.approx((1500 + 70) / (1500 - 70), rel=1e-4)


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(real_skeleton: Path) -> None:
    def drawn(seed: int, number: int) -> Array:
        return CephalogramStream(seed, 2, (160, 136), path=str(real_skeleton)).batch(number).images

    assert drawn(3, 5).tobytes() == drawn(3, 5).tobytes()
    assert drawn(3, 5).tobytes() != drawn(4, 5).tobytes()
    assert drawn(3, 5).tobytes() != drawn(3, 6).tobytes()


def test_pictures_hold_their_landmarks_nearly_always(real_skeleton: Path) -> None:
    batch = CephalogramStream(1, 24, (160, 136), path=str(real_skeleton)).batch(0)
    assert batch.images.shape == (24, 160, 136) and batch.points.shape == (24, 19, 2)
    assert np.isfinite(batch.points).all() and np.isfinite(batch.images).all()
    assert batch.present.mean() > 0.95
    assert batch.images.min() >= 0 and batch.images.max() <= 1


def test_skin_is_between_bone_and_air(real_skeleton: Path) -> None:
    """In front of the lips a clean film is dark; behind the incisors it is bright."""
    stream = CephalogramStream(2, 12, (320, 272), disturbance=0.0, path=str(real_skeleton))
    batch = stream.batch(0)
    brighter = []
    for image, points in zip(batch.images, batch.points, strict=True):
        at = dict(zip(LANDMARKS, points, strict=True))
        column, row = at["lower_lip"]
        if column + 12 >= image.shape[1]:
            continue
        tooth = at["lower_incisor"] + (-4, 4)
        outside, inside = image[int(row), int(column) + 10], image[int(tooth[1]), int(tooth[0])]
        brighter.append(inside - outside > 0.08)
    assert len(brighter) > 6 and np.mean(brighter) > 0.9


def test_a_sheet_is_written(real_skeleton: Path, tmp_path: Path) -> None:
    from PIL import Image

    write_cephalogram_sheet(tmp_path / "sheet.png", count=2, columns=2, skeleton=str(real_skeleton))
    assert Image.open(tmp_path / "sheet.png").width > 600
