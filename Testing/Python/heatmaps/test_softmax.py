"""Heatmaps as distributions: targets, the loss, and how exactly positions are read off them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from LandmarkDetectionLib.heatmaps import softmax
from LandmarkDetectionLib.training.synthetic.tasks import TARGET_SIGMA

ROWS, COLUMNS, STRIDE = 40, 24, 2.0
INNER = 8.0  # pixels from the border, beyond which it plays no part


def rendered(points: Tensor) -> Tensor:
    """Target distributions (B, L, h, w) of the training's width."""
    along_rows, along_columns = softmax.gaussian_targets(points, ROWS, COLUMNS, STRIDE, TARGET_SIGMA)
    return along_rows[..., :, None] * along_columns[..., None, :]


def point(column: float, row: float) -> Tensor:
    return torch.tensor([[[column, row]]])


inner_columns = st.floats(INNER, COLUMNS * STRIDE - INNER, width=32)
inner_rows = st.floats(INNER, ROWS * STRIDE - INNER, width=32)


@given(st.floats(-5, COLUMNS * STRIDE + 5), st.floats(-5, ROWS * STRIDE + 5))
def test_targets_sum_to_one_even_outside_the_image(column: float, row: float) -> None:
    assert rendered(point(column, row)).sum().item() == pytest.approx(1, abs=1e-5)


@given(inner_columns, inner_rows)
def test_a_rendered_position_is_read_off_within_a_thousandth_of_a_pixel(column: float, row: float) -> None:
    decoded = softmax.decode(rendered(point(column, row)), STRIDE)
    assert decoded.position[0, 0].tolist() == pytest.approx([column, row], abs=1e-3)


@pytest.mark.parametrize(
    ("from_border", "most"), [(8.0, 0.002), (4.0, 0.01), (3.0, 0.05), (2.0, 0.2), (1.0, 0.5), (0.0, 1.1)]
)
def test_near_the_border_positions_are_pulled_inwards_by_at_most(from_border: float, most: float) -> None:
    """A Gaussian cut off by the border has its mean further inside: training asks for just that."""
    left = softmax.decode(rendered(point(from_border, 40)), STRIDE).position[0, 0]
    right = softmax.decode(rendered(point(COLUMNS * STRIDE - 1 - from_border, 40)), STRIDE).position[0, 0]
    assert 0 <= float(left[0]) - from_border + 1e-3 <= most
    assert 0 <= COLUMNS * STRIDE - 1 - from_border - float(right[0]) + 1e-3 <= most
    assert float(left[1]) == pytest.approx(40, abs=1e-3)


def test_the_spread_is_that_of_the_target() -> None:
    covariance = softmax.decode(rendered(point(21.3, 40.8)), STRIDE).covariance[0, 0]
    expected = (TARGET_SIGMA * STRIDE) ** 2
    assert covariance.numpy() == pytest.approx(np.diag([expected, expected]), abs=0.01)


def test_a_tilted_distribution_has_a_tilted_covariance() -> None:
    probability = torch.zeros(1, 1, ROWS, COLUMNS)
    for step in (-2, -1, 0, 1, 2):
        probability[0, 0, 20 + step, 12 + step] = 0.2
    decoded = softmax.decode(probability, STRIDE)
    variance = STRIDE**2 * 2.0
    assert decoded.covariance[0, 0].numpy() == pytest.approx(np.full((2, 2), variance), rel=1e-3)


@given(inner_columns, st.floats(0.05, 0.45))
def test_a_second_peak_far_away_does_not_pull_but_widens_the_spread(column: float, share: float) -> None:
    alone = rendered(point(column, 15))
    both = (1 - share) * alone + share * rendered(point(COLUMNS * STRIDE - column, 65))
    one, two = softmax.decode(alone, STRIDE), softmax.decode(both, STRIDE)
    assert two.position.numpy() == pytest.approx(one.position.numpy(), abs=1e-3)
    assert two.covariance[0, 0, 1, 1] > one.covariance[0, 0, 1, 1] + share * 40**2


def test_the_broader_of_two_peaks_wins_when_it_holds_more() -> None:
    """One lone hot cell is noise; the 3 x 3 neighbourhood decides."""
    probability = rendered(point(30, 30)) * 0.8
    probability[0, 0, 35, 3] = 0.2
    assert probability.argmax() == 35 * COLUMNS + 3
    assert softmax.decode(probability, STRIDE).position[0, 0].tolist() == pytest.approx([30, 30], abs=1e-3)


def test_cells_and_absence_share_one_distribution() -> None:
    generator = torch.Generator().manual_seed(4)
    logits, absent = torch.randn(3, 5, 8, 6, generator=generator), torch.randn(3, 5, generator=generator)
    probability, present = softmax.distribution(logits, absent)
    absence = torch.softmax(torch.cat([logits.flatten(2), absent[..., None]], 2), 2)[..., -1]
    assert torch.allclose(probability.sum((2, 3)) + absence, torch.ones(3, 5), atol=1e-6)
    assert torch.allclose(probability.sum((2, 3)), present, atol=1e-6)


def test_absence_can_take_all_mass_and_still_leave_finite_numbers() -> None:
    probability, present = softmax.distribution(torch.zeros(1, 1, 8, 6), torch.full((1, 1), 200.0))
    assert present.item() == 0
    decoded = softmax.decode(probability, STRIDE)
    assert torch.isfinite(decoded.position).all()
    assert torch.isfinite(decoded.covariance).all()


def test_the_loss_is_the_cross_entropy_with_the_rendered_target() -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(1, 2, ROWS, COLUMNS, generator=generator)
    absent = torch.randn(1, 2, generator=generator)
    points = torch.tensor([[[13.0, 44.4], [0.0, 0.0]]])
    visible = torch.tensor([[True, False]])
    loss = softmax.cross_entropy(logits, absent, points, visible, STRIDE, TARGET_SIGMA)
    logarithm = torch.log_softmax(torch.cat([logits.flatten(2), absent[..., None]], 2), 2)
    expected = -(rendered(points)[0, 0].flatten() * logarithm[0, 0, :-1]).sum()
    assert loss[0, 0].item() == pytest.approx(expected.item(), rel=1e-5)
    assert loss[0, 1].item() == pytest.approx(-logarithm[0, 1, -1].item(), rel=1e-5)


def test_the_loss_is_least_at_the_target_itself() -> None:
    points = point(20.6, 33.3)
    logits = rendered(points).clamp_min(1e-12).log()
    absent, visible = torch.full((1, 1), -60.0), torch.ones(1, 1, dtype=torch.bool)
    best = softmax.cross_entropy(logits, absent, points, visible, STRIDE, TARGET_SIGMA)
    for shift in ((0.5, 0.0), (0.0, -0.5)):
        moved = rendered(points + torch.tensor(shift)).clamp_min(1e-12).log()
        assert softmax.cross_entropy(moved, absent, points, visible, STRIDE, TARGET_SIGMA) > best


def test_mass_within_counts_the_cells_whose_centre_is_near() -> None:
    probability = torch.full((1, 1, ROWS, COLUMNS), 1 / (ROWS * COLUMNS))
    centre = point(23.5, 39.5)
    near = softmax.mass_within(probability, centre, STRIDE, 10.0)
    y, x = np.mgrid[:ROWS, :COLUMNS] * STRIDE + 0.5
    count = ((x - 23.5) ** 2 + (y - 39.5) ** 2 <= 100).sum()
    assert near.item() == pytest.approx(count / (ROWS * COLUMNS), rel=1e-5)
    assert softmax.mass_within(rendered(centre), centre, STRIDE, 10.0).item() == pytest.approx(1, abs=1e-4)
    assert softmax.mass_within(rendered(centre), point(5, 5), STRIDE, 10.0).item() < 1e-6


@given(st.integers(0, COLUMNS - 1), st.integers(0, ROWS - 1))
def test_sample_reads_the_cell_a_position_lies_in(column: int, row: int) -> None:
    maps = torch.arange(ROWS * COLUMNS, dtype=torch.float32).reshape(1, 1, ROWS, COLUMNS)
    x = softmax.pixel_centres(COLUMNS, STRIDE)[column] + 0.7
    y = softmax.pixel_centres(ROWS, STRIDE)[row] - 0.7
    assert softmax.sample(maps, point(float(x), float(y)), STRIDE).item() == row * COLUMNS + column


def test_sample_takes_the_nearest_cell_outside_the_map() -> None:
    maps = torch.arange(ROWS * COLUMNS, dtype=torch.float32).reshape(1, 1, ROWS, COLUMNS)
    assert softmax.sample(maps, point(-50, -50), STRIDE).item() == 0
    assert softmax.sample(maps, point(500, 500), STRIDE).item() == ROWS * COLUMNS - 1
