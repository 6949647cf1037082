"""Gaussian heatmaps: targets as the formula gives them, and how exactly every decoder reads them off."""

from math import exp, pi, sqrt

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from LandmarkDetectionLib.heatmaps import gaussian as gh
from LandmarkDetectionLib.heatmaps.softmax import pixel_centres

SIZES = {2: (30, 36), 3: (18, 20, 22)}  # of the tensor: slices first
DIMENSIONS = st.sampled_from([2, 3])
TOLERANCE = 0.05  # cells; with a stride of 1 they are pixels


@st.composite
def rendered(draw: st.DrawFn, margin: float, sigmas: tuple[float, float]) -> tuple[Tensor, Tensor, float]:
    """Positions (1, 2, d) at least ``margin`` cells inside, their heatmaps of any height, and sigma."""
    size = SIZES[draw(DIMENSIONS)]
    sigma = draw(st.floats(*sigmas))
    height = draw(st.floats(0.01, 1000))
    points = [[draw(st.floats(margin, count - 1 - margin)) for count in reversed(size)] for _ in "ab"]
    tensor = torch.tensor([points], dtype=torch.float32)
    return tensor, height * gh.gaussian_heatmaps(tensor, size, sigma), sigma


# --- targets --------------------------------------------------------------------------------------------


def test_a_target_is_the_formula_in_every_cell() -> None:
    """s / (sqrt(2 pi) sigma)^d exp(-r^2 / (2 sigma^2)), the point's column being the last axis."""
    point, sigma, scale = (3.3, 2.1, 1.4), 1.7, 1000.0
    heatmap = gh.gaussian_heatmaps(torch.tensor([[point]]), (3, 4, 5), sigma, scale)[0, 0]
    for z in range(3):
        for y in range(4):
            for x in range(5):
                square = (x - point[0]) ** 2 + (y - point[1]) ** 2 + (z - point[2]) ** 2
                expected = scale / (sqrt(2 * pi) * sigma) ** 3 * exp(-square / (2 * sigma**2))
                assert float(heatmap[z, y, x]) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_with_a_scale_the_sum_is_the_scale_and_without_the_peak_is_one(dimensions: int) -> None:
    size = (24,) * dimensions
    centre = torch.full((1, 1, dimensions), 12.0)
    assert float(gh.gaussian_heatmaps(centre, size, 2.0, 100.0).sum()) == pytest.approx(100, rel=1e-4)
    assert float(gh.gaussian_heatmaps(centre, size, 2.0).max()) == 1


def test_each_landmark_has_its_own_sigma_with_gradients() -> None:
    sigma = torch.tensor([1.0, 2.0, 4.0], requires_grad=True)
    points = torch.tensor([[[10.0, 9.0], [11.2, 8.0], [10.5, 9.5]]])
    heatmaps = gh.gaussian_heatmaps(points, (20, 22), sigma, 100.0)
    # The second difference of a Gaussian's logarithm is -1 / sigma^2.
    line = heatmaps.detach()[0, :, 9, 9:12].log()
    widths = (2 * line[:, 1] - line[:, 0] - line[:, 2]) ** -0.5
    assert widths.tolist() == pytest.approx([1, 2, 4], abs=1e-3)
    heatmaps[0, :, 9, 10].sum().backward()
    assert sigma.grad is not None
    # d/dsigma of s / (2 pi sigma^2) e^(-r^2 / (2 sigma^2)) at r = 0: -2 s / (2 pi sigma^3).
    assert float(sigma.grad[0]) == pytest.approx(-100 / pi, rel=1e-4)


def test_gradients_through_sigma_are_those_of_finite_differences() -> None:
    points = torch.tensor([[[4.3, 3.1], [2.2, 5.0]]], dtype=torch.double)
    sigma = torch.tensor([1.3, 2.1], dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda s: gh.gaussian_heatmaps(points, (7, 8), s, 100.0), sigma)


def test_an_absent_landmark_has_a_zero_target_even_without_a_position() -> None:
    points = torch.tensor([[[4.0, 4.0], [float("nan"), float("nan")]]])
    present = torch.tensor([[True, False]])
    sigma = torch.tensor([1.0, 1.0], requires_grad=True)
    heatmaps = gh.gaussian_heatmaps(points, (9, 9), sigma, 10.0, present)
    assert not heatmaps[0, 1].any() and heatmaps[0, 0].max() > 1
    heatmaps.sum().backward()
    assert sigma.grad is not None and torch.isfinite(sigma.grad).all()


@given(st.integers(1, 8), st.floats(-50, 500))
def test_cells_and_pixels_are_converted_back_and_forth(stride: int, pixel: float) -> None:
    point = torch.tensor([pixel])
    back = gh.heatmap_to_image(gh.image_to_heatmap(point, stride), stride)
    assert torch.allclose(back, point, atol=1e-3)
    assert torch.equal(gh.heatmap_to_image(torch.arange(9.0), stride), pixel_centres(9, stride))


# --- decoding -------------------------------------------------------------------------------------------


@st.composite
def rendered_well_inside(draw: st.DrawFn) -> tuple[Tensor, Tensor, float]:
    sigma = draw(st.floats(0.6, 2.2))
    return draw(rendered(3 * sigma, (sigma, sigma)))


@given(rendered_well_inside())
def test_the_local_soft_argmax_is_exact_three_sigma_off_the_border(
    case: tuple[Tensor, Tensor, float],
) -> None:
    points, heatmaps, _ = case
    assert (gh.decode_local_soft_argmax(heatmaps) - points).abs().max() <= TOLERANCE


@given(st.floats(17, 46), st.floats(17, 46), st.floats(2, 5))
def test_the_local_soft_argmax_is_exact_for_broad_peaks_too(column: float, row: float, sigma: float) -> None:
    point = torch.tensor([[[column, row]]])
    found = gh.decode_local_soft_argmax(gh.gaussian_heatmaps(point, (64, 64), sigma))
    assert (found - point).abs().max() <= TOLERANCE


@given(rendered(0, (1.5, 2.5)))
def test_near_the_border_the_local_soft_argmax_moves_inwards_never_outwards(
    case: tuple[Tensor, Tensor, float],
) -> None:
    points, heatmaps, _ = case
    size = torch.tensor(heatmaps.shape[:1:-1])
    inwards = torch.sign((size - 1) / 2 - points) * (gh.decode_local_soft_argmax(heatmaps) - points)
    assert inwards.min() > -TOLERANCE
    assert inwards.max() < 1.5


def test_the_local_soft_argmax_has_gradients() -> None:
    heatmaps = gh.gaussian_heatmaps(torch.tensor([[[9.3, 8.1]]]), (18, 20), 1.5).requires_grad_()
    gh.decode_local_soft_argmax(heatmaps)[0, 0, 0].backward()
    gradient = heatmaps.grad
    assert gradient is not None
    assert gradient[0, 0, 8, 11] > 0 > gradient[0, 0, 8, 7]  # more on the right moves it to the right


def test_noise_of_two_percent_moves_positions_little() -> None:
    """A window is read, so noise averages out."""
    generator = torch.Generator().manual_seed(0)
    points = 10 + 16 * torch.rand(1, 200, 2, generator=generator)
    heatmaps = gh.gaussian_heatmaps(points, (36, 36), 2.5)
    heatmaps = heatmaps + 0.02 * torch.randn(heatmaps.shape, generator=generator)
    error = (gh.decode_local_soft_argmax(heatmaps) - points).norm(dim=-1)
    assert float(error.mean()) < 0.1


@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_lower_peak_elsewhere_does_not_pull(dimensions: int) -> None:
    size = (30,) * dimensions
    near, far = (torch.full((1, 1, dimensions), position) for position in (8.0, 23.0))
    both = gh.gaussian_heatmaps(near, size, 1.5) + 0.9 * gh.gaussian_heatmaps(far, size, 1.5)
    assert (gh.decode_local_soft_argmax(both) - near).abs().max() < 1e-3


@pytest.mark.parametrize("kind", ["zero", "flat", "negative", "one cell", "noise", "two cells", "edge"])
@pytest.mark.parametrize("size", [(8, 9), (6, 7, 8), (1, 9), (2, 2)])
def test_whatever_a_heatmap_looks_like_positions_are_finite_and_near_it(
    kind: str, size: tuple[int, ...]
) -> None:
    heatmap = torch.zeros(size)
    if kind == "flat":
        heatmap += 3
    elif kind == "negative":
        heatmap -= torch.rand(size, generator=torch.Generator().manual_seed(1))
    elif kind == "one cell":
        heatmap.view(-1)[-2] = 1
    elif kind == "two cells":
        heatmap.view(-1)[:2] = 1
    elif kind == "noise":
        heatmap = torch.randn(size, generator=torch.Generator().manual_seed(2))
    elif kind == "edge":
        heatmap[0] = 1
    found = gh.decode_local_soft_argmax(heatmap[None, None])[0, 0]
    assert found.shape == (len(size),)
    last = torch.tensor(size[::-1]) - 1
    assert ((found >= -3) & (found <= last + 3)).all()


def test_a_batch_is_decoded_as_its_parts_are() -> None:
    generator = torch.Generator().manual_seed(3)
    points = 4 + 12 * torch.rand(3, 4, 3, generator=generator)
    heatmaps = gh.gaussian_heatmaps(points, (20, 20, 20), 1.8)
    together = gh.decode_local_soft_argmax(heatmaps)
    for image in range(3):
        for landmark in range(4):
            alone = gh.decode_local_soft_argmax(heatmaps[image : image + 1, landmark : landmark + 1])
            assert torch.allclose(alone[0, 0], together[image, landmark], atol=1e-4)


def test_a_distribution_sums_to_the_presence() -> None:
    heatmaps = torch.full((1, 2, 4, 5), -20.0)
    heatmaps[0, 0, 1, 2] = 3.0
    probability, presence = gh.heatmap_distribution(heatmaps)
    assert float(presence[0, 0]) == pytest.approx(exp(3) / (1 + exp(3)), abs=1e-5)
    assert float(presence[0, 1]) == pytest.approx(0, abs=1e-6)
    assert torch.allclose(probability.sum((2, 3)), presence)
    assert int(probability[0, 0].argmax()) == 1 * 5 + 2
