"""A person reviews by words and by dragging points, each one step of undo; nothing else is a correction."""

import numpy as np
import pytest
import slicer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from LandmarkDetectionSlicer.logic.reviewing import ReviewSession
from LandmarkDetectionSlicer.scene.nodes import RECORD_ROLE, applyDetection, loadReview, loadWorldReview

from LandmarkDetectionLib.core.landmarks import Status
from Testing.Python.slicer_module.mrml_cases import (
    CHIN,
    DEFINED,
    DETECTION,
    KNEE,
    MISSING,
    NAMES,
    SHIFT,
    TURN,
    add_transform,
    add_volume,
    add_warp,
    drag,
    position,
    world_position,
)


@pytest.fixture
def volume(scene):
    return add_volume()


@pytest.fixture
def node(volume):
    return applyDetection(DETECTION, volume)


class Told:
    """Counts how often a session reports a change."""

    def __init__(self):
        self.times = 0

    def __call__(self):
        self.times += 1


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def session(node, told):
    session = ReviewSession(node, told)
    yield session
    session.close()


def statuses(session):
    return [landmark.status.value for landmark in session.review.landmarks]


def in_scene(session):
    """What another program would read from the nodes says the same."""
    assert loadReview(session.landmarkNode) == session.review
    return session.review


# --- what a person says ---------------------------------------------------------------------------------


def test_opening_a_review_changes_nothing(session, told, scene):
    assert session.review.landmarks == DETECTION.landmarks
    assert told.times == 0


def test_accepting_is_kept_in_the_scene_and_told_once(session, told, node):
    session.accept("chin")
    assert in_scene(session).reviewed == ("chin",)
    assert node.GetNthControlPointDescription(1) == "lowest point | confidence 0.30 | accepted"
    assert told.times == 1


def test_accepting_twice_is_one_step(session, told, scene):
    session.accept("chin")
    levels = scene.GetNumberOfUndoLevels()
    session.accept("chin")
    assert told.times == 1
    assert scene.GetNumberOfUndoLevels() == levels


def test_what_is_called_missing_loses_its_position(session, node):
    session.markMissing("chin")
    assert in_scene(session).landmarks["chin"].status is Status.MISSING
    assert node.GetNthControlPointPositionStatus(1) == MISSING
    assert session.worldPosition("chin") is None


def test_restoring_brings_the_prediction_back(session, node):
    session.markMissing("chin")
    session.restore("chin")
    assert in_scene(session).landmarks["chin"] == CHIN
    assert node.GetNthControlPointPositionStatus(1) == DEFINED
    np.testing.assert_allclose(position(node, "chin"), CHIN.position)


def test_restoring_all_takes_back_everything(session):
    session.accept("knee_left")
    session.correct("toe_left", [1, 2, 3])
    session.markMissing("wrist_left")
    session.restoreAll()
    assert in_scene(session).landmarks == DETECTION.landmarks


def test_an_unknown_name_is_refused(session):
    with pytest.raises(KeyError):
        session.accept("nose")


@pytest.mark.parametrize("parent", [lambda volume: add_transform(TURN, volume), add_warp])
def test_a_correction_is_given_and_shown_in_the_world(volume, parent):
    parent(volume)
    session = ReviewSession(applyDetection(DETECTION, volume))
    session.correct("chin", [10, 20, 30])
    np.testing.assert_allclose(world_position(session.landmarkNode, "chin"), [10, 20, 30], atol=1e-2)
    np.testing.assert_allclose(session.worldPosition("chin"), [10, 20, 30], atol=1e-2)
    session.close()


# --- the mouse and other modules ------------------------------------------------------------------------


def test_dragging_a_point_corrects_it_and_keeps_the_prediction(session, told, node):
    drag(node, "knee_left", [0, 0, 0], [1, 2, 3])
    landmark = in_scene(session).landmarks["knee_left"]
    assert (landmark.status, landmark.position.tolist()) == (Status.CORRECTED, [1, 2, 3])
    assert landmark.predicted.tolist() == KNEE.position.tolist()
    assert node.GetNthControlPointDescription(0) == "joint | corrected"
    assert told.times == 1


def test_a_drag_that_moves_nothing_is_no_correction(session, told, node):
    drag(node, "knee_left", KNEE.position)
    assert session.review.reviewed == ()
    assert told.times == 0


def test_an_accepted_point_that_is_dragged_is_corrected(session, node):
    session.accept("chin")
    drag(node, "chin", [1, 2, 3])
    assert in_scene(session).landmarks["chin"].status is Status.CORRECTED


def test_a_point_moved_by_a_script_is_corrected(session, told, node):
    node.SetNthControlPointPosition(1, 1.0, 2.0, 3.0)
    assert statuses(session) == ["detected", "corrected", "absent", "detected"]
    assert told.times == 1
    in_scene(session)


def test_a_point_unset_in_the_module_markups_is_missing(session, node):
    node.UnsetNthControlPointPosition(1)
    assert in_scene(session).landmarks["chin"].status is Status.MISSING


def test_an_absent_landmark_placed_with_the_mouse_is_corrected(session, node):
    node.SetNthControlPointPosition(2, 1.0, 2.0, 3.0)
    assert in_scene(session).landmarks["toe_left"].status is Status.CORRECTED


def test_labels_stay_the_names_of_the_landmarks(session, node):
    node.SetNthControlPointLabel(1, "nose")
    assert node.GetNthControlPointLabel(1) == "chin"
    assert session.review.reviewed == ()


def test_locking_or_describing_a_point_is_no_correction(session, node):
    node.SetNthControlPointLocked(0, True)
    node.SetNthControlPointSelected(0, False)
    node.SetNthControlPointVisibility(0, False)
    assert session.review.reviewed == ()


def test_changes_in_a_batch_are_noticed_at_its_end(session, told, node, scene):
    scene.StartState(scene.BatchProcessState)
    node.SetNthControlPointPosition(0, 1.0, 2.0, 3.0)
    node.SetNthControlPointPosition(1, 4.0, 5.0, 6.0)
    assert told.times == 0
    scene.EndState(scene.BatchProcessState)
    assert in_scene(session).reviewed == ("knee_left", "chin")


def test_points_added_by_force_are_reviewed_with_the_others(session, node):
    node.SetFixedNumberOfControlPoints(False)
    node.AddControlPoint([1.0, 2.0, 3.0], "nose")
    assert in_scene(session).landmarks["nose"].status is Status.CORRECTED
    session.accept("chin")
    assert in_scene(session).landmarks.names == (*NAMES, "nose")


def test_points_removed_by_force_are_missing_and_come_back_with_the_next_step(session, node):
    node.SetFixedNumberOfControlPoints(False)
    node.RemoveNthControlPoint(0)
    assert session.review.landmarks["knee_left"].status is Status.MISSING
    session.restore("knee_left")
    assert node.GetNumberOfControlPoints() == 4
    np.testing.assert_allclose(position(node, "knee_left"), KNEE.position)
    in_scene(session)


def test_detecting_again_during_a_review_is_no_correction(session, told, volume):
    session.accept("chin")
    applyDetection(DETECTION, volume)
    assert in_scene(session).reviewed == ("chin",)
    applyDetection(DETECTION, volume, keepReviewed=False)
    assert in_scene(session).reviewed == ()


def test_a_lost_record_is_written_again(session, scene, node):
    session.accept("chin")
    scene.RemoveNode(node.GetNodeReference(RECORD_ROLE))
    assert loadReview(node).reviewed == ("chin",)
    assert loadReview(node).prediction.model_version == "1.0.0"


# --- transforms -----------------------------------------------------------------------------------------


def test_transforms_correct_nothing(session, volume, node, told):
    transform = add_transform(TURN, volume, node)
    outer = add_transform(SHIFT, transform)
    outer.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(np.eye(4)))
    transform.SetAndObserveTransformNodeID(None)
    assert session.review.reviewed == ()
    assert told.times > 0
    np.testing.assert_allclose(
        session.worldPosition("knee_left"), (TURN @ [*KNEE.position, 1])[:3], atol=1e-9
    )
    volume.HardenTransform()
    node.HardenTransform()
    assert in_scene(session).reviewed == ()
    node.SetAndObserveTransformNodeID(None)
    assert session.review.reviewed == ()


def test_dragging_under_a_transform_corrects_in_the_world(volume):
    transform = add_transform(TURN, volume)
    node = applyDetection(DETECTION, volume)
    session = ReviewSession(node)
    drag(node, "chin", [1, 2, 3])
    np.testing.assert_allclose(session.worldPosition("chin"), [1, 2, 3], atol=1e-9)
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(SHIFT @ TURN))
    np.testing.assert_allclose(session.worldPosition("chin"), [101, 2, -47], atol=1e-9)
    node.HardenTransform()
    np.testing.assert_allclose(session.worldPosition("chin"), [101, 2, -47], atol=1e-9)
    assert session.review.reviewed == ("chin",)
    np.testing.assert_allclose(
        loadWorldReview(node).prediction.landmarks["chin"].position, CHIN.position + SHIFT[:3, 3], atol=1e-6
    )
    session.close()


def test_under_a_warp_only_what_is_dragged_is_corrected(volume):
    add_warp(volume)
    node = applyDetection(DETECTION, volume)
    session = ReviewSession(node)
    drag(node, "chin", [1, 2, 3])
    assert session.review.reviewed == ("chin",)
    session.close()


# --- undo -----------------------------------------------------------------------------------------------


def test_every_step_is_undone_and_redone_by_itself(session, node, scene):
    steps = [
        lambda: session.accept("chin"),
        lambda: drag(node, "knee_left", [1, 2, 3]),
        lambda: session.markMissing("wrist_left"),
        lambda: session.restore("knee_left"),
        lambda: session.correct("toe_left", [7, 8, 9]),
        lambda: session.restoreAll(),
    ]
    reviews = [session.review]
    for step in steps:
        step()
        reviews.append(in_scene(session))
    for before in reversed(reviews[:-1]):
        session.undo()
        assert in_scene(session) == before
    for after in reviews[1:]:
        session.redo()
        assert in_scene(session) == after


def test_undo_by_slicers_own_menu_is_no_correction(session, told, node, scene):
    drag(node, "knee_left", [1, 2, 3])
    scene.Undo()
    assert in_scene(session).landmarks == DETECTION.landmarks
    np.testing.assert_allclose(position(node, "knee_left"), KNEE.position)
    assert told.times == 2


def test_a_mere_click_on_a_point_is_no_step(session, node):
    session.accept("chin")
    drag(node, "chin")
    drag(node, "knee_left")
    session.undo()
    assert in_scene(session).reviewed == ()
    session.redo()
    assert in_scene(session).reviewed == ("chin",)


def test_undo_without_a_step_does_nothing(session, scene):
    scene.ClearUndoStack()
    assert not session.canUndo and not session.canRedo
    session.undo()
    session.redo()
    assert session.review.landmarks == DETECTION.landmarks


def test_undo_of_a_review_begun_after_loading_works(scene, node):
    node.SetUndoEnabled(False)  # as in a scene just loaded
    node.GetNodeReference(RECORD_ROLE).SetUndoEnabled(False)
    scene.SetUndoOff()
    session = ReviewSession(node)
    session.accept("chin")
    session.undo()
    assert in_scene(session).reviewed == ()
    session.close()


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["accept", "correct", "markMissing", "restore", "drag", "undo", "redo", "unset"]),
        st.sampled_from(NAMES),
        st.tuples(*[st.floats(-1e3, 1e3)] * 3),
    ),
    max_size=15,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_points_record_and_session_never_part(scene, steps):
    scene.Clear(False)
    node = applyDetection(DETECTION, add_volume())
    session = ReviewSession(node)
    scene.ClearUndoStack()
    for what, name, place in steps:
        if what == "drag":
            drag(node, name, place)
        elif what == "unset":
            scene.SaveStateForUndo()
            node.UnsetNthControlPointPosition(node.GetControlPointIndexByLabel(name))
        elif what in ("undo", "redo"):
            getattr(session, what)()
        else:
            getattr(session, what)(name, *([place] if what == "correct" else []))
        review = in_scene(session)
        assert review.prediction.landmarks == DETECTION.landmarks
        for index, landmark in enumerate(review.landmarks):
            assert (node.GetNthControlPointPositionStatus(index) == DEFINED) == landmark.is_present
    session.close()


# --- the lock and the end -------------------------------------------------------------------------------


def test_the_lock_holds_the_points(session, told, node):
    session.setLocked(True)
    assert node.GetLocked() and session.isLocked
    assert told.times == 1
    session.setLocked(False)
    assert not session.isLocked


@pytest.mark.parametrize("gone", ["node", "volume", "scene"])
def test_the_session_closes_itself_when_its_ground_is_gone(session, told, scene, node, volume, gone):
    if gone == "scene":
        scene.Clear(False)
    else:
        scene.RemoveNode({"node": node, "volume": volume}[gone])
    assert session.isClosed
    assert told.times == 1
    session.accept("chin")
    session.correct("chin", [1, 2, 3])
    session.setLocked(True)
    session.undo()
    assert session.worldPosition("chin") is None


def test_undoing_the_detection_closes_the_session(scene, volume, told):
    session = ReviewSession(applyDetection(DETECTION, volume), told)
    session.undo()
    assert session.isClosed and told.times == 1


def test_deleting_the_points_can_be_undone_and_reviewed_again(session, scene, node):
    session.accept("chin")
    identifier = node.GetID()
    scene.SaveStateForUndo()
    scene.RemoveNode(node)
    scene.Undo()
    again = ReviewSession(scene.GetNodeByID(identifier))
    assert in_scene(again).reviewed == ("chin",)
    again.close()


def test_a_closed_session_hears_nothing(session, node, told):
    session.close()
    node.SetNthControlPointPosition(0, 1.0, 2.0, 3.0)
    assert told.times == 0


def test_points_without_a_volume_can_be_reviewed(scene):
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    node.AddControlPoint([1.0, 2.0, 3.0], "a")
    session = ReviewSession(node)
    session.accept("a")
    scene.RemoveNode(scene.AddNewNodeByClass("vtkMRMLTextNode"))
    assert not session.isClosed
    assert in_scene(session).reviewed == ("a",)
    session.close()


def test_locking_is_a_step_of_undo_of_its_own(session):
    session.accept(NAMES[0])
    session.setLocked(True)
    session.undo()
    assert not session.isLocked and session.review.reviewed == (NAMES[0],)
    session.redo()
    assert session.isLocked and session.review.reviewed == (NAMES[0],)
