"""Corrections and what the other landmarks make of them, through the detectors' own path."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.options import DetectOptions, possible_options
from LandmarkDetectionLib.core.review import Review
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.correction import Observed
from LandmarkDetectionLib.detectors.again import detect_again
from LandmarkDetectionLib.detectors.analysis import Analysis
from LandmarkDetectionLib.detectors.dispatch import analyse, detect
from LandmarkDetectionLib.detectors.evidence import Evidence
from LandmarkDetectionLib.detectors.heatmap_evidence import SpatialBranch
from LandmarkDetectionLib.detectors.joint import Answer, JointEvidence, JointFrame
from LandmarkDetectionLib.detectors.settings import HeatmapSettings
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.heatmaps.decoding import read_heatmaps
from LandmarkDetectionLib.io.records import read_detection, read_review, write_detection, write_review
from LandmarkDetectionLib.io.volumes import read_volume, write_volume
from LandmarkDetectionLib.models import load_model
from LandmarkDetectionLib.networks.architectures import build_network
from LandmarkDetectionLib.quality.calibration import PRESENT_ABOVE
from Testing.examples.hand_radiograph import as_volume, drawn_radiograph
from Testing.Python.correction.test_joint_gaussian import L, held_out, learned, one

__all__ = ["learned"]  # a fixture

NAMES = tuple(f"point_{n}" for n in range(L))
AXES = np.array([[0.5, 0.0], [0.0, 0.0], [0.0, -0.5]])  # half a millimetre per unit, in a coronal plane


def made_up(learned, n=0, present=None, inside=lambda points: np.ones(len(points), bool)) -> Analysis:
    """An analysis of the made-up body of the joint Gaussian's tests."""
    _, observed = held_out()
    answer = one(observed, n)
    chances = np.full(L, 0.95) if present is None else np.asarray(present)
    answer = answer._replace(seen=chances >= PRESENT_ABOVE)
    frame = JointFrame(np.array([10.0, 20.0, 30.0]), AXES)
    marks = tuple(
        Landmark(name, place, Status.DETECTED if there else Status.ABSENT, 0.9 if there else 0.1)
        for name, place, there in zip(NAMES, frame.to_ras(answer.position), answer.seen, strict=True)
    )
    evidence = JointEvidence(frame, Answer(answer, chances), learned, 20.0, 2, inside)
    detection = Detection(LandmarkSet(marks), "made-up", "1.0.0")
    return Analysis(detection, None, Evidence(None, evidence))


def true_place(n, landmark):
    return JointFrame(np.array([10.0, 20.0, 30.0]), AXES).to_ras(held_out()[0][n, landmark : landmark + 1])[0]


def test_a_corrected_landmark_is_where_it_was_put_and_remembers_where_it_was(learned):
    analysis = made_up(learned)
    place = true_place(0, 2) + np.array([0.1, 3.0, 0.2])  # a little off the plane
    refined = analysis.refine({"point_2": place}).detection
    mark = refined.landmarks["point_2"]
    assert mark.status is Status.CORRECTED and mark.position == pytest.approx(place)
    assert mark.predicted == pytest.approx(analysis.detection.landmarks["point_2"].position)


def test_the_result_does_not_depend_on_what_was_refined_before(learned):
    analysis = made_up(learned)
    places = {"point_2": true_place(0, 2), "point_5": true_place(0, 5)}
    at_once = analysis.refine(places)
    in_steps = analysis.refine({"point_5": places["point_5"]}).refine(places)
    for one_way, other in zip(at_once.detection.landmarks, in_steps.detection.landmarks, strict=True):
        assert one_way.position == pytest.approx(other.position)
    assert analysis.refine({}) is analysis


def test_accepted_landmarks_count_and_stay(learned):
    n = next(n for n in range(60) if held_out()[1].near[n, 3] < 0.5)
    analysis = made_up(learned, n)
    review = Review.of(analysis.detection).correct("point_2", true_place(n, 2)).accept("point_1")
    refined = analysis.refine(review.landmarks).detection
    assert refined.landmarks["point_1"].status is Status.ACCEPTED
    assert refined.landmarks["point_1"].position == pytest.approx(
        analysis.detection.landmarks["point_1"].position
    )
    moved = refined.landmarks["point_3"].position - true_place(n, 3)
    was = analysis.detection.landmarks["point_3"].position - true_place(n, 3)
    assert np.linalg.norm(moved) < np.linalg.norm(was)


def test_an_absent_landmark_appears_where_the_others_have_it(learned):
    """The network saw all of it 200 units to the left of where it is, and the last point out of the image."""
    chances = np.full(L, 0.95)
    chances[5] = 0.2
    there = held_out()[0][0, 5] + np.array([200.0, 0.0])
    analysis = made_up(learned, 0, chances, lambda points: np.linalg.norm(points - there, axis=1) < 60)
    assert not analysis.detection.landmarks["point_5"].is_present
    shift = AXES @ np.array([200.0, 0.0])
    places = {name: true_place(0, k) + shift for k, name in enumerate(NAMES) if k != 5}
    mark = analysis.refine(places).detection.landmarks["point_5"]
    assert mark.is_present
    assert np.linalg.norm(mark.position - true_place(0, 5) - shift) < 15


def test_a_landmark_that_the_others_put_outside_the_image_vanishes(learned):
    chances = np.full(L, 0.95)
    chances[5] = 0.4
    outside = held_out()[0][0, 5]

    def inside(points):
        return np.linalg.norm(points - outside, axis=1) > 60

    analysis = made_up(learned, 0, chances, inside)
    places = {name: true_place(0, k) for k, name in enumerate(NAMES) if k != 5}
    mark = analysis.refine(places).detection.landmarks["point_5"]
    assert mark.status is Status.ABSENT and np.isnan(mark.position).all()


def test_what_is_called_missing_stays_missing_and_tells_nothing(learned):
    analysis = made_up(learned)
    refined = analysis.refine({"point_5": None}).detection
    assert refined.landmarks["point_5"].status is Status.MISSING
    assert all(mark.is_present for mark in refined.landmarks if mark.name != "point_5")


def test_an_unknown_landmark_and_a_model_without_a_joint_gaussian_are_refused(learned):
    analysis = made_up(learned)
    with pytest.raises(InputError, match="knows no landmark 'tail'"):
        analysis.refine({"tail": np.zeros(3)})
    kept = analysis.state
    plain = replace(analysis, state=kept._replace(joint=replace(kept.joint, joint=None)))
    with pytest.raises(InputError, match="package it anew"):
        plain.refine({"point_1": np.zeros(3)})


def test_corrections_by_name_add_to_those_before_and_a_set_takes_their_place(learned):
    analysis = made_up(learned)
    places = {"point_2": true_place(0, 2), "point_5": true_place(0, 5)}
    at_once, step = analysis.refine(places), analysis.refine({"point_5": places["point_5"]})
    in_steps = step.refine({"point_2": places["point_2"]})
    assert in_steps.detection == at_once.detection
    only = Review.of(analysis.detection).correct("point_2", places["point_2"])
    assert step.refine(only.landmarks).detection == analysis.refine({"point_2": places["point_2"]}).detection
    assert step.refine(analysis.detection.landmarks).detection == analysis.detection


# --- networks with a spatial branch ---------------------------------------------------------------------


@pytest.mark.parametrize("architecture", ["spatial_configuration", "appearance_context"])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_the_spatial_branch_looks_again_with_a_clean_peak_where_the_correction_is(architecture, dimensions):
    torch.manual_seed(0)
    parameters = (
        {"width": 8, "levels": 2, "spatial_kernel": 3, "spatial_pooling": 4, "heatmap_deviation": 0.1}
        if architecture == "spatial_configuration"
        else {"channels": [4, 8], "context_size": [8] * dimensions, "context_width": 8}
    )
    network = build_network(architecture, landmarks=3, dimensions=dimensions, **parameters).eval()
    image = np.random.default_rng(0).normal(size=(1, *[16] * dimensions)).astype(np.float32)
    seen = []
    plain = network.combine
    network.combine = lambda appearance, image=None: seen.append(appearance) or plain(appearance, image)
    with torch.inference_mode():
        output = network(torch.from_numpy(image)[None])
    names = ("a", "b", "c")
    settings = HeatmapSettings(
        shape=[16] * dimensions,
        spacing=None,
        intensity="standardise",
        heatmaps="logits",
        sigma=dict.fromkeys(names, 1.0),
        radius=2.0,
        unit="px",
        calibration={"scores": [0, 1], "shares": [0, 1]},
        appearance={"b": (-1.0, 9.0)},
    )
    first = read_heatmaps(output.heatmaps, True, network.stride, 2.0)
    branch = SpatialBranch(network, output.appearance, image, first, settings, names, 2.0)
    seen.clear()
    place = np.array([3.0, 5.0, 8.0][:dimensions])
    answer = branch(np.array([False, True, False]), np.tile(place, (3, 1)))
    drawn = seen[-1]
    assert drawn[0, 1].max() == pytest.approx(8.0, abs=1e-3)
    assert drawn[(0, 1, *place[::-1].astype(int))] == drawn[0, 1].max()
    assert drawn[0, 1].min() == pytest.approx(-1.0, abs=1e-3)
    for untouched in (0, 2):
        assert torch.allclose(drawn[0, untouched], output.appearance[0, untouched], atol=1e-2)
    assert isinstance(answer.observed, Observed) and answer.observed.position.shape == (3, dimensions)
    assert np.isfinite(answer.observed.position).all()


# --- the model that ships -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hand() -> tuple[Volume, Analysis]:
    volume = as_volume(drawn_radiograph())
    return volume, analyse(volume, load_model("hand"), DetectOptions(device="cpu"))


def test_a_detection_tells_how_far_off_each_landmark_may_be(hand):
    detection = hand[1].detection
    for mark in detection.landmarks:
        assert (mark.expected_error is not None and mark.expected_error > 0) == mark.is_present


def test_a_finger_follows_its_tip(hand):
    """As if the tip lay farther out: the joints below go the same way, other fingers hardly move."""
    detection = hand[1].detection
    tip = detection.landmarks["index_tip"].position
    outwards = tip - detection.landmarks["wrist"].position
    shift = 12 * outwards / np.linalg.norm(outwards)
    refined = hand[1].refine({"index_tip": tip + shift}).detection
    moved = {
        mark.name: float(np.linalg.norm(mark.position - detection.landmarks[mark.name].position))
        for mark in refined.landmarks
        if mark.is_present and mark.name != "index_tip"
    }
    assert max(moved.values()) < 12
    assert all(np.isfinite(mark.position).all() for mark in refined.landmarks if mark.is_present)


def test_the_command_corrects_and_lists_what_moved(hand, tmp_path: Path, cli):
    volume, detection = hand[0], hand[1].detection
    image, record, out = tmp_path / "hand.nrrd", tmp_path / "first.json", tmp_path / "refined.json"
    write_volume(volume, image)
    review = Review.of(detection).accept("wrist")
    write_review(review, record)
    x, y, z = detection.landmarks["thumb_tip"].position + np.array([3.0, 0.0, 3.0])
    words = ("--at", f"thumb_tip={x},{y},{z}", "--missing", "little_tip", "-o", out)
    answer = cli("refine", image, record, *words)
    assert answer.code == 0, answer.err
    assert "thumb_tip" in answer.out and "expected error" in answer.out
    refined = read_detection(out).landmarks
    assert refined["thumb_tip"].position == pytest.approx([x, y, z], abs=1e-3)
    again = read_review(out).prediction.landmarks
    np.testing.assert_allclose(again.positions, detection.landmarks.positions, atol=1e-3)
    statuses = [refined[name].status for name in ("thumb_tip", "wrist", "little_tip")]
    assert statuses == [Status.CORRECTED, Status.ACCEPTED, Status.MISSING]


# --- a record and its image -----------------------------------------------------------------------------


def without(record, *keys):
    """The record as versions wrote it that did not keep what was given apart."""
    return {**record, "parameters": {k: v for k, v in record["parameters"].items() if k not in keys}}


def as_review(record):
    return Review.from_record(json.loads(json.dumps(record)))


def test_a_record_keeps_what_was_given_apart_from_what_was_estimated(hand):
    volume, detection = hand[0], hand[1].detection
    assert detection.parameters["given"] == {}
    assert detection.parameters["threshold"] > 0 and detection.parameters["side"] in ("left", "right")
    given = detect(volume, load_model("hand"), device="cpu", side="left", depth="mean").parameters["given"]
    assert given == {"side": "left", "depth": "mean"}
    assert possible_options({"given": given, "threshold": 3.0}) == [DetectOptions(side="left", depth="mean")]


def test_what_an_old_record_may_have_been_given_is_tried_from_nothing_on():
    old = {"threshold": 8.0, "side": "left", "depth": "none", "device": "cpu"}
    options = (DetectOptions(), DetectOptions(side="left"), DetectOptions(8.0, side="left"))
    assert possible_options(old) == [*options]
    lateral = DetectOptions(depth="lateral"), DetectOptions(-400.0, "lateral")
    assert possible_options({"threshold": -400, "depth": "lateral"}) == [*lateral]
    assert possible_options({"given": "broken", "threshold": True}) == [DetectOptions()]


def found_again(*arguments, **options) -> Detection:
    return detect_again(*arguments, **options).detection


@pytest.mark.parametrize("keys", [(), ("given",)])
def test_detecting_again_by_a_record_gives_what_the_record_has(hand, keys):
    volume, detection = hand[0], hand[1].detection
    again = found_again(volume, load_model("hand"), as_review(without(detection.to_record(), *keys)))
    np.testing.assert_allclose(again.landmarks.positions, detection.landmarks.positions)


def test_a_threshold_that_was_given_is_given_again_also_by_an_old_record():
    volume, model = as_volume(drawn_radiograph()), load_model("hand")
    chosen = detect(volume, model, device="cpu", threshold=400.0)
    assert chosen.parameters["given"] == {"threshold": 400.0}
    for keys in ((), ("given",)):
        again = found_again(volume, model, as_review(without(chosen.to_record(), *keys)), device="cpu")
        np.testing.assert_allclose(again.landmarks.positions, chosen.landmarks.positions)


def test_a_record_of_another_image_is_refused(hand):
    volume, detection = hand[0], hand[1].detection
    moved = replace(volume, voxels=np.roll(volume.voxels, 40, axis=2))
    with pytest.raises(InputError, match=r"is not one of .* finds .* mm from where the record has it"):
        detect_again(moved, load_model("hand"), Review.of(detection), device="cpu")


def test_what_refine_wrote_can_be_refined_again_with_or_without_the_predictions(hand):
    volume, detection = hand[0], hand[1].detection
    tip = detection.landmarks["index_tip"].position
    refined = (
        hand[1].refine({"index_tip": tip + 25.0 * np.array([0.0, 1.0, 0.0]), "thumb_tip": None}).detection
    )
    for record in (Review(detection, refined.landmarks).to_record(), refined.to_record()):
        again = found_again(volume, load_model("hand"), as_review(record), device="cpu")
        np.testing.assert_allclose(again.landmarks.positions, detection.landmarks.positions)


def test_a_correction_far_outside_the_image_is_refused(hand):
    volume, detection = hand[0], hand[1].detection
    far = Review.of(detection).correct("wrist", [9e5, 0.0, 0.0])
    with pytest.raises(InputError, match=r"wrist is corrected to a place 9e\+05 mm outside"):
        detect_again(volume, load_model("hand"), far, device="cpu")


@pytest.mark.parametrize("name", ["3177", "7088"])
def test_a_real_radiograph_is_found_again_by_its_record(real_data: Path, name: str):
    volume, model = read_volume(real_data / "hand_xray" / f"{name}.nrrd"), load_model("hand")
    detection = detect(volume, model, device="cpu")
    for keys in ((), ("given",)):
        again = found_again(volume, model, as_review(without(detection.to_record(), *keys)), device="cpu")
        np.testing.assert_allclose(again.landmarks.positions, detection.landmarks.positions)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--at", "thumb_tip=1,2"], "NAME=X,Y,Z"),
        ([], "Nothing is corrected"),
        (["--at", "tail=1,2,3"], "tail"),
        (["--corrections", "nowhere.csv"], "nowhere.csv"),
        (["--at", "thumb_tip=90000,2,3"], "mm outside hand"),
    ],
)
def test_the_command_refuses_in_one_sentence(hand, tmp_path: Path, cli, words, sentence):
    volume, detection = hand[0], hand[1].detection
    image, record = tmp_path / "hand.nrrd", tmp_path / "first.json"
    write_volume(volume, image)
    write_detection(detection, record)
    answer = cli("refine", image, record, *words)
    assert answer.code in (2, 3) and sentence in " ".join(answer.err.replace("│", " ").split())
    assert "Traceback" not in answer.err


def test_the_next_case_is_the_one_with_the_most_to_correct(hand, tmp_path: Path, cli):
    detection = hand[1].detection
    write_detection(detection, tmp_path / "good.json")
    worse = [replace(mark, expected_error=90.0) if mark.is_present else mark for mark in detection.landmarks]
    write_detection(replace(detection, landmarks=LandmarkSet(tuple(worse))), tmp_path / "bad.json")
    answer = cli("next-case", tmp_path, "--json")
    assert answer.code == 0, answer.err
    assert [Path(rank["case"]).stem for rank in json.loads(answer.out)] == ["bad", "good"]
