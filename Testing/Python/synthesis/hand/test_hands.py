"""Synthetic hands: reproducible, consistent with their pictures, and shaped like hands."""

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

pytest.importorskip("anny", reason="synthetic hands need anny")

from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.synthesis.batches import to_view
from LandmarkDetectionLib.synthesis.body.model import PHENOTYPES
from LandmarkDetectionLib.synthesis.hand.model import FINGERS, FINGERTIPS, SEGMENTS_MM, load_hand_model
from LandmarkDetectionLib.synthesis.hand.population import draw_hands
from LandmarkDetectionLib.synthesis.hand.reference import draw_hand_reference
from LandmarkDetectionLib.synthesis.hand.stream import HAND_UNIT_SIZE, HandBatch, HandFraming, HandStream

NAMES = tuple(load_protocol("hand").names)
TINY = HandStream(NAMES, seed=42, batch_size=4, framing=HandFraming(shape=(64, 48)))


def digest(batch: HandBatch) -> str:
    """One number for every byte of a batch."""
    view = batch.coronal
    arrays = (view.front, view.back, view.field_of_view, view.points, batch.visible, batch.landmarks)
    return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()


@pytest.fixture(scope="module")
def clean() -> HandBatch:
    """Hands as they are, only their forearm cut."""
    return HandStream(NAMES, seed=5, batch_size=64, disturbance=0.0).batch(0)


@pytest.fixture(scope="module")
def disturbed() -> HandBatch:
    return HandStream(NAMES, seed=6, batch_size=192).batch(0)


def drawn() -> HandBatch:
    return TINY.batch(3)


def column(name: str) -> int:
    return NAMES.index(name)


def finger_parts(finger: str) -> list[int]:
    """Landmarks of a finger from the palm to its tip."""
    return [n for n, name in enumerate(NAMES) if name.startswith(f"{finger}_")]


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert digest(drawn()) == digest(drawn())


def test_the_same_seed_gives_the_same_bytes_in_another_process(repository: Path) -> None:
    script = "import sys; sys.path[:0] = ['.', sys.argv[1]]; from test_hands import *; print(digest(drawn()))"
    folder = str(Path(__file__).parent)
    answer = subprocess.run(
        [sys.executable, "-c", script, folder], cwd=repository, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == digest(drawn())


def test_a_batch_does_not_depend_on_what_was_drawn_before() -> None:
    stream = TINY.batches(0)
    in_order = [digest(next(stream)) for _ in range(3)]
    np.random.random(17)
    assert digest(TINY.batch(2)) == in_order[2]
    assert digest(next(iter(TINY))) == in_order[0]


def test_other_seeds_and_numbers_give_other_hands() -> None:
    assert len({digest(b) for b in (TINY.batch(0), TINY.batch(1), replace(TINY, seed=43).batch(0))}) == 3


def test_fewer_landmarks_change_nothing_else() -> None:
    five, every = replace(TINY, names=FINGERTIPS).batch(0), TINY.batch(0)
    np.testing.assert_array_equal(five.coronal.front, every.coronal.front)
    np.testing.assert_array_equal(
        five.coronal.points, every.coronal.points[:, [column(name) for name in FINGERTIPS]]
    )


def test_right_hands_are_the_mirror_images_of_left_ones() -> None:
    left, right = TINY.batch(1), replace(TINY, side="right").batch(1)
    np.testing.assert_array_equal(right.coronal.front, left.coronal.front[:, :, ::-1])
    np.testing.assert_array_equal(right.coronal.field_of_view, left.coronal.field_of_view[:, :, ::-1])
    np.testing.assert_allclose(right.coronal.points[..., 0], 47 - left.coronal.points[..., 0], atol=1e-4)
    np.testing.assert_array_equal(right.coronal.points[..., 1:], left.coronal.points[..., 1:])
    np.testing.assert_array_equal(right.landmarks[..., 0], -left.landmarks[..., 0])


@pytest.mark.parametrize("side", ["left", "right"])
def test_landmark_pixels_lead_back_to_the_landmarks(side: str) -> None:
    batch = replace(TINY, side=side).batch(2)
    marks = batch.coronal.points.astype(float)
    marks[..., :2] = marks[..., :2] * batch.coronal.spacing[:, None] + batch.coronal.origin[:, None]
    np.testing.assert_allclose(marks, to_view(batch.landmarks, lateral=False), atol=0.01)


def test_landmarks_lie_inside_the_silhouette_and_between_its_surfaces(clean: HandBatch) -> None:
    view = clean.coronal
    pixel = np.rint(view.points[..., :2]).astype(int)
    hand = np.arange(len(pixel))[:, None]
    pixel = np.clip(pixel, 0, np.array(view.front.shape[:0:-1]) - 1)
    front, back = (image[hand, pixel[..., 1], pixel[..., 0]] for image in (view.front, view.back))
    inside = np.isfinite(front)[clean.visible]
    assert inside.mean() > 0.995
    depth = view.points[..., 2]
    between = (depth > front - 1) & (depth < back + 1)
    assert between[clean.visible & np.isfinite(front)].mean() > 0.98


def test_fingertips_lie_inside_the_skin_by_a_few_millimetres() -> None:
    model = load_hand_model()
    hands = draw_hands(model, 64, np.random.default_rng(3))
    skin = hands.points[:, len(model.surface.bones) :]
    bone = model.landmarks(hands.points)[:, [model.names.index(name) for name in FINGERTIPS]]
    adult = hands.phenotype[:, PHENOTYPES.index("age")] > 0.65
    distance = np.linalg.norm(skin - bone, axis=2)[adult].mean(axis=0)
    published = np.array([SEGMENTS_MM[finger][-1] for finger in FINGERS])
    np.testing.assert_allclose(distance, published, rtol=0.25)


@pytest.mark.parametrize("finger", FINGERS)
def test_joints_follow_each_other_along_straight_fingers(clean: HandBatch, finger: str) -> None:
    chain = clean.landmarks[clean.flat][:, finger_parts(finger)].astype(float)
    steps = np.diff(chain, axis=1)
    lengths = np.linalg.norm(steps, axis=2)
    assert (lengths > 3).all()
    turn = (steps[:, 1:] * steps[:, :-1]).sum(2) / (lengths[:, 1:] * lengths[:, :-1])
    assert (turn > 0.5).all(), "no joint of a flat hand bends by more than 60 degrees"


def test_a_flat_left_hand_has_its_thumb_at_the_right_and_its_fingers_in_order(clean: HandBatch) -> None:
    knuckles = clean.coronal.points[clean.flat][:, [column(f"{finger}_mcp") for finger in FINGERS]]
    assert (np.diff(knuckles[:, ::-1, 0], axis=1) > 0).all()
    middle, wrist = (clean.coronal.points[clean.flat][:, column(n), 1] for n in ("middle_tip", "wrist"))
    assert (middle < wrist).all()


def test_children_have_smaller_hands(clean: HandBatch) -> None:
    hands = [HandStream(NAMES, 11, 64, HandFraming(shape=(32, 32)), 0.0).batch(n) for n in range(4)]
    age = np.concatenate([b.phenotype[:, PHENOTYPES.index("age")] for b in hands])
    line = np.concatenate([b.landmarks[:, [column("wrist"), column("middle_tip")]] for b in hands])
    flat = np.concatenate([b.flat for b in hands])
    length = np.linalg.norm(line[:, 1] - line[:, 0], axis=1)
    small, child, adult = (
        np.median(length[flat & (age > low) & (age < high)])
        for low, high in ((0, 0.25), (0.25, 0.5), (0.65, 1))
    )
    assert small < 0.8 * adult
    assert small < child < 0.9 * adult
    assert 165 < adult < 225


def test_the_forearm_is_cut_anywhere_below_the_wrist(clean: HandBatch) -> None:
    view = clean.coronal
    rows = np.arange(view.front.shape[1])[None]
    last = np.where(np.isfinite(view.front).any(axis=2), rows, -1).max(axis=1)
    beyond = (last - view.points[:, column("wrist"), 1]) * view.spacing[:, 1] / clean.hand_length
    assert (beyond > 0).all(), "without disturbances the wrist is always seen"
    assert beyond.min() < 0.15
    assert beyond.max() > 0.4


def test_what_is_cut_off_is_not_visible(disturbed: HandBatch) -> None:
    view = disturbed.coronal
    share = disturbed.visible.mean()
    assert 0.9 < share < 1
    points = view.points[disturbed.visible]
    assert (points[:, :2] > -0.5).all()
    assert (points[:, 0] < view.front.shape[2] - 0.5).all()


def test_the_paper_s_framing_fills_the_picture_in_both_directions() -> None:
    view = HandStream(NAMES, 3, 32, HAND_UNIT_SIZE, disturbance=0.0).batch(0).coronal
    hand = np.isfinite(view.front)
    for axis in (1, 2):
        rows = hand.any(axis=axis)
        assert (rows[:, :2].any(axis=1) & rows[:, -2:].any(axis=1)).all()


def test_true_scale_keeps_every_hand_s_own_size() -> None:
    batch = HandStream(NAMES, 3, 8, HandFraming((128, 128), "true scale", pixel_mm=3.0)).batch(0)
    np.testing.assert_array_equal(batch.coronal.spacing, np.full((8, 2), 3.0, np.float32))


@settings(max_examples=12, deadline=None)
@given(rows=st.integers(16, 200), columns=st.integers(16, 200), fit=st.sampled_from(["stretched", "inside"]))
def test_any_size_of_picture_holds_the_whole_hand(rows: int, columns: int, fit: str) -> None:
    framing = HandFraming((rows, columns), fit)  # type: ignore[arg-type]
    batch = HandStream(NAMES, 8, 3, framing, disturbance=0.0).batch(0)
    assert batch.coronal.front.shape == (3, rows, columns)
    assert batch.visible.all()
    assert np.isfinite(batch.coronal.front).any(axis=(1, 2)).all()


def test_a_clean_hand_is_one_piece_and_a_disturbed_one_may_not_be(
    clean: HandBatch, disturbed: HandBatch
) -> None:
    def pieces(batch: HandBatch) -> np.ndarray:
        return np.array([ndimage.label(np.isfinite(front))[1] for front in batch.coronal.front])

    assert (pieces(clean) == 1).mean() > 0.9
    assert (pieces(disturbed) > 1).any()


def test_disturbances_change_outlines_but_not_landmarks() -> None:
    """The same hands from the same cuts: only the picture differs."""
    weak, strong = (HandStream(NAMES, 4, 32, disturbance=s).batch(0) for s in (1e-9, 1.0))
    np.testing.assert_array_equal(weak.landmarks, strong.landmarks)
    same = np.all(np.abs(weak.coronal.origin - strong.coronal.origin) < 1e-3, axis=1)
    differs = np.isfinite(weak.coronal.front) != np.isfinite(strong.coronal.front)
    assert 0.3 < differs.any(axis=(1, 2))[same].mean()


def test_the_reference_picture_shows_every_landmark_on_the_hand() -> None:
    reference = draw_hand_reference(load_protocol("hand"))
    assert reference is not None
    assert set(reference.landmarks) == set(NAMES)
    width, height = reference.size
    assert all(0 < x < width and 0 < y < height for x, y in reference.landmarks.values())


def test_depth_maps_are_normalised_as_the_paper_does(clean: HandBatch) -> None:
    depth = clean.normalised_depth()
    assert (depth[~clean.silhouettes] == 3).all()
    for one, hand in zip(depth, clean.silhouettes, strict=True):
        assert abs(one[hand].mean()) < 1e-3
        assert one[hand].std() <= 1 + 1e-3
