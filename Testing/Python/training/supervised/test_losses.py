"""Losses of heatmap networks against calculations by hand, cell by cell."""

from math import exp, log, pi

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.heatmaps.gaussian import gaussian_heatmaps, heatmap_distribution
from LandmarkDetectionLib.networks.heatmap_output import HeatmapOutput
from LandmarkDetectionLib.training.supervised.losses import (
    LOSSES,
    SMALLEST_SIGMA,
    AdaptiveWingLoss,
    CrossEntropyLoss,
    MeanSquaredError,
    SCNLoss,
    WeightedMeanSquaredError,
    build_loss,
)

B, L, SIZE = 2, 3, (6, 7)
POINTS = torch.tensor([[[2.0, 3.0], [4.5, 1.5], [0.0, 5.0]], [[3.2, 2.2], [1.0, 1.0], [5.5, 4.0]]])
ALL = torch.ones(B, L, dtype=torch.bool)
KEYWORDS = {"weighted-mse": {"weights": [1.0, 2.0, 0.5]}}


def heatmaps(seed: int = 0, dimensions: int = 2) -> Tensor:
    size = SIZE if dimensions == 2 else (5, *SIZE)
    return torch.randn(B, L, *size, generator=torch.Generator().manual_seed(seed))


def gaussian(image: int, landmark: int, sigma: float, scale: float | None) -> np.ndarray:
    """The target by its formula, in numpy."""
    x, y = POINTS[image, landmark].double().numpy()
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    peak = 1 if scale is None else scale / (2 * pi * sigma**2)
    return np.asarray(peak * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2)))


def squares(maps: Tensor, image: int, landmark: int, sigma: float, scale: float | None) -> np.ndarray:
    return (maps[image, landmark].double().numpy() - gaussian(image, landmark, sigma, scale)) ** 2


# --- each loss, by hand ---------------------------------------------------------------------------------


def test_scn_is_half_the_squares_per_image_and_half_alpha_times_the_squared_sigmas() -> None:
    maps = heatmaps()
    expected = sum(0.5 * squares(maps, b, n, 2.5, 100).sum() for b in range(B) for n in range(L)) / B
    expected += 20 * 0.5 * L * 2.5**2
    assert SCNLoss(L)(HeatmapOutput(maps), POINTS, ALL, ALL).item() == pytest.approx(expected, rel=1e-5)


def test_scn_has_the_published_numbers_in_both_dimensions() -> None:
    flat, solid = SCNLoss(L, 2), SCNLoss(L, 3)
    assert (flat.scale, flat.alpha, flat.sigma.tolist()) == (100, 20, [2.5] * L)
    assert (solid.scale, solid.alpha, solid.sigma.tolist()) == (1000, 100, [4.0] * L)
    assert SCNLoss(L, 2, sigma=1.5, alpha=5).sigma.tolist() == [1.5] * L


def test_scn_counts_the_sigma_of_landmarks_that_are_there_only() -> None:
    maps = torch.zeros(B, L, *SIZE)
    present = torch.tensor([[True, True, False], [True, False, False]])
    known = torch.tensor([[True, False, True], [True, True, True]])
    expected = sum(0.5 * squares(maps, b, n, 2.5, 100).sum() for b, n in ((0, 0), (1, 0))) / B
    expected += 20 * 0.5 * 2 * 2.5**2 / B
    assert SCNLoss(L)(HeatmapOutput(maps), POINTS, present, known).item() == pytest.approx(expected, rel=1e-5)


def test_the_mean_squared_error_is_over_known_landmarks_and_cells() -> None:
    maps = heatmaps()
    known = torch.tensor([[True, False, True], [False, True, True]])
    pairs = [(0, 0), (0, 2), (1, 1), (1, 2)]
    expected = np.mean([squares(maps, b, n, 2.0, None).mean() for b, n in pairs])
    loss = MeanSquaredError(L)(HeatmapOutput(maps), POINTS, ALL, known)
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_the_weighted_error_multiplies_each_landmark() -> None:
    maps = heatmaps()
    weights = [1.0, 3.0, 0.0]
    expected = np.mean(
        [weights[n] * squares(maps, b, n, 2.0, None).mean() for b in range(B) for n in range(L)]
    )
    loss = WeightedMeanSquaredError(L, weights=weights)(HeatmapOutput(maps), POINTS, ALL, ALL)
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def wing(y: float, predicted: float) -> float:
    """Equation 3 of Wang et al. 2019 with alpha 2.1, omega 14, epsilon 1 and theta 0.5."""
    alpha, omega, epsilon, theta = 2.1, 14, 1, 0.5
    difference, power = abs(y - predicted), alpha - y
    if difference < theta:
        return omega * log(1 + (difference / epsilon) ** power)
    a = omega * (1 / (1 + (theta / epsilon) ** power)) * power * (theta / epsilon) ** (power - 1) / epsilon
    c = theta * a - omega * log(1 + (theta / epsilon) ** power)
    return a * difference - c


def test_the_adaptive_wing_loss_follows_its_equations() -> None:
    maps = heatmaps()
    total = []
    for b in range(B):
        for n in range(L):
            target = gaussian(b, n, 2.0, None)
            for row, column in np.ndindex(*SIZE):
                around = target[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
                weight = 11 if around.max() >= 0.2 else 1
                total.append(weight * wing(target[row, column], float(maps[b, n, row, column])))
    loss = AdaptiveWingLoss(L)(HeatmapOutput(maps), POINTS, ALL, ALL)
    assert float(loss) == pytest.approx(np.mean(total), rel=1e-4)


def test_the_adaptive_wing_loss_has_no_kink_where_its_halves_meet() -> None:
    loss = AdaptiveWingLoss(1, foreground=0)
    point, one = torch.tensor([[[0.0, 0.0]]]), torch.ones(1, 1, dtype=torch.bool)
    values, slopes = [], []
    for predicted in (0.5 + 1e-4, 0.5 - 1e-4):
        cell = torch.tensor([[[[predicted]]]], requires_grad=True)
        value = loss(HeatmapOutput(cell), point, one, one)
        (slope,) = torch.autograd.grad(value, cell)
        values.append(value.item())
        slopes.append(slope.item())
    assert values[0] == pytest.approx(values[1], abs=5e-3)
    assert slopes[0] == pytest.approx(slopes[1], rel=1e-2)


def test_cross_entropy_is_minus_the_logarithm_of_the_softmax_weighted_by_the_target() -> None:
    maps = heatmaps()
    present = torch.tensor([[True, True, False], [True, True, True]])
    total = []
    for b in range(B):
        for n in range(L):
            logits = maps[b, n].double().numpy()
            everything = np.log(np.exp(logits).sum() + 1)  # the 1 is "absent"
            target = gaussian(b, n, 2.0, None)
            share = target / target.sum()
            total.append(-(share * (logits - everything)).sum() if present[b, n] else everything)
    loss = CrossEntropyLoss(L)(HeatmapOutput(maps), POINTS, present, ALL)
    assert float(loss) == pytest.approx(np.mean(total), rel=1e-5)


def test_cross_entropy_in_3d_is_the_same_sum() -> None:
    maps = heatmaps(dimensions=3)
    points = torch.cat([POINTS, torch.full((B, L, 1), 2.3)], dim=-1)
    target = gaussian_heatmaps(points, maps.shape[2:], 1.5).flatten(2)
    share = target / target.sum(2, keepdim=True)
    flat = maps.flatten(2)
    total = torch.logsumexp(torch.cat([flat, torch.zeros(B, L, 1)], 2), 2) - (share * flat).sum(2)
    loss = CrossEntropyLoss(L, 3, sigma=1.5)(HeatmapOutput(maps), points, ALL, ALL)
    assert float(loss) == pytest.approx(float(total.mean()), rel=1e-5)


def test_cross_entropy_is_lowest_at_the_target_itself() -> None:
    """Its optimum is the target as a distribution and certainty that the landmark is there."""
    logits = torch.zeros(1, 1, *SIZE, requires_grad=True)
    optimiser = torch.optim.Adam([logits], lr=0.3)
    loss = CrossEntropyLoss(1, sigma=1.2)
    one = ALL[:1, :1]
    for _ in range(300):
        optimiser.zero_grad()
        loss(HeatmapOutput(logits), POINTS[:1, :1], one, one).backward()
        optimiser.step()
    probability, presence = heatmap_distribution(logits.detach())
    target = gaussian_heatmaps(POINTS[:1, :1], SIZE, 1.2)
    assert float(presence) > 0.99
    assert torch.allclose(probability, target / target.sum(), atol=5e-3)


# --- what all keep to -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dimensions", [2, 3])
def test_what_is_not_known_changes_neither_loss_nor_gradient(name: str, dimensions: int) -> None:
    loss = build_loss(name, L, dimensions, **KEYWORDS.get(name, {}))
    known = torch.tensor([[True, False, True], [True, True, False]])
    points = torch.cat([POINTS, torch.ones(B, L, 1)], dim=-1)[..., :dimensions]
    maps = heatmaps(0, dimensions).requires_grad_()
    value = loss(HeatmapOutput(maps), points, ALL, known)
    (gradient,) = torch.autograd.grad(value, maps)
    assert not gradient[~known].any()
    assert all(gradient[b, n].any() for b, n in known.nonzero().tolist())

    other = torch.where(known[..., None], points, float("nan"))
    changed = torch.where(known.reshape(B, L, *[1] * dimensions), maps.detach(), 7.0)
    again = loss(HeatmapOutput(changed), other, ALL & known, known)
    assert float(again.detach()) == pytest.approx(float(value.detach()), rel=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_an_absent_landmark_pulls_its_heatmap_to_zero_or_below(name: str) -> None:
    loss = build_loss(name, 1, 2, **({"weights": [1.0]} if name == "weighted-mse" else {}))
    maps = torch.full((1, 1, *SIZE), 0.3, requires_grad=True)
    nowhere = torch.full((1, 1, 2), float("nan"))
    absent, known = torch.zeros(1, 1, dtype=torch.bool), torch.ones(1, 1, dtype=torch.bool)
    value = loss(HeatmapOutput(maps), nowhere, absent, known)
    (gradient,) = torch.autograd.grad(value, maps)
    assert (gradient > 0).all()
    below = loss(HeatmapOutput(torch.zeros_like(maps)), nowhere, absent, known)
    assert float(below.detach()) < float(value.detach())


@pytest.mark.parametrize("name", LOSSES)
def test_nothing_known_costs_nothing_and_breaks_nothing(name: str) -> None:
    loss = build_loss(name, L, 2, **KEYWORDS.get(name, {}))
    maps = heatmaps().requires_grad_()
    value = loss(HeatmapOutput(maps), torch.full_like(POINTS, float("nan")), ~ALL, ~ALL)
    value.backward()
    assert float(value.detach()) == 0
    assert maps.grad is not None and not maps.grad.any()


@pytest.mark.parametrize("name", LOSSES)
def test_heatmaps_of_earlier_stacks_enter_like_the_last(name: str) -> None:
    loss = build_loss(name, L, 2, **KEYWORDS.get(name, {}))
    first, last = heatmaps(1).requires_grad_(), heatmaps(2)
    both = loss(HeatmapOutput(last, None, (first,)), POINTS, ALL, ALL)
    apart = [loss(HeatmapOutput(maps), POINTS, ALL, ALL) for maps in (first, last)]
    nothing = 20 * 0.5 * L * 2.5**2 if name == "scn" else 0  # the sigmas, counted once
    assert float(both.detach()) == pytest.approx(float(sum(apart).detach()) - nothing, rel=1e-5)  # type: ignore[union-attr]
    both.backward()
    assert first.grad is not None and first.grad.any()


@pytest.mark.parametrize("name", LOSSES)
def test_half_precision_heatmaps_are_compared_in_single_precision(name: str) -> None:
    loss = build_loss(name, L, 2, **KEYWORDS.get(name, {}))
    maps = heatmaps().half()
    value = loss(HeatmapOutput(maps), POINTS, ALL, ALL)
    assert value.dtype == torch.float32
    assert float(value.detach()) == pytest.approx(
        float(loss(HeatmapOutput(maps.float()), POINTS, ALL, ALL).detach())
    )


# --- sigma ----------------------------------------------------------------------------------------------


def test_a_learned_sigma_settles_where_the_predicted_peak_is_as_wide() -> None:
    """Without the penalty, sigma goes to that of the heatmaps that come in."""
    loss = SCNLoss(1, sigma=2.5, alpha=0.0)
    point = torch.tensor([[[10.0, 10.0]]])
    maps = gaussian_heatmaps(point, (21, 21), 1.6, 100.0)
    optimiser = torch.optim.Adam(loss.parameters(), lr=0.05)
    one = torch.ones(1, 1, dtype=torch.bool)
    for _ in range(200):
        optimiser.zero_grad()
        loss(HeatmapOutput(maps), point, one, one).backward()
        optimiser.step()
    assert loss.sigma.tolist() == pytest.approx([1.6], abs=0.02)


def test_the_penalty_makes_sigma_smaller_and_each_landmark_has_its_own() -> None:
    point = torch.tensor([[[10.0, 10.0], [9.0, 9.0]]])
    maps = torch.cat(
        [
            gaussian_heatmaps(point[:, :1], (21, 21), 2.0, 100.0),
            gaussian_heatmaps(point[:, 1:], (21, 21), 3.0, 100.0),
        ],
        dim=1,
    )
    loss = SCNLoss(2, sigma=2.0, alpha=20.0)
    both = torch.ones(1, 2, dtype=torch.bool)
    loss(HeatmapOutput(maps), point, both, both).backward()
    first, second = loss.raw_sigma.grad.tolist()  # type: ignore[union-attr]
    assert first == pytest.approx(20 * 2.0, rel=1e-3)  # the target fits, only the penalty pushes
    assert second < first  # a broader peak wants a broader target


def test_sigma_has_a_lower_bound_it_can_leave_again() -> None:
    loss = SCNLoss(1, alpha=0.0)
    nn.init.constant_(loss.raw_sigma, 0.01)
    assert loss.sigma.tolist() == pytest.approx([SMALLEST_SIGMA])
    point, one = torch.tensor([[[10.0, 10.0]]]), torch.ones(1, 1, dtype=torch.bool)
    maps = gaussian_heatmaps(point, (21, 21), 2.0, 100.0)
    loss(HeatmapOutput(maps), point, one, one).backward()
    assert loss.raw_sigma.grad is not None and float(loss.raw_sigma.grad) < 0


def test_only_scn_learns_sigma_unless_asked() -> None:
    learned = {name: build_loss(name, L, 2, **KEYWORDS.get(name, {})) for name in LOSSES}
    assert [name for name, loss in learned.items() if loss.raw_sigma.requires_grad] == ["scn"]
    assert not SCNLoss(L, learn_sigma=False).raw_sigma.requires_grad
    squared = MeanSquaredError(L, scale=100.0, learn_sigma=True, alpha=1.0)
    squared(HeatmapOutput(heatmaps()), POINTS, ALL, ALL).backward()
    assert squared.raw_sigma.grad is not None and squared.raw_sigma.grad.all()


# --- by name, or one's own ------------------------------------------------------------------------------


def test_a_function_of_ones_own_is_used_as_it_is() -> None:
    def largest(output: HeatmapOutput, points: Tensor, present: Tensor, known: Tensor) -> Tensor:
        return (output.heatmaps.amax((2, 3)) * known).sum() + 0 * points.sum()

    maps = heatmaps()
    value = build_loss(largest, L, 2)(HeatmapOutput(maps), POINTS, ALL, ALL)
    assert float(value) == pytest.approx(float(maps.amax((2, 3)).sum()))


def test_a_module_of_ones_own_keeps_its_parameters() -> None:
    module = SCNLoss(L)
    assert build_loss(module, L, 2) is module


def test_a_loss_that_is_not_known_or_cannot_be_is_refused_in_a_sentence() -> None:
    with pytest.raises(InputError, match=r"'os\.system' is unknown; known are scn, mse"):
        build_loss("os.system", L, 2)
    with pytest.raises(InputError, match=r"'weighted-mse' cannot be built .* 3 numbers, one per landmark"):
        build_loss("weighted-mse", L, 2, weights=[1.0])
    with pytest.raises(InputError, match="'mse' cannot be built"):
        build_loss("mse", L, 2, nonsense=1)
    with pytest.raises(InputError, match="sigma must be positive"):
        build_loss("mse", L, 2, sigma=0.0)
    with pytest.raises(InputError, match="exponent must be above 2"):
        build_loss("adaptive-wing", L, 2, exponent=2.0)
    with pytest.raises(InputError, match="takes no parameters here, but sigma came"):
        build_loss(lambda *_: exp(1), L, 2, sigma=1)  # type: ignore[arg-type, return-value]
