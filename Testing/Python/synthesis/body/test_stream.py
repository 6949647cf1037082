"""The stream of synthetic scans: reproducible, and consistent between landmarks, views and scanned box."""

import hashlib
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("anny", reason="synthetic bodies need anny")

from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.imaging.view import ViewGeometry
from LandmarkDetectionLib.synthesis.batches import ViewBatch, to_view
from LandmarkDetectionLib.synthesis.body.scanner import FIELDS_OF_VIEW, FieldOfView
from LandmarkDetectionLib.synthesis.body.stream import UNIT_SIZE, Batch, BodyStream, Framing

NAMES = ("head_top", "shoulder_right", "shoulder_left", "knee_right", "knee_left")
SMALL = Framing(coronal=(96, 48), lateral=(96, 32), pixel_mm=24.0, jitter_px=2.0)
TINY = BodyStream(NAMES, seed=42, batch_size=4, framing=SMALL)


def digest(batch: Batch) -> str:
    """One number for every byte of a batch."""
    total = hashlib.sha256()

    def add(value: object) -> None:
        if isinstance(value, np.ndarray):
            total.update(str((value.dtype, value.shape)).encode() + np.ascontiguousarray(value).tobytes())
        elif value is not None:  # bones that nobody asked for
            for field in fields(value):  # type: ignore[arg-type]
                add(getattr(value, field.name))

    add(batch)
    return total.hexdigest()


@pytest.fixture(scope="module")
def clean(whole_body: Protocol) -> Batch:
    """Whole bodies as they are, at the scale of the shipped model."""
    return BodyStream(
        tuple(whole_body.names), seed=5, batch_size=24, whole_body_only=True, disturbance=0.0
    ).batch(0)


@pytest.fixture(scope="module")
def many() -> list[Batch]:
    """Enough scans for every kind to occur."""
    return [replace(TINY, batch_size=64, seed=9).batch(n) for n in range(4)]


def views(batch: Batch) -> tuple[tuple[bool, ViewBatch], ...]:
    return (False, batch.coronal), (True, batch.lateral)


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert digest(TINY.batch(3)) == digest(TINY.batch(3))


def test_the_same_seed_gives_the_same_bytes_in_another_process(repository: Path) -> None:
    script = (
        "import sys; sys.path[:0] = ['.', sys.argv[1]]\n"
        "import test_stream as t\n"
        "print(t.digest(t.TINY.batch(3)))\n"
    )
    folder = str(Path(__file__).parent)
    answer = subprocess.run(
        [sys.executable, "-c", script, folder], cwd=repository, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == digest(TINY.batch(3))


def test_a_batch_does_not_depend_on_what_was_drawn_before() -> None:
    stream = TINY.batches(0)
    in_order = [digest(next(stream)) for _ in range(3)]
    np.random.random(17)
    assert digest(TINY.batch(2)) == in_order[2]
    assert digest(next(TINY.batches(2))) == in_order[2]
    assert digest(next(iter(TINY))) == in_order[0]


def test_other_seeds_and_numbers_give_other_bodies() -> None:
    batches = [TINY.batch(0), TINY.batch(1), replace(TINY, seed=43).batch(0)]
    assert len({digest(batch) for batch in batches}) == 3


def test_fewer_landmarks_change_nothing_else() -> None:
    one, all_of_them = replace(TINY, names=("knee_left",)).batch(0), TINY.batch(0)
    np.testing.assert_array_equal(one.coronal.front, all_of_them.coronal.front)
    np.testing.assert_array_equal(one.landmarks[:, 0], all_of_them.landmarks[:, NAMES.index("knee_left")])


def test_shapes_and_types_are_what_the_network_takes(clean: Batch, whole_body: Protocol) -> None:
    assert clean.coronal.front.shape == (24, 256, 96)
    assert clean.lateral.front.shape == (24, 256, 64)
    for _, view in views(clean):
        assert view.front.dtype == view.back.dtype == view.points.dtype == np.float32
        assert view.field_of_view.dtype == bool
    assert clean.visible.shape == clean.landmarks.shape[:2] == (24, len(whole_body.names))


@pytest.mark.parametrize("lateral", [False, True])
def test_views_use_the_axes_of_the_projection(lateral: bool) -> None:
    """What ``to_view`` computes for a batch is what ``ViewGeometry`` computes for a scan."""
    axes = ([0, -1, 0], [0, 0, -1], [1, 0, 0]) if lateral else ([-1, 0, 0], [0, 0, -1], [0, -1, 0])
    geometry = ViewGeometry(np.zeros(3), *(np.array(axis, float) for axis in axes), (1.0, 1.0), (8, 8))
    points = np.random.default_rng(0).normal(0, 300, (50, 3))
    np.testing.assert_allclose(to_view(points, lateral), geometry.from_ras(points), atol=1e-9)


def test_landmark_pixels_lead_back_to_the_landmarks(clean: Batch) -> None:
    for lateral, view in views(clean):
        marks = view.points.astype(float)
        marks[..., :2] = marks[..., :2] * view.spacing[:, None] + view.origin[:, None]
        np.testing.assert_allclose(marks, to_view(clean.landmarks, lateral), atol=0.01)


def test_both_views_share_rows_and_meet_in_space(clean: Batch) -> None:
    np.testing.assert_allclose(clean.coronal.points[..., 1], clean.lateral.points[..., 1], atol=1e-3)
    # The depth in one view is the column of the other.
    column = (
        clean.lateral.points[..., 0] * clean.lateral.spacing[:, None, 0] + clean.lateral.origin[:, None, 0]
    )
    np.testing.assert_allclose(column, clean.coronal.points[..., 2], atol=0.05)


def test_visible_landmarks_lie_between_the_surfaces_at_their_pixel(
    clean: Batch, whole_body: Protocol
) -> None:
    # Fingertips, toes and the vertex lie at the outline, where a pixel of 8 mm may show what is beside them.
    outline = np.array(
        [name.startswith(("head", "thumb", "mid", "little", "big")) for name in whole_body.names]
    )
    for _, view in views(clean):
        column, row = (np.rint(view.points[..., n]).astype(int) for n in range(2))
        column, row = column.clip(0, view.front.shape[2] - 1), row.clip(0, view.front.shape[1] - 1)
        body = np.arange(len(row))[:, None]
        front, back = view.front[body, row, column], view.back[body, row, column]
        depth = view.points[..., 2]
        between = (front - 8 <= depth) & (depth <= back + 8)
        assert between[clean.visible & ~outline].mean() > 0.985
        assert between[clean.visible & outline & np.isfinite(front)].mean() > 0.75


def test_visible_means_inside_the_scanned_box(many: list[Batch]) -> None:
    for batch in many:
        box = batch.field_of_view
        inside = (batch.landmarks >= box.low[:, None]) & (batch.landmarks <= box.high[:, None])
        np.testing.assert_array_equal(batch.visible, inside.all(axis=2))


def test_a_visible_landmark_lies_in_the_image_and_in_its_field_of_view(many: list[Batch]) -> None:
    for batch in many:
        for _, view in views(batch):
            rows, columns = view.front.shape[1:]
            column, row = view.points[..., 0], view.points[..., 1]
            in_image = (column >= -0.51) & (column <= columns - 0.49) & (row >= -0.51) & (row <= rows - 0.49)
            assert in_image[batch.visible].all()
            nearest = (
                np.rint(column).clip(0, columns - 1).astype(int),
                np.rint(row).clip(0, rows - 1).astype(int),
            )
            scanned = view.field_of_view[np.arange(len(column))[:, None], nearest[1], nearest[0]]
            # A pixel whose centre lies outside the box may still hold a landmark inside it.
            assert scanned[batch.visible].mean() > 0.93


def test_nothing_is_drawn_outside_the_field_of_view(many: list[Batch]) -> None:
    for batch in many:
        for _, view in views(batch):
            assert np.isnan(view.front[~view.field_of_view]).all()
            assert np.array_equal(np.isnan(view.front), np.isnan(view.back))
            assert (view.back >= view.front)[~np.isnan(view.front)].all()


def test_every_field_of_view_occurs(many: list[Batch]) -> None:
    kinds = np.concatenate([batch.field_of_view.kind for batch in many])
    assert set(kinds.tolist()) == set(range(len(FIELDS_OF_VIEW)))
    assert 0.3 < (kinds == 0).mean() < 0.5
    share = np.concatenate([batch.visible for batch in many]).mean()
    assert 0.3 < share < 0.8


def test_scans_of_a_part_show_that_part(many: list[Batch]) -> None:
    names = [row[0] for row in FIELDS_OF_VIEW]
    seen = {name: [] for name in names}
    for batch in many:
        for n, kind in enumerate(batch.field_of_view.kind):
            seen[names[kind]].append(batch.visible[n])
    head, knee = NAMES.index("head_top"), NAMES.index("knee_right")
    for part in ("head", "head and neck"):
        assert np.array(seen[part])[:, head].mean() > 0.4
        assert not np.array(seen[part])[:, knee].any()
    assert np.array(seen["legs"])[:, knee].mean() > 0.5
    assert not np.array(seen["legs"])[:, head].any()


def test_whole_bodies_are_whole(clean: Batch) -> None:
    assert set(clean.field_of_view.kind.tolist()) == {0}
    longest = clean.landmarks[..., 2].max(axis=1) - clean.landmarks[..., 2].min(axis=1)
    assert clean.visible[longest < 1900].mean() > 0.99


def test_without_disturbance_outlines_are_smooth_and_depths_exact(clean: Batch) -> None:
    from scipy.ndimage import label

    for _, view in views(clean):
        for silhouette in ~np.isnan(view.front):
            _, parts = label(silhouette, np.ones((3, 3)))
            assert parts <= 6  # single fingertips may lie apart
    again = BodyStream(("knee_left",), seed=5, batch_size=24, whole_body_only=True, disturbance=1.0).batch(0)
    both = ~np.isnan(again.coronal.front) & ~np.isnan(clean.coronal.front)
    difference = np.abs(again.coronal.front - clean.coronal.front)[both]
    assert np.median(difference) > 0.3
    changed = (np.isnan(again.coronal.front) != np.isnan(clean.coronal.front)).mean(axis=(1, 2))
    assert (changed > 0.002).mean() > 0.3
    assert np.median(changed) < 0.05


def test_disturbance_moves_no_landmark() -> None:
    for strength in (0.0, 0.5, 1.0):
        batch = replace(TINY, disturbance=strength).batch(1)
        np.testing.assert_array_equal(batch.coronal.points, TINY.batch(1).coronal.points)


def test_unit_size_bodies_touch_the_borders() -> None:
    batch = BodyStream(
        NAMES, seed=1, batch_size=12, framing=UNIT_SIZE, whole_body_only=True, disturbance=0.0
    ).batch(0)
    for _, view in views(batch):
        assert view.front.shape[1:] == (160, 76)
        silhouette = ~np.isnan(view.front)
        rows, columns = silhouette.any(axis=2), silhouette.any(axis=1)
        margin = np.stack(
            [rows.argmax(1), rows[:, ::-1].argmax(1), columns.argmax(1), columns[:, ::-1].argmax(1)]
        )
        assert margin.max() <= 3
        assert margin.mean() < 1


def test_true_scale_pixels_are_square_and_of_the_size_asked_for(many: list[Batch]) -> None:
    for batch in many:
        for _, view in views(batch):
            assert (view.spacing == 24.0).all()


def test_a_box_contains_its_corners() -> None:
    box = FieldOfView(np.zeros((1, 3), np.float32), np.full((1, 3), 10, np.float32), np.zeros(1, int))
    points = np.array([[[0, 0, 0], [10, 10, 10], [5, 5, 10.01]]])
    assert box.contains(points).tolist() == [[True, True, False]]
