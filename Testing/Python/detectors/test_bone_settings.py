"""What a model that looks at bones must say, and what is refused with a sentence that names the model."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from LandmarkDetectionLib.detectors.settings import BoneSettings
from LandmarkDetectionLib.errors import ModelError
from LandmarkDetectionLib.models import Model

NAMES = ["chin", "knee_left", "knee_right"]
KINDS = ("close", "first", "skin")


def settings() -> dict[str, Any]:
    return {
        "pixel_mm": 8.0,
        "coronal_shape": [256, 96],
        "lateral_shape": [256, 64],
        "region_pixel_mm": 2.5,
        "regions": [["chin"], ["knee_right", "knee_left"]],
        "calibration": {kind: {"scores": [0.0, 1.0], "shares": [0.1, 0.9]} for kind in KINDS},
        "spread": {kind: {name: 1.0 + n for n, name in enumerate(NAMES)} for kind in KINDS},
        "length_range_mm": {"knee_left-knee_right": [100.0, 400.0]},
    }


def model(given: dict[str, Any]) -> Model:
    """As much of a model as its settings are read from."""
    protocol = SimpleNamespace(names=NAMES)
    return cast(Model, SimpleNamespace(settings=given, protocol=protocol, path="models/bones"))


def test_regions_and_spreads_are_read_in_the_order_of_the_protocol() -> None:
    found = BoneSettings.of(model(settings()))
    assert [rows.tolist() for rows in found.region_rows(NAMES)] == [[0], [2, 1]]
    np.testing.assert_array_equal(found.spread_of("skin", NAMES), [1, 2, 3])


BAD: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a kind is not calibrated": (lambda s: s["calibration"].pop("skin"), "calibration lacks skin"),
    "kinds have no spread": (
        lambda s: (s["spread"].pop("skin"), s["spread"].pop("close")),
        "spread lacks close, skin",
    ),
    "a landmark has no spread": (
        lambda s: s["spread"]["first"].pop("chin"),
        "spread of first lacks chin",
    ),
    "a landmark is in no region": (lambda s: s["regions"].pop(0), "not every landmark is in one region"),
    "a landmark is in two regions": (
        lambda s: s["regions"].append(["chin"]),
        "not every landmark is in one region",
    ),
    "a region holds a stranger": (
        lambda s: s["regions"].append(["tail"]),
        "not every landmark is in one region",
    ),
    "a spread of nothing": (lambda s: s["spread"]["skin"].update(chin=0.0), "spread"),
    "a confidence that falls": (
        lambda s: s["calibration"]["close"].update(shares=[0.9, 0.1]),
        "must not fall",
    ),
    "pixels of no size": (lambda s: s.update(region_pixel_mm=0), "region_pixel_mm"),
    "no regions": (lambda s: s.pop("regions"), "regions"),
}


@pytest.mark.parametrize("case", BAD, ids=str)
def test_settings_that_do_not_work_are_refused(case: str) -> None:
    spoil, says = BAD[case]
    given = settings()
    spoil(given)
    with pytest.raises(ModelError, match=says) as found:
        BoneSettings.of(model(given))
    assert "models/bones" in str(found.value)
    assert "\n" not in str(found.value)
