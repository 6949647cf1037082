"""Hands on the network's canvas, and what is read off the network."""

import numpy as np
import pytest
import torch

from LandmarkDetectionLib.detectors.estimates import LENGTH_OF_PATCH
from LandmarkDetectionLib.detectors.hand_network import estimate_hands, hand_patch
from LandmarkDetectionLib.errors import NoBodyError
from LandmarkDetectionLib.imaging.view import View, ViewGeometry
from LandmarkDetectionLib.networks.silhouette_unet import STRIDE, Heatmaps

SHAPE = (160, 128)


def view_of(silhouette: np.ndarray, spacing: float = 0.5, depth: float = 0.0) -> View:
    """A view of something flat in the coronal axes."""
    axes = (np.array(axis, float) for axis in ([-1, 0, 0], [0, 0, -1], [0, -1, 0]))
    geometry = ViewGeometry(np.array([40.0, 0, 90]), *axes, (spacing, spacing), silhouette.shape)
    surface = np.where(silhouette, np.float32(depth), np.float32(np.nan))
    exposed = np.ones_like(silhouette)
    return View(silhouette, surface, surface, silhouette.astype(np.float32), exposed, geometry)


def block(rows: slice, columns: slice, shape: tuple[int, int] = (400, 300)) -> np.ndarray:
    silhouette = np.zeros(shape, bool)
    silhouette[rows, columns] = True
    return silhouette


def peak(image: torch.Tensor, cells: list[tuple[int, int]], absent: list[float]) -> Heatmaps:
    """Heatmaps that are sure of cells (row, column), with depth 1 deviation behind the mean everywhere."""
    count, (rows, columns) = len(image), (n // STRIDE for n in image.shape[2:])
    logits = torch.full((count, len(cells), rows, columns), -30.0)
    for n, (row, column) in enumerate(cells):
        logits[:, n, row, column] = 10.0
    depth = torch.ones_like(logits)
    return Heatmaps(logits, torch.tensor(absent).expand(count, -1), depth, torch.zeros_like(logits))


class Sure(torch.nn.Module):
    """A network that says what it is told to."""

    def __init__(self, cells: list[tuple[int, int]], absent: list[float]) -> None:
        super().__init__()
        self.cells, self.absent = cells, absent
        self.somewhere = torch.nn.Parameter(torch.zeros(1))

    def forward(self, image: torch.Tensor) -> Heatmaps:
        return peak(image, self.cells, self.absent)


@pytest.mark.parametrize(
    ("rows", "columns", "limits"),
    [(slice(20, 380), slice(100, 200), 0), (slice(180, 240), slice(10, 290), 1)],
)
def test_a_hand_fills_the_canvas_in_the_direction_that_limits_it(
    rows: slice, columns: slice, limits: int
) -> None:
    canvas = hand_patch(view_of(block(rows, columns)), SHAPE, 0.9)
    row, column, extent = canvas.object_window()
    assert canvas.silhouette.shape == SHAPE
    assert extent[limits] == pytest.approx(0.9 * SHAPE[limits], abs=1.5)
    for first, length, size in zip((row, column), extent, SHAPE, strict=True):
        assert first + length / 2 == pytest.approx(size / 2, abs=1)
    assert canvas.geometry.spacing[0] == pytest.approx(canvas.geometry.spacing[1], rel=0.01)


def test_the_canvas_lies_where_the_hand_was() -> None:
    view = view_of(block(slice(50, 250), slice(60, 160)))
    canvas = hand_patch(view, SHAPE, 0.9)
    for one in (view, canvas):
        row, column, (_, width) = one.object_window()
        corner = one.geometry.to_ras(np.array([[column - 0.5, row - 0.5, 0], [column + width - 0.5, row, 0]]))
        np.testing.assert_allclose(corner[:, 0], [40.25 - 30, 40.25 - 80], atol=1)


def test_air_around_a_hand_says_nothing() -> None:
    near = view_of(block(slice(5, 205), slice(4, 104), (210, 108)))
    far = view_of(block(slice(105, 305), slice(100, 200)))
    for view in (near, far):
        assert hand_patch(view, SHAPE, 0.9).field_of_view.all()


def test_what_lies_beyond_a_cut_is_not_pictured() -> None:
    cut = view_of(block(slice(150, 400), slice(100, 200)))
    canvas = hand_patch(cut, SHAPE, 0.9)
    row, _, (height, _) = canvas.object_window()
    assert not canvas.field_of_view[row + height + 1 :].any()
    assert canvas.field_of_view[: row + height - 1].all()


def test_nothing_has_no_canvas() -> None:
    with pytest.raises(NoBodyError):
        hand_patch(view_of(np.zeros((50, 50), bool)), SHAPE, 0.9)


def test_positions_length_and_nearness_are_read_in_pixels() -> None:
    canvas = hand_patch(view_of(block(slice(50, 250), slice(60, 160))), SHAPE, 0.9)
    network = Sure([(60, 30), (10, 30)], [-30.0, -30.0])
    found = estimate_hands(
        network, canvas.front[None], canvas.back[None], canvas.field_of_view[None], (0, 1), 0.05
    )
    np.testing.assert_allclose(found.position[0], [[60.5, 120.5], [60.5, 20.5]], atol=0.01)
    np.testing.assert_allclose(found.present, 1, atol=1e-6)
    np.testing.assert_allclose(found.near, 1, atol=1e-6)
    assert found.length[0] == pytest.approx(100, abs=0.01)


def test_depths_are_read_in_millimetres() -> None:
    silhouette = block(slice(50, 250), slice(60, 160))
    view = view_of(silhouette)
    slope = np.where(silhouette, np.arange(400)[:, None] * 0.2, np.nan).astype(np.float32)
    found = estimate_hands(
        Sure([(60, 30), (10, 30)], [-30.0, -30.0]),
        *(a[None, :160, :128] for a in (slope[50:], slope[50:] + 10, view.field_of_view)),
        (0, 1),
        0.05,
    )
    seen = slope[50:210, :128]
    assert found.mean[0] == pytest.approx(np.nanmean(seen), rel=1e-4)
    np.testing.assert_allclose(found.depth[0], np.nanmean(seen) + np.nanstd(seen), rtol=1e-3)


def test_a_hand_whose_wrist_is_cut_off_is_taken_to_be_of_usual_length() -> None:
    canvas = hand_patch(view_of(block(slice(50, 250), slice(60, 160))), SHAPE, 0.9)
    network = Sure([(60, 30), (10, 30)], [60.0, -30.0])
    found = estimate_hands(
        network, canvas.front[None], canvas.back[None], canvas.field_of_view[None], (0, 1), 0.05
    )
    assert found.present[0, 0] < 1e-6
    assert found.length[0] == pytest.approx(LENGTH_OF_PATCH * 160)
