"""Placing by hand: Slicer's clicks go to the landmark whose turn it is."""

import numpy as np
import pytest
import slicer
from LandmarkDetectionSlicer.logic.placing import ClickPicker, PlacingSession, blankLandmarks
from LandmarkDetectionSlicer.logic.reviewing import ReviewSession
from LandmarkDetectionSlicer.scene.nodes import applyDetection, loadReview, storeReview

from LandmarkDetectionLib.core.landmarks import Status
from LandmarkDetectionLib.core.protocol import LandmarkDefinition, Protocol
from Testing.Python.slicer_module.mrml_cases import (
    DETECTION,
    MISSING,
    TURN,
    add_transform,
    add_volume,
    world_position,
)

PROTOCOL = Protocol(
    name="hand",
    title="A hand",
    version="1.0.0",
    region="hand",
    landmarks=tuple(
        LandmarkDefinition(name=name, title=name.title(), definition=f"Tip of the {name}.")
        for name in ("thumb", "index", "middle", "ring")
    ),
)


@pytest.fixture
def volume(scene):
    return add_volume()


@pytest.fixture
def node(volume):
    return blankLandmarks(volume, PROTOCOL)


class Told(list):
    """What was asked for at every report of a session."""

    session = None

    def __call__(self):
        self.append(self.session.current if self.session else None)


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def placing(node, told):
    told.session = placing = PlacingSession(node, told)
    yield placing
    placing.stop()


def interaction():
    return slicer.mrmlScene.GetNodeByID("vtkMRMLInteractionNodeSingleton")


def is_place_mode():
    return interaction().GetCurrentInteractionMode() == interaction().Place


def active_node():
    selection = slicer.mrmlScene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
    return slicer.mrmlScene.GetNodeByID(selection.GetActivePlaceNodeID())


def hover(place):
    """What Slicer's views do when the mouse moves in place mode."""
    return _update(place, slicer.vtkMRMLMarkupsNode.PositionPreview)


def click(place):
    """What Slicer's views do for a click in place mode: vtkSlicerMarkupsWidget::PlacePoint."""
    hover(place)
    slicer.mrmlScene.SaveStateForUndo()
    index = _update(place, slicer.vtkMRMLMarkupsNode.PositionDefined)
    node = active_node()
    complete = node.GetFixedNumberOfControlPoints() and not node.GetNumberOfUndefinedControlPoints()
    if complete or not interaction().GetPlaceModePersistence():
        interaction().SetCurrentInteractionMode(interaction().ViewTransform)
    return index


def _update(place, status):
    assert is_place_mode()
    node = active_node()
    event = slicer.vtkMRMLInteractionEventData()
    event.SetWorldPosition([float(value) for value in place])
    statuses = [node.GetNthControlPointPositionStatus(i) for i in range(node.GetNumberOfControlPoints())]
    preview = slicer.vtkMRMLMarkupsNode.PositionPreview
    index = statuses.index(preview) if preview in statuses else node.GetControlPointPlacementStartIndex()
    identity = [1.0, 0, 0, 0, 1, 0, 0, 0, 1]
    return node.GetDisplayNode().UpdateActiveControlPointWorld(index, event, identity, "", "", status)


def test_a_blank_list_has_every_landmark_and_no_position(node, volume):
    review = loadReview(node)
    assert review.landmarks.names == PROTOCOL.names
    assert review.landmarks["thumb"].description == "Tip of the thumb."
    assert len(review.landmarks.present) == 0
    assert blankLandmarks(volume, PROTOCOL) is node


def test_landmarks_are_asked_for_in_the_protocols_order(placing, told):
    assert placing.current == "thumb"
    assert is_place_mode() and interaction().GetPlaceModePersistence()
    for number in range(4):
        assert not placing.finished
        assert click([number, 2, 3]) == number
    assert placing.finished and placing.current is None
    assert told[-1] is None
    assert list(dict.fromkeys(told)) == ["index", "middle", "ring", None]
    assert not is_place_mode()


def test_clicks_are_corrections_of_a_blank_review(placing, node):
    click([1, 2, 3])
    click([4, 5, 6])
    landmarks = loadReview(node).landmarks
    assert [one.status.value for one in landmarks] == ["corrected", "corrected", "absent", "absent"]
    np.testing.assert_allclose(landmarks["index"].position, [4, 5, 6])
    assert placing.progress == (2, 4)


def test_moving_the_mouse_places_nothing(placing, node):
    hover([1, 2, 3])
    hover([4, 5, 6])
    assert placing.current == "thumb"
    assert len(loadReview(node).landmarks.present) == 0


def test_a_skipped_landmark_stays_open_and_clicks_go_to_the_next(placing, node):
    placing.skip()
    assert placing.current == "index"
    assert click([1, 2, 3]) == 1
    landmarks = loadReview(node).landmarks
    assert landmarks["thumb"].status is Status.ABSENT
    assert node.GetNthControlPointPositionStatus(0) == MISSING
    assert placing.current == "middle"


def test_going_back_takes_the_last_one_back(placing, node):
    click([1, 2, 3])
    click([4, 5, 6])
    placing.back()
    assert placing.current == "index"
    assert loadReview(node).landmarks["index"].status is Status.ABSENT
    placing.back()
    assert placing.current == "thumb"
    assert not placing.canGoBack
    assert click([7, 8, 9]) == 0
    assert placing.current == "index"
    np.testing.assert_allclose(world_position(node, "thumb"), [7, 8, 9])


def test_going_back_over_a_skipped_one_asks_for_it(placing):
    placing.skip()
    placing.back()
    assert placing.current == "thumb"


def test_undo_asks_again_for_what_was_taken_back(placing, node, scene):
    click([1, 2, 3])
    click([4, 5, 6])
    scene.Undo()
    assert placing.current == "index"
    assert node.GetNumberOfUndefinedControlPoints() == 1
    assert click([7, 8, 9]) == 1
    scene.Undo()
    scene.Undo()
    assert placing.current == "thumb"
    scene.Redo()
    assert loadReview(node).landmarks["thumb"].is_present
    assert placing.current == "index"


def test_a_script_places_the_same_way(placing, volume, node):
    add_transform(TURN, volume, node)
    placing.place([1, 2, 3])
    np.testing.assert_allclose(world_position(node, "thumb"), [1, 2, 3], atol=1e-9)
    assert placing.current == "index"


def test_stopping_keeps_what_was_placed_and_a_new_session_goes_on(placing, node, told):
    click([1, 2, 3])
    placing.stop()
    assert placing.finished and not is_place_mode() and told[-1] is None
    assert node.GetNumberOfUndefinedControlPoints() == 0
    again = PlacingSession(node)
    assert again.current == "index"
    again.stop()


def test_a_right_click_ends_the_session(placing, told):
    interaction().SwitchToViewTransformMode()
    assert placing.finished and told[-1] is None
    placing.skip()
    placing.back()
    placing.place([1, 2, 3])
    assert placing.finished


def test_the_users_own_setting_of_place_mode_comes_back(node):
    interaction().SetPlaceModePersistence(0)
    placing = PlacingSession(node)
    assert interaction().GetPlaceModePersistence()
    placing.stop()
    assert not interaction().GetPlaceModePersistence()


@pytest.mark.parametrize("gone", ["node", "volume", "scene"])
def test_the_session_ends_when_its_ground_is_gone(placing, scene, node, volume, told, gone):
    if gone == "scene":
        scene.Clear(False)
    else:
        scene.RemoveNode({"node": node, "volume": volume}[gone])
    assert placing.finished and not is_place_mode() and told[-1] is None


def test_gaps_of_a_detection_are_filled_without_asking_for_the_rest(volume):
    node = applyDetection(DETECTION, volume)
    storeReview(loadReview(node).mark_missing("wrist_left"), None, node)
    placing = PlacingSession(node)
    assert placing.current == "toe_left"
    click([1, 2, 3])
    assert placing.finished
    assert loadReview(node).landmarks["wrist_left"].status is Status.MISSING
    assert loadReview(node).landmarks["toe_left"].status is Status.CORRECTED


def test_nothing_is_asked_for_when_nothing_is_open(volume):
    node = applyDetection(DETECTION, volume)
    storeReview(loadReview(node).mark_missing("toe_left"), None, node)
    assert PlacingSession(node).finished
    assert not is_place_mode()


def test_a_review_of_the_same_landmarks_may_be_open(placing, node):
    session = ReviewSession(node)
    click([1, 2, 3])
    assert session.review.landmarks["thumb"].status is Status.CORRECTED
    session.markMissing("ring")
    assert click([4, 5, 6]) == 1
    assert click([7, 8, 9]) == 2
    assert placing.finished
    assert session.review == loadReview(node)
    session.close()


# --- one click ------------------------------------------------------------------------------------------


def test_a_single_click_is_told_in_world_coordinates(scene):
    clicks, stops = [], []
    ClickPicker(clicks.append, lambda: stops.append(True))
    click([1, 2, 3])
    assert clicks == [[1, 2, 3]]
    assert stops == [] and not is_place_mode()


def test_leaving_place_mode_is_told_as_well(scene):
    clicks, stops = [], []
    picker = ClickPicker(clicks.append, lambda: stops.append(True))
    hover([1, 2, 3])
    interaction().SwitchToViewTransformMode()
    assert (clicks, stops) == ([], [True])
    picker.stop()
    assert stops == [True]


def test_a_stopped_picker_says_nothing(scene):
    clicks, stops = [], []
    ClickPicker(clicks.append, lambda: stops.append(True)).stop()
    assert (clicks, stops) == ([], []) and not is_place_mode()


def test_clicks_leave_nothing_behind_in_a_saved_scene(scene):
    for _ in range(3):
        ClickPicker(lambda place: None)
        click([1, 2, 3])
    nodes = slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")
    assert len(nodes) == 1
    assert not nodes[0].GetSaveWithScene() and not nodes[0].GetDisplayNode().GetSaveWithScene()
    assert nodes[0].GetHideFromEditors() and not nodes[0].GetDisplayNode().GetVisibility()
