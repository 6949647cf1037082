"""Going to a landmark: all views show it, as near as wanted, and from where they looked before."""

import numpy as np
import pytest
import slicer
from LandmarkDetectionSlicer.scene.nodes import applyDetection
from LandmarkDetectionSlicer.scene.views import (
    LEAST_FIELD_MM,
    SLICE_MM,
    centerOn,
    highlight,
    suitableField,
    widthOfRadiograph,
)

from Testing.Python.slicer_module.mrml_cases import DETECTION, add_volume

PLACE = np.array([10.0, -20.0, 345.0])


@pytest.fixture
def slices(scene):
    """Axial, coronal and oblique slice views, one of them panned."""
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene)
    nodes = []
    for name in ("Axial", "Coronal", "Oblique"):
        node = slicer.vtkMRMLSliceNode()
        node.SetName(name)
        node.SetLayoutName(name)
        scene.AddNode(node)
        node.SetDimensions(400, 300, 1)
        node.SetFieldOfView(400.0, 300.0, 1.0)
        if name == "Oblique":
            node.SetSliceToRASByNTP(0.6, 0.0, 0.8, 0.8, 0.0, -0.6, 5.0, 6.0, 7.0, 0)
        else:
            node.SetOrientation(name)
        nodes.append(node)
    nodes[0].SetXYZOrigin(30.0, -10.0, 0.0)
    return nodes


@pytest.fixture
def camera(scene):
    camera = scene.AddNewNodeByClass("vtkMRMLCameraNode")
    camera.SetFocalPoint(0.0, 0.0, 0.0)
    camera.SetPosition(1500.0, 3000.0, 200.0)
    return camera


def place_on_screen(node):
    """Pixel of the landmark, and its distance from the slice."""
    to_ras = slicer.util.arrayFromVTKMatrix(node.GetXYToRAS())
    return (np.linalg.inv(to_ras) @ [*PLACE, 1])[:3]


def directions(node):
    return slicer.util.arrayFromVTKMatrix(node.GetSliceToRAS())[:3, :3].copy()


def test_every_slice_view_shows_the_place_in_its_middle(slices):
    before = [directions(node) for node in slices]
    centerOn(PLACE)
    for node, old in zip(slices, before, strict=True):
        np.testing.assert_allclose(place_on_screen(node), [200, 150, 0], atol=1e-6)
        np.testing.assert_allclose(directions(node), old, atol=1e-12)


def test_zooming_keeps_the_shape_of_the_view(slices):
    centerOn(PLACE, zoomMm=100.0)
    for node in slices:
        np.testing.assert_allclose(node.GetFieldOfView(), [100, 75, 1])
        np.testing.assert_allclose(place_on_screen(node), [200, 150, 0], atol=1e-6)


def test_a_closer_look_is_kept(slices):
    slices[0].SetFieldOfView(40.0, 30.0, 1.0)
    centerOn(PLACE, zoomMm=100.0)
    np.testing.assert_allclose(slices[0].GetFieldOfView(), [40, 30, 1])


def test_without_zoom_views_only_move(slices, camera):
    centerOn(PLACE, zoomMm=None)
    assert all(node.GetFieldOfView()[0] == 400 for node in slices)
    np.testing.assert_allclose(np.subtract(camera.GetPosition(), PLACE), [1500, 3000, 200])


def test_the_3d_view_turns_to_the_place_from_the_same_direction(camera):
    direction = np.array([1500.0, 3000.0, 200.0])
    centerOn(PLACE)
    np.testing.assert_allclose(camera.GetFocalPoint(), PLACE)
    away = np.subtract(camera.GetPosition(), PLACE)
    np.testing.assert_allclose(away / np.linalg.norm(away), direction / np.linalg.norm(direction), atol=1e-9)
    assert np.linalg.norm(away) < np.linalg.norm(direction)
    near = away
    centerOn(PLACE + 5)
    np.testing.assert_allclose(np.subtract(camera.GetPosition(), PLACE + 5), near)


def test_a_scene_without_views_is_no_problem(scene):
    centerOn(PLACE)
    assert scene.GetNumberOfNodesByClass("vtkMRMLSliceNode") == 0


def test_a_highlighted_point_is_the_active_one_and_nothing_else_changes(scene):
    node = applyDetection(DETECTION, add_volume())
    highlight(node, 2)
    assert node.GetDisplayNode().GetActiveControlPoint() == 2
    assert node.GetNthControlPointSelected(0) and node.GetNthControlPointSelected(2)
    highlight(node, None)
    assert node.GetDisplayNode().GetActiveControlPoint() == -1


def test_neighbours_tell_how_near_to_look_and_what_may_be_far_off_gets_room():
    finger, hip = [[20.0, 0, 0], [0, 20.0, 0], [300.0, 0, 0]], [[400.0, 0, 0], [0, 300.0, 0]]
    assert suitableField([0, 0, 0], finger) == pytest.approx(80)
    assert suitableField([0, 0, 0], hip) == SLICE_MM
    assert suitableField([0, 0, 0], [[1.0, 0, 0], [0, 2.0, 0]]) == LEAST_FIELD_MM
    assert suitableField([0, 0, 0], finger, expectedErrorMm=20) == pytest.approx(120)
    assert suitableField([0, 0, 0], []) == SLICE_MM
    assert suitableField([float("nan")] * 3, finger) == SLICE_MM, "of what is nowhere nothing is known"


def test_a_view_widens_again_after_our_zoom_and_not_after_a_persons(scene):
    view = scene.AddNewNodeByClass("vtkMRMLSliceNode")
    view.SetFieldOfView(300, 200, 1)
    for wanted, width in ((80, 80), (160, 160)):
        centerOn([1.0, 2.0, 3.0], wanted)
        assert view.GetFieldOfView()[0] == pytest.approx(width)
    view.SetFieldOfView(60, 40, 1)
    centerOn([1.0, 2.0, 3.0], 160)
    assert view.GetFieldOfView()[0] == pytest.approx(60)


def test_a_radiograph_is_looked_at_in_shares_of_its_width_whatever_its_pixels_are():
    finger = [[20.0, 0, 0], [0, 20.0, 0]]
    assert suitableField([0, 0, 0], finger, wholeMm=240.0) == pytest.approx(80)
    assert suitableField([0, 0, 0], [[500.0, 0, 0]], wholeMm=240.0) == 120.0
    pixels = [[300.0, 0, 0], [0, 300.0, 0]]  # a cephalogram of 2400 pixels that count as mm
    assert suitableField([0, 0, 0], pixels, wholeMm=2400.0) == pytest.approx(1200)
    assert suitableField([0, 0, 0], [[5.0, 0, 0], [5.0, 1, 0]], wholeMm=2400.0) == 300.0


def test_only_a_single_image_has_the_width_of_a_radiograph(scene):
    volume = add_volume("scan")
    assert widthOfRadiograph(applyDetection(DETECTION, volume)) is None
    film = add_volume("film", np.zeros((1, 5, 6), np.int16))
    assert widthOfRadiograph(applyDetection(DETECTION, film)) == 12.0
