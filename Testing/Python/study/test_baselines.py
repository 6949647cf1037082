"""Every estimator learns where a mark lies in simple patches, through the same interface."""

from pathlib import Path

import numpy as np
import pytest
import torch

from LandmarkDetectionLib.errors import ModelError
from LandmarkDetectionLib.study.baselines.estimator import Estimator
from LandmarkDetectionLib.study.baselines.forest import RandomForestVoting
from LandmarkDetectionLib.study.baselines.mean_target import MeanTarget
from LandmarkDetectionLib.study.baselines.nearest_neighbour import NearestNeighbour
from LandmarkDetectionLib.study.baselines.paper_cnn import PaperCNN, load_network, save_network
from LandmarkDetectionLib.study.packed import PackedSource, packed, unpacked
from LandmarkDetectionLib.study.schedules import Schedule

ROWS, COLUMNS = 20, 24
SCHEDULE = Schedule(epochs=30, batch_size=20, optimiser="adamw", learning_rate=5e-4)


def crosses(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Patches (N, H, W) with a bar and a longer one below it, and the places of both bars' middles."""
    rng = np.random.default_rng(seed)
    patches = np.zeros((count, ROWS, COLUMNS), bool)
    places = np.stack([rng.integers(6, COLUMNS - 6, count), rng.integers(4, ROWS - 9, count)], axis=1)
    for patch, (column, row) in zip(patches, places, strict=True):
        patch[row - 1 : row + 2, column - 2 : column + 3] = True
        patch[row + 5 : row + 7, column - 5 : column + 6] = True
    points = np.stack([places, places + np.array([0, 5.5])], axis=1)
    targets = (points - (COLUMNS / 2, ROWS / 2)) / (COLUMNS, ROWS)
    return patches, targets.reshape(count, 4).astype(np.float32)


def error_px(predicted: np.ndarray, targets: np.ndarray) -> float:
    difference = (predicted - targets).reshape(-1, 2) * (COLUMNS, ROWS)
    return float(np.linalg.norm(difference, axis=1).mean())


@pytest.mark.parametrize(
    ("estimator", "limit"),
    [
        (NearestNeighbour(), 1.5),
        (RandomForestVoting(trees=8, pixels=60), 1.0),
        (PaperCNN(SCHEDULE), 2.0),
    ],
    ids=["nearest neighbour", "forest", "network"],
)
def test_an_estimator_finds_marks_in_patches_it_has_not_seen(estimator: Estimator, limit: float) -> None:
    patches, targets = crosses(120, 1)
    others, truth = crosses(20, 2)
    guess = MeanTarget().fit(patches, targets).predict(others)
    predicted = estimator.fit(patches, targets).predict(others)
    assert predicted.shape == truth.shape and predicted.dtype == np.float32
    assert error_px(predicted, truth) < limit < error_px(guess, truth)


def test_the_nearest_neighbours_are_exactly_those_that_differ_in_fewest_pixels() -> None:
    rng = np.random.default_rng(3)
    # 7 x 9 pixels do not fill whole bytes.
    patches, queries = rng.random((500, 7, 9)) < 0.5, rng.random((30, 7, 9)) < 0.5
    targets = rng.random((500, 6)).astype(np.float32)
    distances, indices = NearestNeighbour().fit(patches, targets).nearest(queries)
    expected = (queries[:, None] != patches[None]).sum(axis=(2, 3))
    assert np.array_equal(distances, np.sort(expected, axis=1)[:, :3])
    assert np.array_equal(np.take_along_axis(expected, indices, axis=1), distances)


def test_the_prediction_is_the_mean_of_three_neighbours() -> None:
    patches = np.zeros((4, 8, 8), bool)
    for n, patch in enumerate(patches):
        patch[0, : 2 * n] = True
    targets = np.array([[0.0], [3.0], [6.0], [100.0]], np.float32)
    assert NearestNeighbour().fit(patches, targets).predict(patches[:1]).tolist() == [[3.0]]


def test_fewer_patches_than_neighbours_are_all_averaged() -> None:
    patches = np.zeros((2, 4, 4), bool)
    fitted = NearestNeighbour().fit(patches, np.array([[1.0], [3.0]], np.float32))
    assert fitted.predict(patches).tolist() == [[2.0], [2.0]]


def test_patches_take_a_bit_per_pixel_and_come_back() -> None:
    assert packed(np.ones((3, 96, 96), bool)).shape == (3, 1152)
    patches = np.random.default_rng(4).random((5, 7, 9)) < 0.5
    assert np.array_equal(unpacked(packed(patches), (7, 9)), patches)


def test_packed_batches_hold_each_patch_with_its_target() -> None:
    patches, targets = crosses(30, 7)
    source = PackedSource(packed(patches), targets, 8, shape=(ROWS, COLUMNS))
    patch_of = {point.tobytes(): patch for patch, point in zip(patches, targets, strict=True)}
    for number in range(source.per_epoch):
        for image, point in zip(*source.batch(number), strict=True):
            assert np.array_equal(image, patch_of[point.tobytes()])


def test_a_network_starts_from_the_weights_of_another(tmp_path: Path) -> None:
    patches, targets = crosses(60, 4)
    trained = PaperCNN(SCHEDULE).fit(patches, targets)
    save_network(trained.network_, tmp_path / "start.safetensors")
    short = SCHEDULE.model_copy(update={"epochs": 2})
    others, truth = crosses(40, 5)
    tuned = PaperCNN(short, start=tmp_path / "start.safetensors").fit(patches, targets)
    fresh = PaperCNN(short).fit(patches, targets)
    assert error_px(tuned.predict(others), truth) < 0.5 * error_px(fresh.predict(others), truth)


def test_a_training_takes_its_threads_and_gives_them_back() -> None:
    before = torch.get_num_threads()
    patches, targets = crosses(20, 7)
    seen: list[int] = []
    network = PaperCNN(
        SCHEDULE.model_copy(update={"epochs": 10}),
        threads=before + 1,
        progress=lambda *_: seen.append(torch.get_num_threads()),
    )
    network.fit(patches, targets)
    assert set(seen) == {before + 1}
    assert torch.get_num_threads() == before


def test_recentring_takes_up_a_raters_habit_before_the_first_step(tmp_path: Path) -> None:
    patches, targets = crosses(60, 8)
    trained = PaperCNN(SCHEDULE).fit(patches, targets)
    save_network(trained.network_, tmp_path / "start.safetensors")
    habit = np.array([0.2, -0.1, 0.1, 0.0], np.float32)
    still = Schedule(epochs=1, optimiser="sgd", learning_rate=1e-12, recentre=True)
    tuned = PaperCNN(still, start=tmp_path / "start.safetensors").fit(patches, targets + habit)
    moved = tuned.predict(patches) - trained.predict(patches)
    assert np.allclose(moved, moved[0], atol=1e-5)
    assert np.allclose(tuned.predict(patches).mean(0), (targets + habit).mean(0), atol=1e-4)


def test_a_stored_network_predicts_the_same(tmp_path: Path) -> None:
    patches, targets = crosses(30, 6)
    fitted = PaperCNN(SCHEDULE.model_copy(update={"epochs": 1})).fit(patches, targets)
    save_network(fitted.network_, tmp_path / "network.safetensors")
    again = PaperCNN(SCHEDULE, network_=load_network(tmp_path / "network.safetensors"))
    assert np.allclose(fitted.predict(patches), again.predict(patches), atol=1e-6)


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "network.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(ModelError, match="holds no network of a study"):
        load_network(tmp_path / "network.safetensors")
