"""Numbers and order of memory that networks learn in."""

import platform
from pathlib import Path

import pytest
import torch

from LandmarkDetectionLib.networks.arithmetic import computes_bfloat16, memory_format
from LandmarkDetectionLib.training import loop
from LandmarkDetectionLib.training.config import LoopConfig

CPUINFO = Path("/proc/cpuinfo")


@pytest.mark.skipif(
    not CPUINFO.is_file() or platform.machine() != "x86_64", reason="Linux tells of x86 what it computes."
)
def test_units_for_bfloat16_are_those_that_the_processor_names() -> None:
    flags = next(line for line in CPUINFO.read_text().splitlines() if line.startswith("flags")).split()
    assert computes_bfloat16("cpu") == ("avx512_bf16" in flags)


def test_a_device_that_is_not_known_computes_in_single_precision() -> None:
    assert not computes_bfloat16("meta")


@pytest.mark.parametrize("units", [True, False])
def test_auto_is_bfloat16_only_where_there_are_units_for_it(
    units: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "computes_bfloat16", lambda device: units)
    assert loop._precision(LoopConfig(), "cpu") == ("bf16-mixed" if units else "32-true")


@pytest.mark.skipif(torch.cuda.is_available(), reason="Without a graphics card only.")
@pytest.mark.skipif(not hasattr(torch, "accelerator"), reason="Older releases name none.")
def test_a_pytorch_built_for_cuda_learns_where_there_is_no_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda *_: torch.device("cuda"))
    assert loop._precision(LoopConfig(), "auto") == loop._precision(LoopConfig(), "cpu")


def test_a_precision_that_was_chosen_stays() -> None:
    assert loop._precision(LoopConfig(precision="bf16-mixed"), "cpu") == "bf16-mixed"
    assert loop._precision(LoopConfig(precision="32-true"), "cpu") == "32-true"


def test_volumes_lie_channels_last_and_images_do_where_that_is_fast() -> None:
    assert memory_format(3) == torch.channels_last_3d
    fast = torch.cuda.is_available() or computes_bfloat16("cpu")
    assert memory_format() == (torch.channels_last if fast else torch.contiguous_format)
