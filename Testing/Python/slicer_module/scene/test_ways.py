"""Ways of search agents in the scene: where they went, hidden at first, one set per landmark node."""

import numpy as np
import pytest
import slicer
from LandmarkDetectionSlicer.scene.nodes import applyDetection, landmarkNodes
from LandmarkDetectionSlicer.scene.ways import FOLDER, keepWays, waysTo

from LandmarkDetectionLib.core.search_path import SearchPath
from Testing.Python.slicer_module.mrml_cases import DETECTION, SHIFT, add_transform, add_volume

PLACES = np.array([[0.0, 0, 0], [8, 0, 0], [8, 8, 0], [8, 8, 0], [8, 8, 4]])
CELLS = np.array([8.0, 8, 8, 4, 4])
WAYS = [SearchPath("knee_left", PLACES, CELLS, False), SearchPath("toe_left", -PLACES, CELLS, True)]


@pytest.fixture
def volume(scene):
    return add_volume()


@pytest.fixture
def node(volume):
    return applyDetection(DETECTION, volume)


def places(curve):
    count = curve.GetNumberOfControlPoints()
    return np.array([curve.GetNthControlPointPositionWorld(n) for n in range(count)])


def test_a_way_is_a_curve_through_every_place_of_the_agent(volume, node):
    found, left = keepWays(WAYS, volume, node)
    assert (found.GetName(), left.GetName()) == ("way to knee_left", "way to toe_left, left the volume")
    assert places(found) == pytest.approx(PLACES[[0, 1, 2, 4]]), "where the scale changes it stands still"
    assert found.GetCurveLengthWorld() == pytest.approx(20.0)
    assert found.GetLocked() and found.GetFixedNumberOfControlPoints()


def test_ways_are_hidden_at_first_and_those_out_of_the_volume_have_another_colour(volume, node):
    shown = [way.GetDisplayNode() for way in keepWays(WAYS, volume, node)]
    assert not any(display.GetVisibility() or display.GetPointLabelsVisibility() for display in shown)
    assert shown[0].GetSelectedColor() != shown[1].GetSelectedColor()


def test_ways_move_with_their_volume(volume, node):
    transform = add_transform(SHIFT, volume)
    way = keepWays(WAYS, volume, node)[0]
    assert places(way)[0] == pytest.approx(PLACES[0])
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(np.eye(4)))
    assert places(way)[0] == pytest.approx(PLACES[0] - SHIFT[:3, 3])


def test_detecting_again_exchanges_the_ways_of_these_landmarks_only(volume, node):
    other = applyDetection(DETECTION, add_volume("other"))
    keepWays(WAYS, volume, node)
    kept = keepWays(WAYS, volume, other)
    (again,) = keepWays(WAYS[:1], volume, node)
    assert waysTo(node) == [again] and waysTo(other) == kept
    keepWays([], volume, node)
    assert waysTo(node) == []


def test_ways_lie_in_one_folder_and_are_no_landmarks(volume, node):
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    found = keepWays(WAYS, volume, node)
    assert landmarkNodes(volume) == [node]
    parents = {hierarchy.GetItemParent(hierarchy.GetItemByDataNode(way)) for way in found}
    assert [hierarchy.GetItemName(one) for one in parents] == [FOLDER]
