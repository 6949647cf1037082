"""When memory runs out: the processor takes over from a graphics card, and a sentence from the processor."""

import numpy as np
import pytest
import torch

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.detectors import dispatch, memory, silhouette
from LandmarkDetectionLib.detectors.dispatch import detect
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.models import Model

OUT_OF_MEMORY = (
    torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("CUDA error: out of memory"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
)
NO_MEMORY = (
    MemoryError(),
    RuntimeError("[enforce fail at alloc_cpu.cpp:114] DefaultCPUAllocator: can't allocate memory"),
)


def answer(device: str) -> Detection:
    landmarks = LandmarkSet((Landmark("chin", np.zeros(3)),))
    return Detection(landmarks, "m", "1", {"device": device, "depth": "network"})


@pytest.mark.parametrize("problem", OUT_OF_MEMORY, ids=lambda problem: str(problem)[:20])
def test_the_processor_takes_over_and_the_detection_says_so(problem: Exception) -> None:
    devices = []

    def run(device: str) -> Detection:
        devices.append(device)
        if device == "cuda":
            raise problem
        return answer(device)

    detection, note = memory.run_within(run, "cuda", "Scan")
    assert devices == ["cuda", "cpu"]
    assert detection.parameters == {"device": "cpu", "depth": "network"} and note == memory.NOTE


def test_another_error_of_the_device_is_not_hidden() -> None:
    def run(device: str) -> Detection:
        raise RuntimeError("CUDA error: device-side assert triggered")

    with pytest.raises(RuntimeError, match="assert"):
        memory.run_within(run, "cuda", "Scan")


@pytest.mark.parametrize("problem", NO_MEMORY, ids=["numpy", "torch"])
def test_a_computer_without_memory_left_gives_one_sentence(problem: Exception) -> None:
    def run(device: str) -> Detection:
        raise problem

    with pytest.raises(InputError, match="too little memory left for Scan"):
        memory.run_within(run, "cpu", "Scan")


def test_what_filled_the_device_is_let_go_before_the_processor_begins() -> None:
    alive = 0

    class Tensor:
        def __init__(self) -> None:
            nonlocal alive
            alive += 1

        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def run(device: str) -> Detection:
        held = Tensor() if device == "cuda" else None
        if held is not None:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        assert alive == 0
        return answer(device)

    assert memory.run_within(run, "cuda", "Scan")[0].parameters["device"] == "cpu"


def test_a_whole_detection_survives_a_device_that_is_too_small(
    phantom: tuple[Volume, LandmarkSet], skin_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No such device is here, so placing the networks on it is replaced by its error."""
    plain = Model.build_networks

    def build(self: Model, device: str = "cpu") -> dict[str, torch.nn.Module]:
        if device == "cuda":
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        return plain(self, device)

    monkeypatch.setattr(dispatch, "choose_device", lambda device: device)
    monkeypatch.setattr(Model, "build_networks", build)
    views = silhouette.project_body(phantom[0], pixel_mm=8.0)
    monkeypatch.setattr(silhouette, "project_body", lambda *_, **__: views)
    detection = detect(phantom[0], skin_model, device="cuda")
    assert detection.parameters["device"] == "cpu"
    assert detection.parameters["device_note"] == memory.NOTE
    assert len(detection.landmarks.present) > 20
    assert "device_note" not in detect(phantom[0], skin_model, device="cpu").parameters
