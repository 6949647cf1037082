"""Training on arrays: the paper's schedules, and going on after a stop as if there had been none."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from LandmarkDetectionLib.errors import Cancelled, InputError
from LandmarkDetectionLib.networks.regression_cnn import RegressionCNN
from LandmarkDetectionLib.study.fit_arrays import ArraySource, fit_network
from LandmarkDetectionLib.study.schedules import PAPER_FINE_TUNING, PAPER_SYNTHETIC, Schedule

SCHEDULE = Schedule(epochs=3, batch_size=4, learning_rate=0.01)


@pytest.fixture
def source() -> ArraySource:
    rng = np.random.default_rng(0)
    return ArraySource(rng.random((10, 8, 8)) < 0.5, rng.random((10, 2)).astype(np.float32), 4, seed=5)


def fresh_network() -> RegressionCNN:
    torch.manual_seed(1)
    return RegressionCNN(2, 8, 8)


def stop_after(steps: int) -> Callable[[], bool]:
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked == steps

    return stop


def test_the_papers_rates() -> None:
    assert [PAPER_SYNTHETIC.rate(step, 22_000) for step in (0, 21_999, 22_000)] == [0.01, 0.01, 0.01 * 0.7943]
    assert PAPER_SYNTHETIC.rate(29 * 22_000, 22_000) == pytest.approx(0.01 * 0.7943**29)
    assert [PAPER_FINE_TUNING.rate(epoch * 2, 2) for epoch in (0, 499, 500, 699)] == pytest.approx(
        [0.01, 0.01, 0.001, 0.001]
    )
    assert (PAPER_SYNTHETIC.epochs, PAPER_FINE_TUNING.epochs, PAPER_FINE_TUNING.batch_size) == (30, 700, 100)
    assert (PAPER_SYNTHETIC.optimiser, PAPER_SYNTHETIC.momentum) == ("sgd", 0.9)


def test_every_image_is_seen_once_in_an_epoch_and_the_order_changes(source: ArraySource) -> None:
    epochs = [
        np.concatenate([source.batch(number)[1][:, 0] for number in range(start, start + 3)])
        for start in (0, 3)
    ]
    assert source.per_epoch == 3
    assert all(np.array_equal(np.sort(epoch), np.sort(source.targets[:, 0])) for epoch in epochs)
    assert not np.array_equal(*epochs)


def test_a_stopped_training_goes_on_with_the_same_result(source: ArraySource, tmp_path: Path) -> None:
    whole = fit_network(fresh_network(), source, SCHEDULE, seed=2)
    kept = tmp_path / "training.checkpoint"
    with pytest.raises(Cancelled, match="after step 4 of 9"):
        fit_network(fresh_network(), source, SCHEDULE, seed=2, checkpoint=kept, cancelled=stop_after(4))
    assert kept.exists()
    resumed = fit_network(fresh_network(), source, SCHEDULE, seed=2, checkpoint=kept)
    assert not kept.exists()
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_a_checkpoint_of_another_training_is_refused(source: ArraySource, tmp_path: Path) -> None:
    kept = tmp_path / "training.checkpoint"
    with pytest.raises(Cancelled):
        fit_network(fresh_network(), source, SCHEDULE, checkpoint=kept, cancelled=stop_after(1))
    longer = SCHEDULE.model_copy(update={"epochs": 4})
    with pytest.raises(InputError, match="another length"):
        fit_network(fresh_network(), source, longer, checkpoint=kept)


def test_training_leaves_the_callers_random_numbers_alone(source: ArraySource) -> None:
    torch.manual_seed(8)
    expected = torch.rand(3)
    torch.manual_seed(8)
    network = fresh_network()
    torch.manual_seed(8)
    fit_network(network, source, SCHEDULE)
    assert torch.equal(torch.rand(3), expected)


def test_batches_drawn_ahead_are_the_same(source: ArraySource) -> None:
    one = fit_network(fresh_network(), source, SCHEDULE, ahead=True)
    other = fit_network(fresh_network(), source, SCHEDULE)
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)
