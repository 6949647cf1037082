"""A network answers several threads at once, each with what it would have got alone."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from LandmarkDetectionLib.cohort.run.resident_models import BatchedNetwork, Gate, ResidentModel
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.detectors.dispatch import detect
from LandmarkDetectionLib.models import load_model


class Answer(NamedTuple):
    doubled: torch.Tensor
    parts: tuple[torch.Tensor, None]


class Counting(torch.nn.Module):
    """Doubles images and counts how many it sees at once."""

    stride = 4

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(2.0))
        self.sizes: list[int] = []

    def forward(self, image: torch.Tensor) -> Answer:
        if image.shape[1] == 13:
            raise ValueError("an unlucky image")
        self.sizes.append(len(image))
        time.sleep(0.01)
        return Answer(image * self.weight, (image.sum(dim=1), None))


def ask_together(network: Any, images: list[torch.Tensor]) -> list[Any]:
    ready = threading.Barrier(len(images))

    def ask(image: torch.Tensor) -> Any:
        with torch.inference_mode():
            ready.wait()
            return network(image)

    with ThreadPoolExecutor(len(images)) as pool:
        return list(pool.map(ask, images))


def test_images_of_several_threads_are_seen_together_and_answers_come_back_apart() -> None:
    inner = Counting()
    images = [torch.full((1 + n % 2, 3), float(n)) for n in range(6)]
    for image, answer in zip(images, ask_together(BatchedNetwork(inner, 8), images), strict=True):
        torch.testing.assert_close(answer.doubled, image * 2)
        torch.testing.assert_close(answer.parts[0], image.sum(dim=1))
        assert answer.parts[1] is None
    assert sum(inner.sizes) == 9
    assert 1 < max(inner.sizes) <= 8
    assert len(inner.sizes) < len(images)


def test_images_of_another_size_are_not_mixed() -> None:
    inner = Counting()
    images = [torch.ones(1, 2 + n % 2) for n in range(6)]
    answers = ask_together(BatchedNetwork(inner, 8), images)
    assert [answer.doubled.shape for answer in answers] == [image.shape for image in images]


def test_one_image_at_a_time_is_passed_on_in_its_own_thread() -> None:
    inner = Counting()
    ask_together(BatchedNetwork(inner, 1), [torch.ones(1, 3)] * 4)
    assert Counter(inner.sizes) == {1: 4}


def test_an_error_reaches_those_who_asked_and_nobody_else() -> None:
    network = BatchedNetwork(Counting(), 8)
    with pytest.raises(ValueError, match="unlucky"):
        network(torch.ones(1, 13))
    assert network(torch.ones(1, 2)).doubled.tolist() == [[2.0, 2.0]]


def test_a_network_is_otherwise_what_it_was() -> None:
    inner = Counting()
    network = BatchedNetwork(inner, 8)
    assert network.stride == 4
    assert next(network.parameters()) is inner.weight


def test_cases_detected_together_are_as_those_detected_alone(detector: Path, bodies: list[Volume]) -> None:
    model = load_model(detector)
    resident = ResidentModel.of(model, 8)
    alone = [detect(body, model).landmarks.positions for body in bodies[:3]]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda body: detect(body, resident).landmarks.positions, bodies[:3]))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one, other, atol=0.01)
    assert resident.build_networks("cpu") is resident.build_networks("cpu")


def test_a_case_that_needs_to_be_alone_is_alone() -> None:
    gate, inside, seen = Gate(), [], []
    lock = threading.Lock()

    def pass_through(number: int) -> None:
        with gate.passing(alone=number % 3 == 0):
            with lock:
                inside.append(number)
                seen.append(sorted(inside))
            time.sleep(0.01)
            with lock:
                inside.remove(number)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(pass_through, range(12)))
    assert len(seen) == 12
    assert all(len(together) == 1 for together in seen if any(number % 3 == 0 for number in together))
    assert max(map(len, seen)) > 1
