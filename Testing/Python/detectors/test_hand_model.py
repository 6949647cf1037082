"""The shipped hand model on real radiographs and on held-out synthetic hands."""

from pathlib import Path

import numpy as np
import pytest

from LandmarkDetectionLib.detectors.settings import HandSettings
from LandmarkDetectionLib.models import Model, load_model
from Testing.Benchmarks import hand_radiographs


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model("hand")


@pytest.fixture(scope="module")
def readings(real_data: Path) -> dict[str, hand_radiographs.Reading]:
    folder = real_data / "hand_xray"
    points = hand_radiographs.read_points(folder / "landmarks_px.csv")
    images = [path for path in sorted(folder.glob("*.nrrd")) if path.stem in points]
    assert images, "the folder of radiographs is empty"
    return {path.stem: hand_radiographs.measure(path, points[path.stem], "hand") for path in images}


def test_fingertips_lie_within_four_percent_of_the_hand_s_length(
    readings: dict[str, hand_radiographs.Reading],
) -> None:
    errors = np.array([[one.errors[name] for name in hand_radiographs.TIPS] for one in readings.values()])
    assert np.isfinite(errors).all(), "every fingertip is found"
    assert errors.mean() <= 4
    assert errors.max() <= 8


def test_every_fingertip_is_that_of_the_right_finger(
    readings: dict[str, hand_radiographs.Reading],
) -> None:
    for image, one in readings.items():
        assert all(name == other for name, other in one.nearest.items()), image


def test_joints_lie_within_a_twentieth_of_the_hand_s_length(
    readings: dict[str, hand_radiographs.Reading],
) -> None:
    for image, one in readings.items():
        assert np.nanmean(list(one.errors.values())) <= 5, image


def test_the_model_is_small_and_knows_every_landmark_of_the_protocol(model: Model) -> None:
    size = sum(file.stat().st_size for file in model.path.rglob("*") if file.is_file())
    assert size <= 15e6
    assert len(model.protocol.names) == 25
    assert HandSettings.of(model).depth_method == "network"


def test_the_network_s_depth_is_at_most_half_as_wrong_as_the_mean_depth(model: Model) -> None:
    pytest.importorskip("anny", reason="synthetic hands need anny")
    from LandmarkDetectionLib.synthesis.hand.stream import HandFraming
    from LandmarkDetectionLib.training.synthetic.held_out_hands import hand_population, measure_hands

    settings = HandSettings.of(model)
    framing = HandFraming(settings.canvas_shape, filled=settings.filled, jitter=0.02)
    network = model.build_networks("cpu")["coronal"]
    tested = measure_hands(
        network, model.protocol, framing, hand_population(model.protocol, framing, 2), 1_400_000, 1
    )
    errors = {method: values[tested.visible].mean() for method, values in tested.depth_mm.items()}
    assert errors["network"] <= 0.5 * min(errors["mean, normalised"], errors["mean, in mm"])
    assert tested.share[tested.visible].mean() < 0.03
