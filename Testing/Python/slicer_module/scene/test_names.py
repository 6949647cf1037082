"""The views name the selected landmark and those near it, for people, none over another."""

import math

import numpy as np
import pytest
from LandmarkDetectionSlicer.scene.choices import Names
from LandmarkDetectionSlicer.scene.names import LINE_PX, MOST, LandmarkNames, View, withRoom
from LandmarkDetectionSlicer.scene.nodes import applyDetection

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet
from Testing.Python.slicer_module.mrml_cases import (
    DETECTION,
    SHIFT,
    add_transform,
    add_volume,
    world_position,
)
from Testing.Python.slicer_module.panel_cases import open_panel, show_detection

MANY = 141


def many(count: int = MANY) -> Detection:
    places = np.random.default_rng(0).normal(0, 150, (count, 3))
    marks = tuple(Landmark(f"mark_{number}", place) for number, place in enumerate(places))
    return Detection(LandmarkSet(marks), "many", "1")


@pytest.fixture
def node(scene):
    camera = scene.AddNewNodeByClass("vtkMRMLCameraNode")
    camera.SetPosition(0, 2000, 0)
    camera.SetFocalPoint(0, 0, 0)
    camera.SetViewUp(0, 0, 1)
    return applyDetection(many(), add_volume())


@pytest.fixture
def names(node):
    names = LandmarkNames(node, lambda name: name.replace("_", " "))
    yield names
    names.close()


def shown(points) -> list[str]:
    return [points.GetNthControlPointLabel(index) for index in range(points.GetNumberOfControlPoints())]


def test_the_selected_one_and_its_neighbours_have_names_for_people(names, node):
    names.show(Names.ROOM, 7)
    slices, space = names.listNodes
    assert not node.GetDisplayNode().GetPointLabelsVisibility()
    assert slices.GetDisplayNode().GetVisibility2D() and not slices.GetDisplayNode().GetVisibility3D()
    assert space.GetDisplayNode().GetVisibility3D() and not space.GetDisplayNode().GetVisibility2D()
    for points in (slices, space):
        assert "mark 7" in shown(points) and 1 < points.GetNumberOfControlPoints() <= MOST
        active = points.GetDisplayNode().GetActiveControlPoint()
        assert points.GetNthControlPointLabel(active) == "mark 7"


def test_no_name_covers_another_in_space(names, node):
    names.show(Names.ROOM, 7)
    space = names.listNodes[1]
    pixel_mm = 2 * 2000 * math.tan(math.radians(15)) / 300  # the camera sees 30 degrees
    corners = [
        (-place[0] / pixel_mm, place[2] / pixel_mm)
        for place in (space.GetNthControlPointPosition(i) for i in range(space.GetNumberOfControlPoints()))
    ]
    assert len(corners) > 5
    for number, (x, y) in enumerate(corners):
        for other_x, other_y in corners[:number]:
            assert abs(x - other_x) >= 6 * len("mark 0") or abs(y - other_y) >= LINE_PX


def test_names_are_drawn_where_their_points_are_while_these_are_dragged_or_moved(names, node):
    names.show(Names.SELECTED, 7)
    node.InvokeEvent(node.PointStartInteractionEvent)
    node.SetNthControlPointPosition(7, 1.0, 2.0, 3.0)
    add_transform(SHIFT, node)
    for points in names.listNodes:
        assert shown(points) == ["mark 7"]
        np.testing.assert_allclose(
            points.GetNthControlPointPositionWorld(0), world_position(node, "mark_7"), atol=1e-9
        )
    node.SetNthControlPointPositionMissing(7)
    assert [shown(points) for points in names.listNodes] == [[], []]


@pytest.mark.parametrize(("choice", "count"), [(Names.ALL, MANY), (Names.SELECTED, 1)])
def test_a_person_may_ask_for_all_names_or_only_one(names, node, choice, count):
    names.show(Names.ROOM, 7)
    names.show(choice, 7)
    assert [points.GetNumberOfControlPoints() for points in names.listNodes] == [count, count]
    assert all("mark 7" in shown(points) for points in names.listNodes)
    assert not node.GetDisplayNode().GetPointLabelsVisibility()


def test_names_are_hidden_with_their_landmarks_never_saved_and_gone_afterwards(node, scene):
    before = scene.GetNumberOfNodes()
    names = LandmarkNames(node, str)
    names.show(Names.ROOM, 0)
    node.GetDisplayNode().SetVisibility(False)
    for points in names.listNodes:
        assert not points.GetDisplayNode().GetVisibility()
        assert points.GetLocked() and points.GetHideFromEditors() and not points.GetSaveWithScene()
        assert not points.GetUndoEnabled()
    names.close()
    assert scene.GetNumberOfNodes() == before and node.GetDisplayNode().GetPointLabelsVisibility()


def test_a_name_is_left_out_that_would_cover_a_more_wanted_one_in_a_view_that_shows_both():
    places = np.array([[0, 0, 0], [5, 3, 0], [5, 40, 0], [5, 3, 50.0], [60, 3, 0]])
    widths = np.full(5, 50.0)
    pixels = np.eye(3)
    assert withRoom(places, widths, [View(pixels, 10.0)]).tolist() == [True, False, True, True, True]
    assert withRoom(places, widths, [View(pixels, np.inf)]).tolist() == [True, False, True, False, True]
    assert withRoom(places, widths, []).all()


def test_the_panel_names_what_is_selected_and_keeps_the_choice_in_the_scene(host):
    panel = open_panel(host)
    show_detection(panel, add_volume("many"), many())
    host.process_events()
    panel.settings.ui.namesBox.currentText = "The selected one"
    assert panel.parameters.names is Names.SELECTED
    panel.review.select("mark_5")
    assert [shown(points) for points in panel.review.desk.labels.listNodes] == [["Mark 5"]] * 2
    panel.review.desk.accept()
    assert [shown(points) for points in panel.review.desk.labels.listNodes] != [["Mark 5"]] * 2
    show_detection(panel, add_volume("few"), DETECTION)
    panel.settings.ui.namesBox.currentText = "All"
    titles = {row.title for row in panel.review.desk.rows() if row.status.has_position}
    assert [set(shown(points)) for points in panel.review.desk.labels.listNodes] == [titles, titles]
