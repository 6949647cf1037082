"""Options of a detection, and what a record tells of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.core.options import DEPTH_METHODS, SIDES, DetectOptions, Used
from LandmarkDetectionLib.errors import InputError

OPTIONS = st.builds(
    DetectOptions,
    threshold=st.none() | st.floats(-2000, 2000),
    depth=st.none() | st.sampled_from(DEPTH_METHODS),
    side=st.sampled_from(SIDES),
)


@given(OPTIONS, st.floats(-2000, 2000))
def test_a_record_gives_back_the_options_and_not_what_came_of_them(asked: DetectOptions, used: float) -> None:
    parameters = {"threshold": used, "depth": "network", "side": "left", "given": asked.given}
    detection = Detection(LandmarkSet(()), "m", "1", parameters)
    assert detection.options == asked
    assert (detection.used.threshold, detection.used.depth, detection.used.side) == (used, "network", "left")


@pytest.mark.parametrize(
    ("wrong", "choices"),
    [
        ({"depth": "deep"}, "mean, network, lateral"),
        ({"device": "gpu"}, "auto, cpu, cuda"),
        ({"side": "top"}, "auto, left, right"),
    ],
)
def test_an_unknown_choice_is_refused_with_the_choices(wrong: dict[str, str], choices: str) -> None:
    with pytest.raises(InputError, match=f"is unknown; choose {choices}"):
        DetectOptions(**wrong)  # type: ignore[arg-type]


def test_a_record_of_somebody_else_tells_nothing_wrong() -> None:
    odd = {"threshold": True, "depth": 3, "device": None, "side": "auto", "unit": 7, "pixel_size_mm": "wide"}
    assert Used.of(odd) == Used()
    assert Used.of({"unit": "pixel", "side": "right"}) == Used(unit="pixel", side="right")
