"""Detectors: one landmark per landmark of the protocol, wherever and however the scan lies in its file.

The networks have random weights, so what they find means nothing; everything around them is the real thing.
"""

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("anny", reason="the synthetic CT needs anny")

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import LandmarkSet, Status
from LandmarkDetectionLib.core.options import DEPTH_METHODS, DetectOptions
from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.detectors import dispatch, silhouette
from LandmarkDetectionLib.detectors.checking import NEEDS
from LandmarkDetectionLib.detectors.dispatch import choose_device, detect
from LandmarkDetectionLib.detectors.silhouette import patch_of
from LandmarkDetectionLib.errors import Cancelled, InputError, ModelError, NoBodyError
from LandmarkDetectionLib.imaging.body.projection import Projection, project_body
from LandmarkDetectionLib.models import Model, load_model, save_model
from LandmarkDetectionLib.models.capabilities import OF_DETECTORS
from LandmarkDetectionLib.networks.architectures import build_network

NAMES = ("head_top", "shoulder_right", "shoulder_left", "knee_right", "knee_left")
PIXEL_MM = 16.0


def saved(
    folder: Path, protocol: Protocol, networks: dict[str, Any], settings: dict[str, Any], kind: str
) -> Model:
    save_model(
        folder,
        name=folder.name,
        version="1.2.3",
        protocol=protocol,
        networks=networks,
        settings={
            "pixel_mm": PIXEL_MM,
            "coronal_shape": [128, 64],
            "mean_depth_mm": dict.fromkeys(NAMES, 40.0),
            "length_range_mm": {},
            "depth_method": "network",
            **settings,
        },
        detector=kind,
        card="Random networks for tests.",
    )
    return load_model(folder)


@pytest.fixture(scope="module")
def protocol(whole_body: Protocol) -> Protocol:
    return whole_body.restricted(NAMES)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, protocol: Protocol) -> Model:
    """Random compact networks with sharp maps, one landmark always absent, and high confidence."""
    torch.manual_seed(7)
    parameters = {"landmarks": len(NAMES), "channels": [4, 8, 12]}
    networks = {}
    for view in ("coronal", "lateral"):
        state = build_network("silhouette_unet", **parameters).state_dict()
        state["head.1.weight"][: len(NAMES)] *= 60
        state["absent.bias"] -= 50
        state["absent.bias"][NAMES.index("head_top")] += 500
        networks[view] = ("silhouette_unet", parameters, state)
    settings = {
        "lateral_shape": [128, 32],
        "calibration": {method: {"scores": [0.0, 1.0], "shares": [0.55, 0.95]} for method in DEPTH_METHODS},
        "mean_depth_error_mm": dict.fromkeys(NAMES, 25.0),
    }
    folder = tmp_path_factory.mktemp("models") / "random-body"
    return saved(folder, protocol, networks, settings, "silhouette")


@pytest.fixture(scope="module")
def regression(tmp_path_factory: pytest.TempPathFactory, protocol: Protocol) -> Model:
    """The paper's networks with random weights, for images of 32 x 32 pixels."""
    torch.manual_seed(7)
    networks = {}
    for name, outputs in (("position", 2 * len(NAMES)), ("depth", len(NAMES))):
        parameters = {"outputs": outputs, "rows": 32, "columns": 32}
        networks[name] = (
            "regression_cnn",
            parameters,
            build_network("regression_cnn", **parameters).state_dict(),
        )
    settings = {
        "coronal_shape": [32, 32],
        "found_share": {**dict.fromkeys(NAMES, 0.9), "knee_left": 0.2},
    }
    folder = tmp_path_factory.mktemp("models") / "random-paper"
    return saved(folder, protocol, networks, settings, "regression")


@pytest.fixture(scope="module")
def scan(phantom: tuple[Volume, LandmarkSet]) -> Volume:
    return phantom[0]


@pytest.fixture(scope="module")
def views(scan: Volume) -> Projection:
    return project_body(scan, pixel_mm=PIXEL_MM)


@pytest.fixture
def projected(monkeypatch: pytest.MonkeyPatch, views: Projection) -> None:
    """Project the shared scan only once; tests that use another volume leave this out."""
    monkeypatch.setattr(silhouette, "project_body", lambda *_, **__: views)


@pytest.fixture(scope="module")
def detection(scan: Volume, model: Model) -> Detection:
    return detect(scan, model, device="cpu")


def test_every_landmark_of_the_protocol_is_answered_in_its_order(
    detection: Detection, protocol: Protocol
) -> None:
    assert detection.landmarks.names == protocol.names
    assert (detection.model, detection.model_version) == ("random-body", "1.2.3")
    assert detection.parameters["depth"] == "network"
    assert detection.parameters["device"] == "cpu"
    assert set(detection.seconds) == {"project", "load model", "networks", "check"}


def test_an_absent_landmark_has_no_position_and_no_covariance(detection: Detection) -> None:
    landmark = detection.landmarks["head_top"]
    assert landmark.status is Status.ABSENT
    assert np.isnan(landmark.position).all()
    assert landmark.covariance is None
    assert landmark.confidence is not None
    assert landmark.confidence <= 0.5


def test_a_found_landmark_lies_in_the_scan_with_a_covariance_and_a_confidence(
    detection: Detection, scan: Volume
) -> None:
    found = [landmark for landmark in detection.landmarks.landmarks if landmark.status is not Status.ABSENT]
    assert len(found) >= 3
    for landmark in found:
        ijk = scan.ras_to_ijk_points(landmark.position[None])[0]
        # Depth is the network's own and may lie anywhere; rows and columns are pixels of the scan.
        assert -2 <= ijk[0] <= scan.size[0] + 1
        assert -2 <= ijk[2] <= scan.size[2] + 1
        assert landmark.covariance is not None
        np.testing.assert_allclose(landmark.covariance, landmark.covariance.T)
        assert np.linalg.eigvalsh(landmark.covariance).min() > 0
        assert 0.55 <= (landmark.confidence or 0) <= 0.95
        assert landmark.status is Status.DETECTED


def test_the_covariance_is_in_patient_axes(detection: Detection, views: Projection, model: Model) -> None:
    """Spread along rows is spread along the superior axis, and along depth along the anterior one."""
    spreads = [one.covariance for one in detection.landmarks.landmarks if one.covariance is not None]
    assert spreads
    for spread in spreads:
        assert abs(spread[0, 1]) < 1e-9
        assert abs(spread[1, 2]) < 1e-9


@pytest.mark.parametrize(
    ("order", "flips"),
    [((0, 1, 2), (True, False, True)), ((1, 2, 0), (False, True, False)), ((2, 0, 1), (True, True, True))],
)
def test_landmarks_do_not_depend_on_how_voxels_are_stored(
    scan: Volume, model: Model, detection: Detection, order: tuple[int, ...], flips: tuple[bool, ...]
) -> None:
    """The same scan with its voxel axes exchanged and reversed: RAS positions stay within 1 mm."""
    flip = tuple(slice(None, None, -1) if f else slice(None) for f in flips)
    voxels = np.ascontiguousarray(scan.voxels.transpose(order)[flip])
    # Row n of `permute` says where index n of the new array comes from in (i, j, k) of the old one.
    permute = np.zeros((4, 4))
    permute[3, 3] = 1
    for axis in range(3):
        new, old = 2 - axis, 2 - order[axis]
        permute[old, new] = -1 if flips[axis] else 1
        permute[old, 3] = voxels.shape[axis] - 1 if flips[axis] else 0
    other = Volume(voxels, scan.ijk_to_ras @ permute, "CT")
    again = detect(other, model, device="cpu")
    assert [lm.status for lm in again.landmarks.landmarks] == [
        lm.status for lm in detection.landmarks.landmarks
    ]
    np.testing.assert_allclose(again.landmarks.positions, detection.landmarks.positions, atol=1.0)


def test_a_moved_scan_has_moved_landmarks(scan: Volume, model: Model, detection: Detection) -> None:
    matrix = scan.ijk_to_ras.copy()
    matrix[:3, 3] += (2 * PIXEL_MM, -3 * PIXEL_MM, 5 * PIXEL_MM)
    moved = detect(replace(scan, ijk_to_ras=matrix), model, device="cpu")
    shift = moved.landmarks.positions - detection.landmarks.positions
    present = np.isfinite(shift[:, 0])
    assert present.sum() >= 3
    np.testing.assert_allclose(
        shift[present], [[2 * PIXEL_MM, -3 * PIXEL_MM, 5 * PIXEL_MM]] * present.sum(), atol=1.0
    )


@pytest.mark.usefixtures("projected")
def test_progress_rises_to_one(scan: Volume, model: Model) -> None:
    calls: list[tuple[float, str]] = []
    detect(scan, model, device="cpu", progress=lambda *call: calls.append(call))
    fractions = [fraction for fraction, _ in calls]
    assert fractions == sorted(fractions)
    assert fractions[0] > 0
    assert fractions[-1] == 1
    assert calls[-1][1] == "done"


@pytest.mark.usefixtures("projected")
@pytest.mark.parametrize("step", range(1, 6))
def test_cancelling_is_noticed_at_every_step(scan: Volume, model: Model, step: int) -> None:
    asked = itertools.count(1)
    fractions: list[float] = []
    with pytest.raises(Cancelled, match="nothing was written"):
        detect(
            scan,
            model,
            device="cpu",
            progress=lambda fraction, _: fractions.append(fraction),
            cancelled=lambda: next(asked) == step,
        )
    assert len(fractions) == step - 1


@pytest.mark.usefixtures("projected")
def test_depth_methods_share_the_plane_and_differ_in_depth(scan: Volume, model: Model) -> None:
    positions = {
        method: detect(scan, model, depth=method, device="cpu").landmarks.positions
        for method in DEPTH_METHODS
    }
    for method in ("mean", "lateral"):
        np.testing.assert_allclose(positions[method][:, [0, 2]], positions["network"][:, [0, 2]])
        assert not np.allclose(positions[method][:, 1], positions["network"][:, 1], equal_nan=True)


def test_an_unknown_depth_method_is_refused(scan: Volume, model: Model) -> None:
    with pytest.raises(InputError, match="'guess' is unknown; choose mean, network, lateral"):
        detect(scan, model, depth="guess")


def test_an_unknown_or_missing_device_is_refused(
    scan: Volume, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="'tpu' is unknown"):
        detect(scan, model, device="tpu")
    with pytest.raises(InputError, match="this machine offers none"):
        choose_device("cuda")
    assert choose_device("auto") == "cpu"


def test_a_detector_of_a_later_version_is_refused(scan: Volume, model: Model) -> None:
    with pytest.raises(ModelError, match="'telepathy', which this version lacks"):
        detect(scan, replace(model, detector="telepathy"))


@pytest.mark.parametrize("factor", [0.01, 10.0])
def test_a_wrong_spacing_is_refused_in_mm(scan: Volume, model: Model, factor: float) -> None:
    wrong = replace(scan, ijk_to_ras=np.diag([factor, factor, factor, 1.0]) @ scan.ijk_to_ras)
    with pytest.raises(InputError, match=r"spacing .* is probably wrong"):
        detect(wrong, model)


def test_an_unknown_spacing_is_refused(scan: Volume, model: Model) -> None:
    with pytest.raises(InputError, match="does not say how large its voxels are"):
        detect(replace(scan, spacing_known=False), model)


def test_a_radiograph_is_refused(model: Model) -> None:
    flat = Volume(np.zeros((1, 400, 300), np.int16), np.diag([-1.0, -1.0, 1.0, 1.0]), "CR", "chest film")
    with pytest.raises(InputError, match="chest film is a single image, not a volume"):
        detect(flat, model, device="cpu")


@pytest.mark.usefixtures("projected")
def test_an_unlikely_outline_is_an_answer_with_the_tissues_of_a_body_and_refused_without(
    scan: Volume, model: Model
) -> None:
    curve = {"scores": [0.0, 1.0], "shares": [0.0, 0.1]}
    doubtful = replace(model, settings={**model.settings, "calibration": dict.fromkeys(DEPTH_METHODS, curve)})
    assert {one.status for one in detect(scan, doubtful, device="cpu").landmarks} <= {
        Status.UNCERTAIN,
        Status.ABSENT,
    }
    water = replace(scan, voxels=np.where(scan.voxels > -400, 0, -1000).astype(np.int16))
    with pytest.raises(NoBodyError, match="does not look like a human body"):
        detect(water, doubtful, device="cpu")


@pytest.mark.usefixtures("projected")
def test_none_of_the_landmarks_is_an_answer_in_one_sentence(scan: Volume, model: Model) -> None:
    nothing = replace(scan, name="abdomen")
    networks = model.build_networks()
    for network in networks.values():
        network.absent.bias.data += 1000
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(silhouette.array_estimates, "networks_for", lambda *_: networks)
        found = detect(nothing, model, device="cpu")
    assert {one.status for one in found.landmarks} == {Status.ABSENT}
    assert found.warnings[0] == "None of the landmarks of random-body lies in abdomen."


@pytest.mark.usefixtures("projected")
def test_doubtful_landmarks_are_called_uncertain(scan: Volume, model: Model) -> None:
    curve = {"scores": [0.0, 1.0], "shares": [0.3, 0.4]}
    doubtful = replace(model, settings={**model.settings, "calibration": dict.fromkeys(DEPTH_METHODS, curve)})
    statuses = {lm.status for lm in detect(scan, doubtful, device="cpu").landmarks.landmarks}
    assert statuses == {Status.UNCERTAIN, Status.ABSENT}


def test_the_networks_see_the_body_in_the_middle_of_a_large_enough_image(views: Projection) -> None:
    for view, smallest in ((views.coronal, (128, 64)), (views.lateral, (32, 32))):
        seen = patch_of(view, smallest)
        rows, columns = seen.silhouette.shape
        assert rows >= smallest[0]
        assert columns >= smallest[1]
        assert rows % 32 == columns % 32 == 0
        assert seen.silhouette.sum() == view.silhouette.sum()
        r, c = np.nonzero(seen.silhouette)
        assert abs((r.min() + r.max()) / 2 - (rows - 1) / 2) <= 1
        assert abs((c.min() + c.max()) / 2 - (columns - 1) / 2) <= 1
        assert min(r.min(), c.min(), rows - 1 - r.max(), columns - 1 - c.max()) >= 3


@pytest.fixture(scope="module")
def by_regression(scan: Volume, regression: Model) -> Callable[..., Detection]:
    return lambda **options: detect(scan, regression, device="cpu", **options)


@pytest.mark.usefixtures("projected")
def test_the_papers_networks_detect_with_the_share_found_as_confidence(
    by_regression: Callable[..., Detection],
) -> None:
    calls: list[float] = []
    detection = by_regression(progress=lambda fraction, _: calls.append(fraction))
    assert calls == sorted(calls)
    assert calls[-1] == 1
    confidence = {
        lm.name: lm.confidence for lm in detection.landmarks.landmarks if lm.status is not Status.ABSENT
    }
    confidence.pop("head_top", None)  # random networks put it where no skull is, which lowers it
    assert set(confidence.values()) <= {0.9, 0.2}
    assert len(confidence) >= 3
    knee = detection.landmarks["knee_left"]
    assert knee.status in (Status.UNCERTAIN, Status.ABSENT)


@pytest.mark.usefixtures("projected")
def test_the_papers_networks_look_at_the_body_alone(
    by_regression: Callable[..., Detection], scan: Volume, regression: Model
) -> None:
    """Random weights give positions near the middle of the unit-size image, so near the body's centre."""
    positions = by_regression(depth="mean").landmarks.positions
    positions = positions[np.isfinite(positions[:, 0])]
    centre = scan.ijk_to_ras_points(np.array([[(n - 1) / 2 for n in scan.size]]))[0]
    assert np.abs(positions[:, 0] - centre[0]).max() < 0.3 * scan.extent_mm[0]
    assert np.abs(positions[:, 2] - centre[2]).max() < 0.3 * scan.extent_mm[2]


@pytest.mark.usefixtures("projected")
def test_the_papers_networks_have_no_lateral_view(by_regression: Callable[..., Detection]) -> None:
    with pytest.raises(InputError, match="has no lateral network"):
        by_regression(depth="lateral")


def test_every_detector_can_be_run_checked_and_told_apart() -> None:
    assert set(dispatch.MODULES) == set(OF_DETECTORS) == set(NEEDS)
    for name, can in OF_DETECTORS.items():
        model = replace(load_model("whole-body-ct"), detector=name)
        detector = dispatch.detector_of(model)
        assert callable(detector.analyse) and callable(detector.refuses)
        assert model.capabilities.of_hands == can.of_hands == name.startswith("hand")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (DetectOptions(side="left"), "is not one of hands; leave out the side"),
        (DetectOptions(channels=[Volume(np.zeros((4, 4, 4)), np.eye(4))]), "leave out the further channels"),
    ],
)
def test_what_a_model_of_bodies_cannot_be_told_is_refused(
    scan: Volume, model: Model, options: DetectOptions, sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        dispatch.analyse(scan, model, options)
