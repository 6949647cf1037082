"""Every status has its own colour and shape in the views, drawn over the landmarks and following them."""

from pathlib import Path

import numpy as np
import pytest
from LandmarkDetectionSlicer.logic.reviewing import ReviewSession
from LandmarkDetectionSlicer.scene.colors import SYMBOLS, StatusMarkers, mark
from LandmarkDetectionSlicer.scene.nodes import applyDetection, findLandmarkNode

from LandmarkDetectionLib.core.landmarks import Status
from Testing.Python.slicer_module.mrml_cases import (
    CHIN,
    DETECTION,
    KNEE,
    TURN,
    WRIST,
    add_transform,
    add_volume,
    drag,
    world_position,
)


@pytest.fixture
def node(scene):
    return applyDetection(DETECTION, add_volume())


@pytest.fixture
def markers(node):
    markers = StatusMarkers(node)
    yield markers
    markers.close()


def places(markers, world=False):
    """Where the points of each status are."""

    def of(node):
        read = node.GetNthControlPointPositionWorld if world else node.GetNthControlPointPosition
        return [list(read(index)) for index in range(node.GetNumberOfControlPoints())]

    return {status.value: of(node) for status, node in markers.markerNodes.items()}


def test_statuses_differ_in_colour_and_in_shape():
    marks = [mark(status) for status in Status if status.has_position]
    assert len({color for color, _ in marks}) == len({shape for _, shape in marks}) == 4
    assert {mark(status)[1] for status in Status} <= set(SYMBOLS)


def test_every_landmark_with_a_position_has_one_marker(markers):
    assert places(markers) == {
        "detected": [list(KNEE.position), list(WRIST.position)],
        "uncertain": [list(CHIN.position)],
        "corrected": [],
        "accepted": [],
    }


def test_markers_follow_what_a_person_says(markers, node):
    session = ReviewSession(node)
    session.accept("chin")
    session.markMissing("wrist_left")
    drag(node, "knee_left", [1, 2, 3])
    assert places(markers) == {
        "detected": [],
        "uncertain": [],
        "corrected": [[1, 2, 3]],
        "accepted": [list(CHIN.position)],
    }
    session.undo()
    session.undo()
    session.undo()
    assert places(markers)["detected"] == [list(KNEE.position), list(WRIST.position)]
    session.close()


def test_markers_follow_the_mouse_during_a_drag(markers, node):
    node.InvokeEvent(node.PointStartInteractionEvent)
    node.SetNthControlPointPosition(1, 7.0, 8.0, 9.0)
    assert places(markers)["uncertain"] == [[7, 8, 9]]


def test_markers_follow_the_transform(markers, node):
    add_transform(TURN, node)
    np.testing.assert_allclose(places(markers, world=True)["uncertain"], [world_position(node, "chin")])
    node.HardenTransform()
    np.testing.assert_allclose(places(markers, world=True)["uncertain"], [world_position(node, "chin")])


def test_markers_show_where_and_while_the_landmarks_do(markers, node):
    display = node.GetDisplayNode()
    display.SetVisibility(False)
    display.AddViewNodeID("vtkMRMLSliceNodeRed")
    for marker in markers.markerNodes.values():
        assert not marker.GetDisplayNode().GetVisibility()
        assert marker.GetDisplayNode().GetViewNodeIDs() == ("vtkMRMLSliceNodeRed",)


def test_markers_are_deaf_hidden_and_never_saved(markers):
    for marker in markers.markerNodes.values():
        assert marker.GetLocked() and not marker.GetSelectable() and marker.GetHideFromEditors()
        assert not marker.GetSaveWithScene() and not marker.GetDisplayNode().GetSaveWithScene()
        assert not marker.GetUndoEnabled()


def test_markers_are_not_taken_for_landmarks(markers, node, scene):
    volume = scene.GetFirstNodeByName("scan")
    assert findLandmarkNode(volume, "whole-body-ct") is node


def test_closing_leaves_nothing(node, scene):
    before = scene.GetNumberOfNodes()
    markers = StatusMarkers(node)
    assert scene.GetNumberOfNodes() > before
    markers.close()
    assert scene.GetNumberOfNodes() == before
    markers.close()
    node.SetNthControlPointPosition(1, 7.0, 8.0, 9.0)


@pytest.mark.parametrize("gone", ["node", "scene"])
def test_markers_go_with_their_landmarks(markers, node, scene, gone):
    if gone == "node":
        scene.RemoveNode(node)
    else:
        scene.Clear(False)
    assert markers.markerNodes == {}
    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsFiducialNode") == 0


def test_undoing_the_detection_takes_the_markers_along(scene):
    markers = StatusMarkers(applyDetection(DETECTION, add_volume()))
    scene.Undo()
    assert markers.markerNodes == {}
    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsFiducialNode") == 0
    scene.Redo()
    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsFiducialNode") == 1


@pytest.mark.parametrize("status", Status)
def test_the_icon_of_a_status_has_its_colour_and_is_neither_empty_nor_full(status):
    from PIL import Image

    icons = Path(__file__).resolve().parents[4] / "LandmarkDetection" / "Resources" / "Icons" / "Status"
    pixels = np.array(Image.open(icons / f"{status.value}.png").convert("RGBA")).reshape(-1, 4)
    opaque = pixels[pixels[:, 3] == 255]
    assert 0.1 < len(opaque) / len(pixels) < 0.8
    # The ring of what is not there is lighter than in the views, to be seen on a dark table.
    color = "#c3ced8" if status in (Status.ABSENT, Status.MISSING) else mark(status)[0]
    colours, counts = np.unique(opaque[:, :3], axis=0, return_counts=True)
    by_number = [tuple(one) for one in colours[np.argsort(-counts)]]
    rim = (0x26, 0x32, 0x3C)
    assert rim in by_number and next(one for one in by_number if one != rim) == tuple(
        bytes.fromhex(color[1:])
    )


def test_markers_hear_of_points_that_come_or_go(markers, node):
    node.SetFixedNumberOfControlPoints(False)
    node.RemoveNthControlPoint(0)
    assert places(markers)["detected"] == [list(WRIST.position)]
    node.SetNthControlPointPositionMissing(0)
    assert places(markers)["uncertain"] == []
    node.SetNthControlPointPosition(0, 4.0, 5.0, 6.0)
    assert places(markers)["uncertain"] == [[4, 5, 6]]
    node.SetNthControlPointPosition(1, 1.0, 2.0, 3.0)  # its description still calls it absent
    assert places(markers)["corrected"] == [[1, 2, 3]]
    node.AddControlPoint([7.0, 8.0, 9.0], "another")
    assert [7, 8, 9] in places(markers)["detected"]
