"""Slicer's own widgets take the mouse: what they do to the points is what sessions count on.

Real displayable managers of a slice view are fed with mouse events; nothing is drawn.
"""

import numpy as np
import pytest
import slicer
import vtk
from LandmarkDetectionSlicer.logic.placing import ClickPicker, PlacingSession, blankLandmarks
from LandmarkDetectionSlicer.logic.reviewing import ReviewSession
from LandmarkDetectionSlicer.scene.colors import StatusMarkers
from LandmarkDetectionSlicer.scene.nodes import applyDetection, readPositions

from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.io.protocols import load_protocol
from Testing.Python.slicer_module.mrml_cases import NOWHERE, TURN, add_transform, add_volume, position

PIXELS = 500
FIELD_MM = 100.0


class SliceView:
    """A coronal view of 100 mm around the origin, 5 pixels per mm, with Slicer's widgets for points."""

    def __init__(self, scene: "slicer.vtkMRMLScene") -> None:
        self.application = slicer.vtkMRMLApplicationLogic()
        self.application.SetMRMLScene(scene)
        self.markups = slicer.vtkSlicerMarkupsLogic()
        self.markups.SetMRMLApplicationLogic(self.application)
        self.markups.SetMRMLScene(scene)
        self.application.SetModuleLogic("Markups", self.markups)
        self.slice = slicer.vtkMRMLSliceLogic()
        self.slice.SetMRMLApplicationLogic(self.application)
        self.slice.SetMRMLScene(scene)
        self.node = self.slice.AddSliceNode("Coronal")
        self.node.SetSliceToRASByNTP(0, 1, 0, -1, 0, 0, 0, 0, 0, 0)
        self.node.SetDimensions(PIXELS, PIXELS, 1)
        self.node.SetFieldOfView(FIELD_MM, FIELD_MM, 1.0)
        logics = vtk.vtkCollection()
        logics.AddItem(self.slice)
        self.application.SetSliceLogics(logics)
        self.renderer = vtk.vtkRenderer()
        self.window = vtk.vtkRenderWindow()
        self.window.SetOffScreenRendering(True)
        self.window.SetSize(PIXELS, PIXELS)
        self.window.AddRenderer(self.renderer)
        self.interactor = vtk.vtkRenderWindowInteractor()
        self.interactor.SetRenderWindow(self.window)
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(self.application)
        name = "vtkMRMLMarkupsDisplayableManager"
        if not factory.IsDisplayableManagerRegistered(name):
            factory.RegisterDisplayableManager(name)
        self.group = slicer.vtkMRMLDisplayableManagerGroup()
        self.group.Initialize(factory, self.renderer)
        self.group.SetMRMLDisplayableNode(self.node)
        self.manager = self.group.GetDisplayableManagerByClassName(name)

    def close(self) -> None:
        self.group.SetMRMLDisplayableNode(None)
        self.interactor.SetRenderWindow(None)

    def send(
        self, event: int, ras: "list[float]", moved: bool = False, key: "tuple[str, int]" = ("", 0)
    ) -> bool:
        """Whether a widget takes an event of the mouse, or of a key, at (3,) world RAS mm."""
        to_ras = slicer.util.arrayFromVTKMatrix(self.node.GetXYToRAS())
        pixel = np.linalg.inv(to_ras) @ [*ras, 1.0]
        data = slicer.vtkMRMLInteractionEventData()
        data.SetType(event)
        data.SetRenderer(self.renderer)
        data.SetViewNode(self.node)
        data.SetDisplayPosition([round(pixel[0]), round(pixel[1])])
        data.SetMouseMovedSinceButtonDown(moved)
        if key[0]:
            data.SetKeySym(key[0])
            data.SetKeyCode(chr(key[1]))
            data.SetKeyRepeatCount(chr(1))
        taken = self.manager.CanProcessInteractionEvent(data, vtk.reference(0.0))
        return bool(taken and self.manager.ProcessInteractionEvent(data))

    def hover(self, ras: "list[float]") -> None:
        self.send(vtk.vtkCommand.MouseMoveEvent, np.add(ras, [3, 0, 3]))
        self.send(vtk.vtkCommand.MouseMoveEvent, ras)

    def click(self, ras: "list[float]") -> None:
        self.hover(ras)
        self.send(vtk.vtkCommand.LeftButtonPressEvent, ras)
        self.send(vtk.vtkCommand.LeftButtonReleaseEvent, ras)

    def drag(self, start: "list[float]", end: "list[float]", button: str = "Left") -> None:
        self.hover(start)
        self.send(getattr(vtk.vtkCommand, f"{button}ButtonPressEvent"), start)
        for share in (0.25, 0.5, 0.75, 1.0):
            place = np.add(start, np.subtract(end, start) * share)
            self.send(vtk.vtkCommand.MouseMoveEvent, place, moved=True)
        self.send(getattr(vtk.vtkCommand, f"{button}ButtonReleaseEvent"), end, moved=True)

    def right_click(self, ras: "list[float]") -> None:
        self.send(vtk.vtkCommand.RightButtonPressEvent, ras)
        self.send(vtk.vtkCommand.RightButtonReleaseEvent, ras)


LANDMARKS = LandmarkSet(
    (
        Landmark("left", [-20.0, 0.0, 30.0], confidence=0.9),
        Landmark("right", [20.0, 0.0, 30.0], Status.UNCERTAIN, 0.3),
        Landmark("toe", NOWHERE, Status.ABSENT),
    )
)


def detection():
    from LandmarkDetectionLib.core.detection import Detection

    return Detection(LANDMARKS, "whole-body-ct", "1.0.0")


@pytest.fixture
def volume(scene):
    return add_volume()


@pytest.fixture
def view(scene):
    view = SliceView(scene)
    yield view
    view.close()


@pytest.mark.parametrize("turned", [False, True])
def test_dragging_a_point_in_a_view_corrects_it(view, volume, turned):
    if turned:
        add_transform(TURN, volume)
    node = applyDetection(detection(), volume)
    markers = StatusMarkers(node)  # over the points, and not in the way of the mouse
    told = []
    session = ReviewSession(node, lambda: told.append(session.review.reviewed))
    view.drag([-20, 0, 30], [10, 0, -12])
    assert session.review.reviewed == ("left",)
    np.testing.assert_allclose(session.worldPosition("left"), [10, 0, -12], atol=0.2)
    assert told == [("left",)]
    session.undo()
    assert session.review.landmarks["left"].status is Status.DETECTED
    np.testing.assert_allclose(session.worldPosition("left"), [-20, 0, 30], atol=1e-9)
    session.close()
    markers.close()


def test_a_click_on_a_point_corrects_nothing_and_is_no_step_of_undo(view, volume):
    node = applyDetection(detection(), volume)
    session = ReviewSession(node)
    session.accept("right")
    view.click([-20, 0, 30])
    assert session.review.reviewed == ("right",)
    session.undo()
    assert session.review.reviewed == ()
    session.close()


def test_dragging_the_whole_list_by_accident_moves_nothing(view, volume):
    node = applyDetection(detection(), volume)
    session = ReviewSession(node)
    session.correct("toe", [0, 0, -40])
    before = readPositions(node)
    view.drag([-20, 0, 30], [10, 0, -12], button="Middle")
    assert session.review.reviewed == ("toe",)
    np.testing.assert_allclose(readPositions(node), before, atol=1e-9)
    session.close()
    view.drag([-20, 0, 30], [10, 0, -12], button="Middle")
    np.testing.assert_allclose(readPositions(node), np.add(before, [30, 0, -42]), atol=0.2)


def test_locked_points_cannot_be_dragged(view, volume):
    node = applyDetection(detection(), volume)
    session = ReviewSession(node)
    session.setLocked(True)
    view.drag([-20, 0, 30], [10, 0, -12])
    assert session.review.reviewed == ()
    session.setLocked(False)
    view.drag([-20, 0, 30], [10, 0, -12])
    assert session.review.reviewed == ("left",)
    session.close()


def test_the_delete_key_takes_no_landmark_away(view, volume):
    node = applyDetection(detection(), volume)
    session = ReviewSession(node)
    view.hover([-20, 0, 30])
    assert view.send(vtk.vtkCommand.KeyPressEvent, [-20, 0, 30], key=("Delete", 127))
    assert node.GetNumberOfControlPoints() == 3
    assert session.review.reviewed == ()
    session.close()


def test_clicks_place_one_landmark_after_the_other(view, volume, scene):
    protocol = load_protocol("whole-body")
    node = blankLandmarks(volume, protocol)
    placing = PlacingSession(node)
    places = [[-40 + 2.4 * number, 0, 20] for number in range(len(protocol.names))]
    for name, place in zip(protocol.names, places, strict=True):
        assert placing.current == name
        view.click(place)
    assert placing.finished
    np.testing.assert_allclose(readPositions(node), places, atol=0.2)
    interaction = scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    assert interaction.GetCurrentInteractionMode() != interaction.Place


def test_undo_skip_and_back_change_where_the_next_click_goes(view, volume, scene):
    names = load_protocol("whole-body").names
    node = blankLandmarks(volume, load_protocol("whole-body"))
    placing = PlacingSession(node)
    view.click([0, 0, 10])
    view.click([5, 0, 10])
    scene.Undo()
    assert placing.current == names[1]
    view.click([9, 0, 10])
    np.testing.assert_allclose(position(node, names[1]), [9, 0, 10], atol=0.2)
    placing.skip()
    view.click([20, 0, 10])
    np.testing.assert_allclose(position(node, names[3]), [20, 0, 10], atol=0.2)
    placing.back()
    view.click([30, 0, 10])
    np.testing.assert_allclose(position(node, names[3]), [30, 0, 10], atol=0.2)
    placed = np.isfinite(readPositions(node)).all(axis=1)
    assert np.flatnonzero(placed).tolist() == [0, 1, 3]
    view.hover([35, 0, 10])
    placing.stop()
    assert node.GetNumberOfUndefinedControlPoints() == 0


def test_a_right_click_ends_placing_and_leaves_no_half_placed_point(view, volume):
    node = blankLandmarks(volume, load_protocol("whole-body"))
    placing = PlacingSession(node)
    view.click([0, 0, 10])
    view.hover([5, 0, 10])
    view.right_click([5, 0, 10])
    assert placing.finished
    statuses = [node.GetNthControlPointPositionStatus(i) for i in range(node.GetNumberOfControlPoints())]
    assert statuses.count(node.PositionDefined) == 1
    assert statuses.count(node.PositionMissing) == len(statuses) - 1


def test_a_click_is_picked_and_the_view_goes_on_as_before(view, volume, scene):
    node = applyDetection(detection(), volume)
    session = ReviewSession(node)
    clicks = []
    for _ in range(2):
        ClickPicker(clicks.append)
        view.click([7, 0, -9])
    np.testing.assert_allclose(clicks, [[7, 0, -9]] * 2, atol=0.2)
    view.drag([-20, 0, 30], [10, 0, -12])
    assert session.review.reviewed == ("left",)
    session.close()
