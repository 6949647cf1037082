"""A review in the scene: points that anybody can move, and a record of what points cannot hold."""

import json
from dataclasses import replace

import numpy as np
import pytest
import slicer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from LandmarkDetectionSlicer.scene.nodes import (
    MODEL_ATTRIBUTE,
    RECORD_ROLE,
    adopt,
    applyDetection,
    findLandmarkNode,
    loadReview,
    loadWorldReview,
    storedReview,
    storeReview,
    volumeOf,
    watchRecords,
)

from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.review import Review
from LandmarkDetectionLib.datasets.importers.slicer_scenes import import_slicer
from LandmarkDetectionLib.files import read_json
from LandmarkDetectionLib.io.markups import describe, read_landmarks
from Testing.Python.slicer_module.mrml_cases import (
    CHIN,
    DEFINED,
    DETECTION,
    KNEE,
    LANDMARKS,
    MISSING,
    NAMES,
    SHIFT,
    TURN,
    WRIST,
    add_transform,
    add_volume,
    add_warp,
    load_scene,
    position,
    save_scene,
    world_position,
)


@pytest.fixture
def volume(scene):
    return add_volume()


@pytest.fixture
def node(volume):
    return applyDetection(DETECTION, volume)


def move(node, name, place):
    node.SetNthControlPointPosition(node.GetControlPointIndexByLabel(name), *place)


def same(review, other):
    """Equal but for the last bits that a transform and its inverse leave."""
    assert review.landmarks.names == other.landmarks.names
    for ours, theirs in ((review.landmarks, other.landmarks), (review.prediction.landmarks,) * 2):
        assert [one.status for one in ours] == [one.status for one in theirs]
        assert [one.confidence for one in ours] == [one.confidence for one in theirs]
        np.testing.assert_allclose(ours.positions, theirs.positions, atol=1e-6)


# --- what a detection becomes ---------------------------------------------------------------------------


def test_every_landmark_of_the_protocol_is_a_point_in_its_order(node):
    assert tuple(node.GetNthControlPointLabel(i) for i in range(4)) == NAMES
    assert [node.GetNthControlPointDescription(i) for i in range(4)] == [describe(one) for one in LANDMARKS]
    assert node.GetFixedNumberOfControlPoints()
    np.testing.assert_allclose(position(node, "knee_left"), KNEE.position)


def test_an_absent_landmark_has_no_position_and_does_not_pull_the_bounds_to_the_origin(volume):
    far = [Landmark(name, [500.0 + i, 500, 500]) for i, name in enumerate("ab")]
    landmarks = LandmarkSet((*far, Landmark("c", np.full(3, np.nan), Status.ABSENT)))
    node = storeReview(Review.of(_detection(landmarks)), volume)
    assert [node.GetNthControlPointPositionStatus(i) for i in range(3)] == [DEFINED, DEFINED, MISSING]
    bounds = [0.0] * 6
    node.GetRASBounds(bounds)
    assert min(bounds) >= 500


def test_points_know_their_volume(node, volume):
    assert volumeOf(node) is volume
    assert node.GetNthControlPointAssociatedNodeID(0) == volume.GetID()
    assert node.GetDisplayNode() is not None
    assert node.GetName() == "scan whole-body-ct"


def test_the_record_keeps_how_the_landmarks_were_made(node):
    prediction = loadReview(node).prediction
    assert (prediction.model, prediction.model_version) == ("whole-body-ct", "1.0.0")
    assert prediction.warnings == DETECTION.warnings
    assert prediction.seconds == DETECTION.seconds
    assert prediction.parameters["threshold"] == -400
    detected_at = prediction.parameters["detected_at"]
    assert detected_at[10] == "T" and detected_at[-6] in "+-"
    np.testing.assert_allclose(prediction.landmarks["knee_left"].covariance, KNEE.covariance)


def test_a_record_that_was_just_written_is_known_as_reading_it_would_give_it(node):
    review = loadReview(node).accept("knee_left").correct("toe_left", [1.0, 2.0, 3.0]).mark_missing("chin")
    storeReview(review, None, node)
    read = Review.from_record(json.loads(node.GetNodeReference(RECORD_ROLE).GetText()))
    assert storedReview(node) == read and storedReview(node).to_record() == read.to_record()


def test_the_record_is_hidden_from_people(node):
    assert node.GetNodeReference(RECORD_ROLE).GetHideFromEditors()


def test_each_model_has_one_node_per_volume(node, volume):
    other = add_volume("other")
    assert findLandmarkNode(volume, "whole-body-ct") is node
    assert findLandmarkNode(volume, "another model") is None
    assert findLandmarkNode(other, "whole-body-ct") is None
    assert findLandmarkNode(None, "whole-body-ct") is None
    assert applyDetection(DETECTION, other) is not node
    assert applyDetection(DETECTION, volume) is node


# --- detecting again ------------------------------------------------------------------------------------


def test_detecting_again_keeps_what_a_person_settled(node, volume):
    move(node, "knee_left", [1, 2, 3])
    storeReview(loadReview(node).accept("chin").mark_missing("wrist_left"), volume, node)
    applyDetection(DETECTION, volume)
    review = loadReview(node)
    assert [one.status.value for one in review.landmarks] == ["corrected", "accepted", "absent", "missing"]
    assert position(node, "knee_left").tolist() == [1, 2, 3]
    assert review.landmarks["knee_left"].predicted.tolist() == KNEE.position.tolist()


def test_detecting_again_starts_anew_when_told_so(node, volume):
    move(node, "knee_left", [1, 2, 3])
    applyDetection(DETECTION, volume, keepReviewed=False)
    assert loadReview(node).progress == (0, 4)
    np.testing.assert_allclose(position(node, "knee_left"), KNEE.position)


def test_a_model_with_other_landmarks_changes_the_points(node, volume):
    landmarks = LandmarkSet((CHIN, Landmark("nose", [1.0, 2, 3]), KNEE))
    applyDetection(_detection(landmarks), volume)
    assert [node.GetNthControlPointLabel(i) for i in range(node.GetNumberOfControlPoints())] == [
        "chin",
        "nose",
        "knee_left",
    ]
    np.testing.assert_allclose(position(node, "knee_left"), KNEE.position)
    assert node.GetFixedNumberOfControlPoints()


# --- moved by others ------------------------------------------------------------------------------------


def test_a_point_that_somebody_moved_is_corrected(node):
    move(node, "chin", [5, 6, 7])
    landmark = loadReview(node).landmarks["chin"]
    assert (landmark.status, landmark.position.tolist()) == (Status.CORRECTED, [5, 6, 7])
    np.testing.assert_allclose(landmark.predicted, CHIN.position)


def test_an_absent_landmark_that_somebody_placed_is_corrected(node):
    move(node, "toe_left", [5, 6, 7])
    assert loadReview(node).landmarks["toe_left"].status is Status.CORRECTED


def test_a_point_that_somebody_unset_is_missing(node):
    node.UnsetNthControlPointPosition(0)
    node.SetNthControlPointPositionMissing(1)
    review = loadReview(node)
    assert review.landmarks["knee_left"].status is review.landmarks["chin"].status is Status.MISSING
    assert review.landmarks["toe_left"].status is Status.ABSENT


def test_renamed_points_are_still_those_landmarks(node):
    node.SetNthControlPointLabel(0, "chin")
    node.SetNthControlPointLabel(3, "whatever")
    assert loadReview(node).landmarks == DETECTION.landmarks


def test_removed_points_are_missing_and_added_ones_are_kept(node):
    node.SetFixedNumberOfControlPoints(False)
    node.RemoveNthControlPoint(0)
    node.AddControlPoint([1.0, 2.0, 3.0], "nose")
    node.AddControlPoint([4.0, 5.0, 6.0], "nose")
    review = loadReview(node)
    assert review.landmarks["knee_left"].status is Status.MISSING
    assert review.landmarks["wrist_left"] == WRIST
    assert review.landmarks["nose"].position.tolist() == [1, 2, 3]
    assert review.landmarks["nose (2)"].position.tolist() == [4, 5, 6]
    adopt(node)
    assert [node.GetNthControlPointLabel(i) for i in range(6)] == [*NAMES, "nose", "nose (2)"]


def test_points_that_were_lost_altogether_come_back_from_the_record(node):
    node.SetFixedNumberOfControlPoints(False)
    node.RemoveAllControlPoints()
    assert adopt(node).landmarks == DETECTION.landmarks
    np.testing.assert_allclose(position(node, "chin"), CHIN.position)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"schema_version": 99}', '{"landmarks": 3}'])
def test_without_a_readable_record_the_points_tell_what_they_can(node, text):
    node.GetNodeReference(RECORD_ROLE).SetText(text)
    review = loadReview(node)
    assert review.landmarks.names == NAMES
    assert [one.status for one in review.landmarks] == [one.status for one in LANDMARKS]
    assert [one.confidence for one in review.landmarks] == [one.confidence for one in LANDMARKS]
    assert review.prediction.model == "whole-body-ct"


def test_any_point_list_can_be_reviewed(scene):
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    for label in ("a", "a", "", " "):
        node.AddControlPoint([1.0, 2.0, 3.0], label)
    review = adopt(node)
    assert len(set(review.landmarks.names)) == 4
    assert node.GetNodeReference(RECORD_ROLE) is not None
    assert adopt(node) == review


def test_what_slicer_calls_missing_was_called_so_by_a_person(scene):
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    for name in ("placed", "undefined", "missing", "of a model"):
        node.AddControlPoint([1.0, 2.0, 3.0], name)
    node.UnsetNthControlPointPosition(1)
    node.SetNthControlPointPositionMissing(2)
    node.SetNthControlPointDescription(2, "not in this scan")
    node.SetNthControlPointPositionMissing(3)
    node.SetNthControlPointDescription(3, "joint | confidence 0.05 | absent")
    statuses = ["detected", "absent", "missing", "absent"]
    review = loadReview(node)
    assert [one.status.value for one in review.landmarks] == statuses
    assert review.landmarks["missing"].description == "not in this scan"
    assert [one.status.value for one in adopt(node).landmarks] == statuses
    assert [node.GetNthControlPointPositionStatus(i) for i in range(4)] == [
        DEFINED,
        MISSING,
        MISSING,
        MISSING,
    ]


def test_points_that_somebody_added_as_missing_are_missing(node):
    node.SetFixedNumberOfControlPoints(False)
    node.AddControlPoint([1.0, 2.0, 3.0], "hyoid")
    node.AddControlPoint([1.0, 2.0, 3.0], "lost")
    node.SetNthControlPointPositionMissing(5)
    review = loadReview(node)
    assert review.reviewed == ("hyoid", "lost")
    assert review.landmarks["lost"].status is Status.MISSING


def test_a_position_that_a_file_calls_a_preview_is_a_position_but_not_that_of_the_mouse(scene):
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    node.AddControlPoint([0.0, 0.0, 0.0], "crown")
    preview = slicer.vtkMRMLMarkupsNode.PositionPreview
    node.SetNthControlPointPosition(0, 1.0, 2.0, 3.0, preview)
    assert loadReview(node).landmarks["crown"].position.tolist() == [1, 2, 3]
    scene.GetNodeByID("vtkMRMLSelectionNodeSingleton").SetReferenceActivePlaceNodeID(node.GetID())
    interaction = scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    interaction.SetCurrentInteractionMode(interaction.Place)
    assert not loadReview(node).landmarks["crown"].is_present
    interaction.SetCurrentInteractionMode(interaction.ViewTransform)
    adopt(node)
    assert node.GetNthControlPointPositionStatus(0) == DEFINED


def test_an_empty_point_list_is_an_empty_review(scene):
    assert loadReview(scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")).progress == (0, 0)


def test_a_copy_of_the_points_does_not_write_to_the_record_of_the_original(node, scene, volume):
    copy = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    copy.Copy(node)
    before = node.GetNodeReference(RECORD_ROLE).GetText()
    storeReview(loadReview(copy).accept("chin"), None, copy)
    assert node.GetNodeReference(RECORD_ROLE).GetText() == before
    assert loadReview(copy).reviewed == ("chin",)
    assert loadReview(node).reviewed == ()


def test_the_landmarks_outlive_their_volume(node, scene, volume):
    scene.RemoveNode(volume)
    assert volumeOf(node) is None
    assert loadReview(node).landmarks == DETECTION.landmarks


# --- transforms -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("nested", [False, True])
def test_landmarks_of_a_transformed_volume_lie_where_the_detection_said(volume, nested):
    inner = add_transform(TURN, volume)
    if nested:
        add_transform(SHIFT, inner)
    node = applyDetection(DETECTION, volume)
    np.testing.assert_allclose(world_position(node, "knee_left"), KNEE.position, atol=1e-9)
    assert node.GetParentTransformNode() is inner
    same(loadWorldReview(node), Review.of(DETECTION))


def test_moving_the_transform_moves_the_landmarks_and_corrects_nothing(volume):
    transform = add_transform(TURN, volume)
    node = applyDetection(DETECTION, volume)
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(SHIFT @ TURN))
    np.testing.assert_allclose(world_position(node, "knee_left"), KNEE.position + SHIFT[:3, 3], atol=1e-9)
    assert loadReview(node).progress == (0, 4)


def test_hardening_the_transform_corrects_nothing(volume):
    transform = add_transform(TURN, volume)
    node = applyDetection(DETECTION, volume)
    node.HardenTransform()
    volume.HardenTransform()
    same(loadReview(node), Review.of(DETECTION))
    assert node.GetParentTransformNode() is None
    slicer.mrmlScene.RemoveNode(transform)
    same(loadWorldReview(node), Review.of(DETECTION))


def test_a_point_moved_after_hardening_is_the_only_one_corrected(volume):
    add_transform(TURN, volume)
    node = applyDetection(DETECTION, volume)
    node.HardenTransform()
    adopt(node)
    move(node, "chin", [1, 2, 3])
    assert loadReview(node).reviewed == ("chin",)


def test_taking_the_transform_away_corrects_nothing(volume):
    add_transform(TURN, volume)
    node = applyDetection(DETECTION, volume)
    node.SetAndObserveTransformNodeID(None)
    assert loadReview(node).progress == (0, 4)


def test_detecting_again_follows_a_volume_that_was_moved(volume):
    node = applyDetection(DETECTION, volume)
    node.SetNthControlPointPosition(1, 10.0, 20.0, 30.0)
    add_transform(SHIFT, volume)
    applyDetection(DETECTION, volume)
    # The correction was made in the world, before the volume was moved, and stays there.
    np.testing.assert_allclose(world_position(node, "chin"), [10, 20, 30], atol=1e-9)
    np.testing.assert_allclose(world_position(node, "knee_left"), KNEE.position, atol=1e-9)


def test_under_a_warp_landmarks_are_those_of_the_untransformed_image(volume):
    warp = add_warp(volume)
    node = applyDetection(DETECTION, volume)
    assert node.GetParentTransformNode() is warp
    np.testing.assert_allclose(position(node, "knee_left"), KNEE.position)
    assert loadReview(node).progress == (0, 4)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    angles=st.tuples(*[st.floats(-3.1, 3.1)] * 3),
    scales=st.tuples(*[st.floats(0.2, 5)] * 3),
    shift=st.tuples(*[st.floats(-1e3, 1e3)] * 3),
)
def test_any_linear_transform_leaves_landmarks_where_they_were_found(scene, angles, scales, shift):
    matrix = _rotation(angles) @ np.diag([*scales, 1.0])
    matrix[:3, 3] = shift
    volume = add_volume()
    add_transform(matrix, volume)
    node = applyDetection(DETECTION, volume)
    same(loadWorldReview(node), Review.of(DETECTION))
    node.HardenTransform()
    assert loadReview(node).progress == (0, 4)


# --- undo -----------------------------------------------------------------------------------------------


def test_a_detection_is_one_step_of_undo(scene, volume):
    node = applyDetection(DETECTION, volume)
    identifier = node.GetID()
    moved = _detection(LandmarkSet(tuple(_shifted(one) for one in LANDMARKS)))
    applyDetection(moved, volume)
    scene.Undo()
    assert loadReview(node).landmarks == DETECTION.landmarks
    scene.Redo()
    np.testing.assert_allclose(position(node, "chin"), CHIN.position + 1)
    scene.Undo()
    scene.Undo()
    assert scene.GetNodeByID(identifier) is None
    assert scene.GetNumberOfNodesByClass("vtkMRMLTextNode") == 0
    scene.Redo()
    assert loadReview(scene.GetNodeByID(identifier)).landmarks == DETECTION.landmarks


def test_deleted_landmarks_come_back_with_their_record(scene, node):
    identifier = node.GetID()
    storeReview(loadReview(node).accept("chin"), None, node)
    scene.SaveStateForUndo()
    scene.RemoveNode(node)
    scene.Undo()
    restored = scene.GetNodeByID(identifier)
    assert loadReview(restored).reviewed == ("chin",)
    assert loadReview(restored).prediction.model_version == "1.0.0"


def test_undo_leaves_other_nodes_alone(scene, node):
    other = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    scene.SaveStateForUndo()
    other.AddControlPoint([1.0, 2.0, 3.0])
    scene.Undo()
    assert other.GetNumberOfControlPoints() == 1


# --- files ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["mrml", "mrb"])
def test_everything_survives_saving_and_loading_the_scene(scene, volume, node, kind, tmp_path):
    storeReview(loadReview(node).accept("knee_left").correct("chin", [1, 2, 3]), volume, node)
    expected = loadReview(node).to_record()
    loaded = _reloaded(scene, node, kind, tmp_path)
    assert loadReview(loaded).to_record() == expected
    assert loaded.GetAttribute(MODEL_ATTRIBUTE) == "whole-body-ct"
    assert volumeOf(loaded).GetName() == "scan"
    assert [loaded.GetNthControlPointPositionStatus(i) for i in range(4)] == [2, 2, 3, 2]
    assert loaded.GetFixedNumberOfControlPoints()


@pytest.mark.parametrize(
    "steps",
    [
        "mrb mrml",
        "mrml mrb",
        "mrb mrml mrb mrml",
        "mrb load mrml",
        "mrb load mrb load mrml",
        "mrml load mrb mrml",
        "mrb undo mrb mrml",
    ],
)
def test_the_record_survives_every_order_of_saving_and_loading(scene, volume, node, steps, tmp_path):
    watchRecords()
    storeReview(loadReview(node).accept("knee_left").correct("chin", [1, 2, 3]), volume, node)
    expected, name, path = loadReview(node).to_record(), node.GetName(), None
    for number, step in enumerate(steps.split()):
        if step == "load":
            load_scene(scene, path)
        elif step == "undo":  # nodes that come back are copies
            scene.SaveStateForUndo()
            scene.RemoveNode(scene.GetFirstNodeByName(name))
            scene.RemoveNode(scene.GetFirstNodeByClass("vtkMRMLTextNode"))
            scene.Undo()
        else:
            path = save_scene(scene, step, tmp_path / str(number))
    load_scene(scene, path)
    assert loadReview(scene.GetFirstNodeByName(name)).to_record() == expected


@pytest.mark.parametrize("seen", ["when it is loaded", "when it is reviewed", "when it is stored"])
def test_a_record_that_an_older_version_let_into_a_file_of_its_own_is_taken_back(
    scene, volume, node, seen, tmp_path
):
    record = node.GetNodeReference(RECORD_ROLE)
    record.SetForceCreateStorageNode(record.CreateStorageNodeAuto)
    bundle = save_scene(scene, "mrb", tmp_path / "bundle")
    assert record.GetStorageNode() is not None and len(list(bundle.parent.rglob("*record*.txt"))) == 1
    if seen == "when it is loaded":
        watchRecords()
    expected, name = storedReview(node).to_record(), node.GetName()
    load_scene(scene, bundle)
    loaded = scene.GetFirstNodeByName(name)
    if seen == "when it is stored":
        storeReview(Review.from_record(expected), None, loaded)
    elif seen == "when it is reviewed":
        loadReview(loaded)
    load_scene(scene, save_scene(scene, "mrml", tmp_path / "folder"))
    assert storedReview(scene.GetFirstNodeByName(name)).to_record() == expected
    assert scene.GetNumberOfNodesByClass("vtkMRMLTextStorageNode") == 0


@pytest.mark.parametrize("kind", ["mrml", "mrb"])
def test_training_learns_what_a_person_said_from_the_record_in_a_scene(scene, volume, node, kind, tmp_path):
    storeReview(loadReview(node).accept("knee_left").mark_missing("toe_left"), volume, node)
    for index in range(4):
        node.SetNthControlPointDescription(index, "changed | corrected")
    path = save_scene(scene, kind, tmp_path / "scene")
    if kind == "mrb":
        path = path.parents[1] / "case.mrb"
    (row,) = read_json(import_slicer(path, tmp_path / "out").datalist)["cases"]
    learned = read_landmarks(tmp_path / "out" / row["landmarks"])
    assert [learned[name].status for name in NAMES] == [
        Status.ACCEPTED,
        Status.UNCERTAIN,
        Status.MISSING,
        Status.DETECTED,
    ]
    assert np.allclose(learned.positions, loadReview(node).landmarks.positions, equal_nan=True)


def test_a_transformed_review_survives_saving_and_loading(scene, volume, tmp_path):
    add_transform(TURN, volume)
    node = applyDetection(DETECTION, volume)
    loaded = _reloaded(scene, node, "mrml", tmp_path)
    same(loadWorldReview(loaded), Review.of(DETECTION))
    loaded.HardenTransform()
    same(loadReview(loaded), Review.of(DETECTION))


def test_closing_the_scene_leaves_nothing(scene, node):
    scene.Clear(False)
    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsFiducialNode") == 0
    assert scene.GetNumberOfNodesByClass("vtkMRMLTextNode") == 0
    again = applyDetection(DETECTION, add_volume())
    assert loadReview(again).landmarks == DETECTION.landmarks


def test_hundreds_of_landmarks_are_stored_and_read_back(volume):
    rng = np.random.default_rng(1)
    landmarks = LandmarkSet(
        tuple(Landmark(f"point {i}", rng.normal(size=3) * 300, confidence=0.5) for i in range(400))
    )
    node = applyDetection(_detection(landmarks), volume)
    assert loadReview(node).landmarks == landmarks


# --- helpers --------------------------------------------------------------------------------------------


def _detection(landmarks):
    return replace(DETECTION, landmarks=landmarks)


def _shifted(landmark):
    return replace(landmark, position=landmark.position + 1)


def _rotation(angles):
    matrix = np.eye(4)
    for axis, angle in enumerate(angles):
        i, j = (axis + 1) % 3, (axis + 2) % 3
        turn = np.eye(4)
        turn[[i, j], [i, j]] = np.cos(angle)
        turn[i, j], turn[j, i] = -np.sin(angle), np.sin(angle)
        matrix = turn @ matrix
    return matrix


def _reloaded(scene, node, kind, folder):
    """The same node in another scene, by way of files."""
    name = node.GetName()
    load_scene(scene, save_scene(scene, kind, folder))
    return scene.GetFirstNodeByName(name)
