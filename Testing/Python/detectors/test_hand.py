"""Hands from the picture to landmarks: random weights, but everything around the network is real."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import Status
from LandmarkDetectionLib.core.options import DetectOptions
from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.detectors import hand
from LandmarkDetectionLib.detectors.dispatch import analyse, detect
from LandmarkDetectionLib.detectors.estimates import HandEstimates
from LandmarkDetectionLib.errors import Cancelled, InputError, ModelError, NoBodyError
from LandmarkDetectionLib.imaging.hand.views import HandPicture
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.models import Model, load_model, save_model
from LandmarkDetectionLib.networks.architectures import build_network
from LandmarkDetectionLib.reporting.overlay import write_overlay
from Testing.examples.hand_radiograph import TIPS, WRIST, as_volume, drawn_radiograph

NAMES = ("wrist", "thumb_tip", "index_tip", "middle_tip", "ring_tip", "little_tip")
#: Where a network that knows the drawn hand would put the landmarks.
DRAWN = np.array([WRIST, *TIPS.values()])


def save_hand(folder: Path, names: tuple[str, ...] = NAMES, **changed: Any) -> Model:
    """A hand model with a random network."""
    torch.manual_seed(3)
    protocol: Protocol = load_protocol("hand").restricted(names)
    parameters = {"landmarks": len(names), "channels": [4, 8]}
    state = build_network("silhouette_unet", **parameters).state_dict()
    state["absent.bias"] -= 50
    curve = {"scores": [0.0, 1.0], "shares": [0.55, 0.95]}
    save_model(
        folder,
        name=folder.name,
        version="1.2.3",
        protocol=protocol,
        networks={"coronal": ("silhouette_unet", parameters, state)},
        settings={
            "canvas_shape": [64, 64],
            "filled": 0.9,
            "depth_method": "network",
            "mean_depth": dict.fromkeys(names, 0.5),
            "radius_share": 0.05,
            "calibration": {"depth": curve, "silhouette": curve},
            "length_range_share": {},
            **changed,
        },
        detector="hand",
        card="Random networks for tests.",
    )
    return load_model(folder)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return save_hand(tmp_path_factory.mktemp("models") / "random-hand")


@pytest.fixture(scope="module")
def radiograph() -> Volume:
    return as_volume(drawn_radiograph())


@pytest.fixture(scope="module")
def detection(radiograph: Volume, model: Model) -> Detection:
    return detect(radiograph, model, device="cpu")


@pytest.fixture
def knowing(monkeypatch: pytest.MonkeyPatch, radiograph: Volume) -> None:
    """A network that finds the drawn hand's landmarks in the one view that shows it upright."""
    canvases = []
    canvas_of = hand.hand_patch

    def remembered(*arguments: Any) -> Any:
        canvases.append(canvas_of(*arguments))
        return canvases[-1]

    def estimate(_network: Any, front: np.ndarray, *_: Any) -> HandEstimates:
        count, marks = len(front), len(DRAWN)
        ras = radiograph.ijk_to_ras_points(np.column_stack([DRAWN, np.zeros(marks)]))
        position = np.stack([canvas.geometry.from_ras(ras)[:, :2] for canvas in canvases[-count:]])
        upright = (position[:, 3, 1] < position[:, 0, 1]) & (position[:, 1, 0] > position[:, 5, 0])
        flat = np.zeros((count, marks))
        covariance = np.tile(np.eye(2), (count, marks, 1, 1))
        near = np.where(upright[:, None], 1.0, 0.1) + flat
        length = np.linalg.norm(position[:, 3] - position[:, 0], axis=1)
        zero = np.zeros(count)
        maps = np.zeros((count, 3, marks, 4, 4), np.float32)
        return HandEstimates(position, covariance, flat + 1, near, flat, flat, zero, zero + 1, length, maps)

    monkeypatch.setattr(hand, "hand_patch", remembered)
    monkeypatch.setattr(hand, "estimate_hands", estimate)


def test_every_landmark_of_the_protocol_is_answered_in_its_order(detection: Detection) -> None:
    assert detection.landmarks.names == NAMES
    assert (detection.model, detection.model_version) == ("random-hand", "1.2.3")
    assert set(detection.seconds) == {"project", "load model", "networks"}


def test_landmarks_of_a_radiograph_lie_in_its_plane_with_a_flat_covariance(
    detection: Detection, radiograph: Volume
) -> None:
    found = [one for one in detection.landmarks if one.is_present]
    assert found
    for landmark in found:
        ijk = radiograph.ras_to_ijk_points(landmark.position[None])[0]
        assert ijk[2] == pytest.approx(0, abs=1e-6)
        assert landmark.covariance is not None
        assert np.abs(landmark.covariance[2]).max() < 1e-9
        assert np.linalg.eigvalsh(landmark.covariance[:2, :2]).min() > 0
        assert landmark.confidence is not None


def test_the_record_says_how_the_side_was_told_and_that_there_is_no_depth(detection: Detection) -> None:
    assert detection.parameters["side"] == "left"
    assert "dorsopalmar" in detection.parameters["seen"]
    assert detection.parameters["depth"] == "none"
    assert detection.parameters["unit"] == "mm"
    json.dumps(detection.to_record())


@pytest.mark.usefixtures("knowing")
@pytest.mark.parametrize(
    ("way", "side"),
    [
        (lambda image: image, "left"),
        (lambda image: image[::-1, ::-1], "left"),
        (lambda image: image[:, ::-1], "right"),
    ],
    ids=["upright", "upside down", "mirrored"],
)
def test_what_the_network_finds_comes_back_to_its_place_in_the_picture(
    model: Model, radiograph: Volume, way: Callable[[np.ndarray], np.ndarray], side: str
) -> None:
    # The pixels stay where they are in space, only their order in memory changes.
    image = drawn_radiograph()
    turned = way(image)
    row, column = (way(np.indices(image.shape)[n]) for n in (0, 1))
    corner = np.array([column[0, 0], row[0, 0]], float)
    steps = np.array([[column[0, 1] - corner[0], 0], [0, row[1, 0] - corner[1]]])
    matrix = radiograph.ijk_to_ras.copy()
    matrix[:3, :2] = radiograph.ijk_to_ras[:3, :2] @ steps
    matrix[:3, 3] = radiograph.ijk_to_ras_points([[*corner, 0]])[0]
    found = detect(Volume(turned[None].copy(), matrix, "DX", "turned"), model, device="cpu")
    pixels = radiograph.ras_to_ijk_points(found.landmarks.positions)[:, :2]
    np.testing.assert_allclose(pixels, DRAWN, atol=1e-6)
    assert found.parameters["side"] == side


@pytest.mark.usefixtures("knowing")
def test_the_way_in_which_the_network_finds_most_is_taken(
    model: Model, radiograph: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    right_first = hand.view_hand

    def wrong_first(*arguments: Any) -> HandPicture:
        picture = right_first(*arguments)
        return replace(picture, views=picture.views[::-1], sure=False)

    monkeypatch.setattr(hand, "view_hand", wrong_first)
    found = detect(radiograph, model, device="cpu")
    assert found.parameters["side"] == "left"
    pixels = radiograph.ras_to_ijk_points(found.landmarks.positions)[:, :2]
    np.testing.assert_allclose(pixels, DRAWN, atol=1e-6)


def test_a_clear_shape_is_overruled_only_by_what_explains_the_picture_clearly_better() -> None:
    about_as_good = np.array([4.0, 4.9])
    better = np.array([4.0, 6.0])
    assert hand._best_view(about_as_good, clear=True) == 0
    assert hand._best_view(about_as_good, clear=False) == 1
    assert hand._best_view(better, clear=True) == 1


@pytest.mark.usefixtures("knowing")
@pytest.mark.parametrize(("bones", "certain"), [(0, True), (3, False)])
def test_impossible_bones_take_the_confidence_of_everything_with_one_sentence(
    tmp_path: Path, radiograph: Volume, bones: int, certain: bool
) -> None:
    lines = (("wrist", "middle_tip"), ("wrist", "index_tip"), ("wrist", "ring_tip"))
    ranges = {f"{a}-{b}": [0.1, 0.2] if n < bones else [0.1, 2.0] for n, (a, b) in enumerate(lines)}
    strict = save_hand(tmp_path / "strict-hand", length_range_share=ranges)
    model = replace(strict, protocol=strict.protocol.model_copy(update={"lines": lines}))
    found = detect(radiograph, model, device="cpu")
    assert {one.status is Status.DETECTED for one in found.landmarks if one.is_present} == {certain}
    told = [text for text in found.warnings if "lengths that no hand has" in text or " apart; " in text]
    assert len(told) == (0 if certain else 1)


@pytest.mark.parametrize(
    ("sure", "worth", "doubted"),
    [
        (True, [25.0, 24.8], False),  # the shape is clear and nothing is better
        (True, [23.0, 25.0], True),  # shape and network differ
        (True, [20.0, 25.0], False),  # the network is far surer than the shape
        (False, [25.0, 24.5], True),  # neither tells
        (False, [25.0, 21.0], False),
    ],
)
def test_the_order_of_the_fingers_is_doubted_where_shape_and_network_do_not_agree(
    radiograph: Volume, sure: bool, worth: list[float], doubted: bool
) -> None:
    picture = hand.view_hand(radiograph)
    left, right = (next(one for one in picture.views if one.side == side) for side in ("left", "right"))
    picture = replace(picture, views=(left, right), sure=sure)
    values = np.array(worth)
    best = hand._best_view(values, sure)
    assert hand._thumb_is_doubtful(picture, values, best, "auto") is doubted


def test_what_is_no_hand_is_answered_without_confidence() -> None:
    """The shipped model on a drawn head: an oval with a neck, a brighter rim, and a smooth background."""
    row, column = np.mgrid[:420, :330]
    inside = ((row - 170) / 140) ** 2 + ((column - 165) / 110) ** 2 < 1
    inside |= (np.abs(column - 150) < 50) & (row > 250)
    skull = drawn_radiograph(inside)
    found = detect(as_volume(skull), load_model("hand"), device="cpu")
    assert all(one.status is not Status.DETECTED for one in found.landmarks)
    assert any("may not show a hand" in warning for warning in found.warnings)


@pytest.mark.usefixtures("knowing")
def test_a_side_that_the_thumb_contradicts_is_warned_about(model: Model, radiograph: Volume) -> None:
    found = detect(radiograph, model, device="cpu", side="right")
    assert found.parameters["side"] == "right"
    assert any("palm" in warning for warning in found.warnings)


def test_without_a_pixel_size_positions_are_in_pixels_and_this_is_said(model: Model) -> None:
    unknown = replace(as_volume(drawn_radiograph(), spacing=1.0), spacing_known=False)
    found = detect(unknown, model, device="cpu")
    assert found.parameters["unit"] == "pixel"
    assert any("in pixels, not mm" in warning for warning in found.warnings)


@pytest.mark.usefixtures("knowing")
def test_bones_that_no_hand_has_are_warned_about(tmp_path: Path, radiograph: Volume) -> None:
    strict = save_hand(tmp_path / "strict-hand", length_range_share={"wrist-middle_tip": [0.1, 0.2]})
    protocol = strict.protocol.model_copy(update={"lines": (("wrist", "middle_tip"),)})
    found = detect(radiograph, replace(strict, protocol=protocol), device="cpu")
    assert any("wrist and middle tip are" in warning for warning in found.warnings)


def test_a_picture_in_which_nothing_is_found_with_confidence_is_refused(
    tmp_path: Path, radiograph: Volume
) -> None:
    never = {"scores": [0.0, 1.0], "shares": [0.0, 0.1]}
    blind = save_hand(tmp_path / "blind-hand", calibration={"depth": never, "silhouette": never})
    with pytest.raises(NoBodyError, match="does not look like a hand"):
        detect(radiograph, blind, device="cpu")


def test_a_picture_in_which_little_is_found_is_doubted(tmp_path: Path, radiograph: Volume) -> None:
    seldom = {"scores": [0.0, 1.0], "shares": [0.3, 0.45]}
    doubting = save_hand(tmp_path / "doubting-hand", calibration={"depth": seldom, "silhouette": seldom})
    found = detect(radiograph, doubting, device="cpu")
    assert "only 0 of 6 landmarks" in found.warnings[0]


def test_a_lateral_view_is_refused(model: Model, radiograph: Volume) -> None:
    with pytest.raises(InputError, match="one side only"):
        detect(radiograph, model, depth="lateral", device="cpu")


def test_a_protocol_without_the_ends_of_the_hand_is_refused(tmp_path: Path, radiograph: Volume) -> None:
    short = save_hand(tmp_path / "short-hand", names=("thumb_tip", "middle_tip"))
    with pytest.raises(ModelError, match="lacks wrist"):
        detect(radiograph, short, device="cpu")


def test_settings_that_lack_a_landmark_are_refused(tmp_path: Path, radiograph: Volume) -> None:
    broken = save_hand(tmp_path / "broken-hand", mean_depth={"wrist": 0.0})
    with pytest.raises(ModelError, match="mean_depth lacks"):
        detect(radiograph, broken, device="cpu")


def test_a_side_is_refused_for_models_of_bodies(tiny_model: Path, radiograph: Volume) -> None:
    with pytest.raises(InputError, match="not one of hands"):
        detect(radiograph, load_model(tiny_model), side="left", device="cpu")


def test_it_can_be_cancelled(model: Model, radiograph: Volume) -> None:
    with pytest.raises(Cancelled):
        detect(radiograph, model, device="cpu", cancelled=lambda: True)


@pytest.mark.parametrize("depth", ["mean", "network"])
def test_a_volume_gets_depths_and_its_side(model: Model, depth: str) -> None:
    pytest.importorskip("anny", reason="the synthetic hand needs anny")
    from Testing.examples.hand_phantom import hand_phantom

    phantom = hand_phantom("MR", seed=3)
    found = detect(phantom.volume, model, depth=depth, device="cpu", side="left")
    assert (found.parameters["depth"], found.parameters["side"]) == (depth, "left")
    present = [one for one in found.landmarks if one.status is not Status.ABSENT]
    assert present
    covariances = [one.covariance for one in present if one.covariance is not None]
    assert min(np.linalg.eigvalsh(one).min() for one in covariances) > 0
    low, high = phantom.outline.min(axis=0) - 60, phantom.outline.max(axis=0) + 60
    assert all(((one.position > low) & (one.position < high)).all() for one in present)


def test_the_overlay_of_a_radiograph_shows_the_radiograph(
    radiograph: Volume, model: Model, tmp_path: Path
) -> None:
    analysis = analyse(radiograph, model, DetectOptions(device="cpu"))
    write_overlay(analysis.detection, analysis.views, model.protocol, tmp_path / "overlay.png")
    picture = np.asarray(Image.open(tmp_path / "overlay.png").convert("L"), float)
    # Bones and skin are grey areas on a dark page.
    assert 0.1 < (picture > 110).mean() < 0.6


def test_the_command_finds_a_hand_in_a_picture(cli: Callable[..., Any], model: Model, tmp_path: Path) -> None:
    image = np.clip(drawn_radiograph(), 0, 255).astype(np.uint8)
    Image.fromarray(image).save(tmp_path / "hand.png")
    answer = cli(
        "detect", tmp_path / "hand.png", "--model", model.path, "--side", "right",
        "-o", tmp_path / "hand.json", "--overlay", tmp_path / "overlay.png", "--device", "cpu",
    )  # fmt: skip
    assert answer.code == 0
    assert "in pixels, not mm" in answer.err
    record = json.loads((tmp_path / "hand.json").read_text(encoding="utf-8"))
    assert record["parameters"]["side"] == "right"
    assert [one["name"] for one in record["landmarks"]] == list(NAMES)
    assert (tmp_path / "overlay.png").stat().st_size > 10_000
