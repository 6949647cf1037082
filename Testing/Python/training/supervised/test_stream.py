"""Batches of annotated images: the same for the same number, every case in turn, landmarks in place."""

from pathlib import Path

import numpy as np
import pytest
import torch

from LandmarkDetectionLib.training.supervised.augmentation import NONE, Augmentation
from LandmarkDetectionLib.training.supervised.cases import SupervisedCase
from LandmarkDetectionLib.training.supervised.stream import SupervisedStream, plain_batches


def case(
    folder: Path, name: str, shape: tuple[int, ...], points: np.ndarray, value: float = 1.0
) -> SupervisedCase:
    image = np.zeros((1, *shape), np.float16)
    for x, y in points[0]:
        if np.isfinite(x) and x < shape[1]:
            image[0, round(y), round(x)] = value
    file = folder / f"{name}.npy"
    np.save(file, image)
    known = np.isfinite(points).all(axis=-1)
    return SupervisedCase(name, name, file, np.diag([-0.5, -0.5, 1, 1.0]), shape, points, known, "mm")


def stream(
    cases: list[SupervisedCase], canvas: tuple[int, int], augmentation: Augmentation = NONE, size: int = 2
):
    return SupervisedStream(cases, canvas, size, augmentation, np.array([1, 0]), seed=3)


@pytest.fixture
def cases(tmp_path):
    places = [np.array([[[5.0 + n, 6.0], [20.0, 9.0 + n]]]) for n in range(4)]
    return [case(tmp_path, f"c{n}", (24, 32), points, n + 1) for n, points in enumerate(places)]


def test_a_batch_is_always_the_same(cases):
    one, two = stream(cases, (24, 32), Augmentation()), stream(cases, (24, 32), Augmentation())
    one.batch(0)
    assert torch.equal(one.batch(5).images, two.batch(5).images)
    assert not torch.equal(one.batch(5).images, one.batch(6).images)


def test_every_case_comes_once_before_any_comes_twice(cases):
    drawn = stream(cases, (24, 32))
    peaks = torch.cat([drawn.batch(n).images.flatten(1).amax(1) for n in range(4)]).round().tolist()
    assert sorted(peaks[:4]) == [1, 2, 3, 4] and sorted(peaks[4:]) == [1, 2, 3, 4]


def test_landmarks_lie_on_what_they_mark(cases):
    batch = stream(cases, (24, 32)).batch(0)
    for image, points in zip(batch.images, batch.points, strict=True):
        for x, y in points.round().long().tolist():
            assert image[0, y, x] > 0.99 * image.max()
    assert torch.allclose(batch.voxel_mm, torch.tensor(0.5))


def test_a_landmark_that_was_not_annotated_is_not_known_and_one_off_the_canvas_is_absent(tmp_path):
    missing = case(tmp_path, "missing", (24, 32), np.array([[[np.nan, np.nan], [20.0, 9.0]]]))
    off = case(tmp_path, "off", (24, 32), np.array([[[5.0, 6.0], [60.0, 9.0]]]))
    one = stream([missing], (24, 32), size=1).batch(0)
    assert one.known.tolist() == [[False, True]] and one.present.tolist() == [[False, True]]
    two = stream([off], (24, 32), size=1).batch(0)
    assert two.known.tolist() == [[True, True]] and two.present.tolist() == [[True, False]]


def test_mirrored_images_exchange_the_names_of_a_pair(cases):
    batch = stream(cases, (24, 32), NONE.model_copy(update={"mirror": 1.0})).batch(0)
    plain = stream(cases, (24, 32)).batch(0)
    assert torch.allclose(batch.points[:, 0, 0], 31 - plain.points[:, 1, 0], atol=1e-4)
    assert torch.allclose(batch.points[:, 0, 1], plain.points[:, 1, 1], atol=1e-4)


def test_of_a_larger_image_parts_are_seen_mostly_about_landmarks(tmp_path):
    large = case(tmp_path, "large", (200, 200), np.array([[[30.0, 170.0], [150.0, 40.0]]]))
    drawn = stream([large], (48, 48), size=1)
    seen = np.array([drawn.batch(n).present[0].numpy() for n in range(120)])
    assert seen.any(axis=1).mean() > 0.6 and (~seen.any(axis=1)).any()
    assert drawn.batch(0).images.shape == (1, 1, 48, 48)


def test_plain_batches_hold_cases_of_one_size(tmp_path, cases):
    other = case(tmp_path, "other", (48, 32), np.array([[[5.0, 6.0], [20.0, 9.0]]]))
    batches = plain_batches([*cases, other], 3)
    assert [tuple(batch.images.shape[2:]) for batch in batches] == [(24, 32), (24, 32), (48, 32)]
