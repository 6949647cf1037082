"""A skull is told by its own bones, also where a scan ends at the brow."""

from __future__ import annotations

import numpy as np
import pytest

from LandmarkDetectionLib.detectors.bone_estimates import BodyEstimates
from LandmarkDetectionLib.detectors.bones import SKULL_BONES, shows_a_skull
from LandmarkDetectionLib.io.protocols import load_protocol

NAMES = load_protocol("whole-body-bones").names
BONES = [n for n, name in enumerate(NAMES) if name.startswith(("mastoid", "porion", "gonion", "zygion"))]


def estimates(close: list[int]) -> BodyEstimates:
    kind = np.full((1, len(NAMES)), "first")
    kind[0, close] = "close"
    shape = kind.shape
    return BodyEstimates(
        np.zeros((*shape, 3)), np.zeros((*shape, 3, 3)), np.ones(shape), np.ones(shape), kind, np.zeros(shape)
    )


@pytest.mark.parametrize(
    ("close", "confidence", "skull"),
    [
        (BONES, 0.95, True),
        (BONES, 0.6, False),
        (BONES[: SKULL_BONES - 1], 0.95, False),
        ([n for n, name in enumerate(NAMES) if name.startswith(("vertebra", "eye", "knee"))], 0.95, False),
    ],
)
def test_enough_bones_of_a_skull_found_surely_are_a_skull(
    close: list[int], confidence: float, skull: bool
) -> None:
    assert shows_a_skull(estimates(close), np.full(len(NAMES), confidence), NAMES) is skull


def test_what_the_first_look_alone_says_is_no_skull() -> None:
    assert not shows_a_skull(estimates([]), np.full(len(NAMES), 0.99), NAMES)
