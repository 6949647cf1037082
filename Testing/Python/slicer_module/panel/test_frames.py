"""The page Axes of the body: views are turned, volumes moved by transforms, and all taken back."""

from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.geometry import Affine
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet
from Testing.examples.measurement_cases import BODY
from Testing.Python.slicer_module.mrml_cases import (
    SHIFT,
    add_transform,
    add_volume,
    world_position,
)
from Testing.Python.slicer_module.panel_cases import drag, open_panel, said, show_detection

TURN = np.eye(4)
TURN[:3, :3], TURN[:3, 3] = Rotation.from_rotvec([0.1, 0.2, -0.15]).as_matrix(), (10.0, 20.0, 30.0)
POINTS = {**BODY, "neck": (0.0, -40.0, 1450.0), "sternal_notch": (0.0, 40.0, 1400.0)}
MARKS = LandmarkSet(
    tuple(Landmark(name, np.array(place), covariance=np.eye(3) * 9) for name, place in POINTS.items())
).transformed(Affine(TURN))


@pytest.fixture
def panel(host) -> Any:
    return open_panel(host)


@pytest.fixture
def node(panel) -> Any:
    found = show_detection(panel, add_volume("scan"), Detection(MARKS, "whole-body-skin", "1.0.0"))
    panel.pages.show(panel.frames)
    return found


def directions(host: Any) -> dict[str, np.ndarray]:
    import slicer

    return {
        one.GetName(): slicer.util.arrayFromVTKMatrix(one.GetSliceToRAS())[:3, :3].copy()
        for one in slicer.util.getNodesByClass("vtkMRMLSliceNode")
    }


def test_the_page_says_how_the_body_lies_and_how_sure_that_is(panel, node):
    ui = panel.frames.ui
    assert ui.frameSelector.currentText == "Axes of the trunk"
    angle = np.degrees(np.linalg.norm([0.1, 0.2, -0.15]))
    assert ui.frameLabel.text.startswith(
        f"Turned by {angle:.1f}\u00b0 from the axes of the scan; 95 % within"
    )
    assert ui.straightenButton.enabled and ui.alignButton.enabled
    assert not ui.scannedButton.enabled and not ui.undoButton.enabled


def test_views_are_straightened_along_the_body_and_turned_back(host, panel, node):
    before = directions(host)
    assert len(before) >= 3
    host.click(panel.frames.ui.straightenButton)
    host.click(panel.frames.ui.straightenButton)  # twice is once
    for name, matrix in directions(host).items():
        np.testing.assert_allclose(matrix, TURN[:3, :3] @ before[name], atol=1e-6)
    host.click(panel.frames.ui.scannedButton)
    for name, matrix in directions(host).items():
        np.testing.assert_allclose(matrix, before[name], atol=1e-9)
    assert not panel.frames.ui.scannedButton.enabled


@pytest.mark.parametrize("is_moved_already", [False, True])
def test_the_volume_is_aligned_by_a_transform_and_lies_as_before_afterwards(
    host, panel, node, is_moved_already
):
    import slicer

    volume = panel.parameters.inputVolume
    voxels = slicer.util.arrayFromVolume(volume).copy()
    if is_moved_already:
        add_transform(SHIFT, volume, node)
    before = {name: world_position(node, name) for name in POINTS}
    count = slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLLinearTransformNode")
    host.click(panel.frames.ui.alignButton)
    for name, place in POINTS.items():
        np.testing.assert_allclose(world_position(node, name), np.subtract(place, (0, 0, 900)), atol=1e-6)
    tops = set()
    for one in (volume, node):
        while one.GetParentTransformNode() is not None:
            one = one.GetParentTransformNode()
        tops.add(one.GetName())
    assert tops == {"Axes of the trunk"}
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(volume), voxels)
    assert panel.frames.ui.frameLabel.text.startswith("Turned by 0.0\u00b0")
    assert said(panel)[-1].text == "Aligned to Axes of the trunk; no voxel was changed."
    # Corrected and aligned again: there is still one transform.
    host.click(panel.frames.ui.alignButton)
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLLinearTransformNode") == count + 1
    host.click(panel.frames.ui.undoButton)
    for name, place in before.items():
        np.testing.assert_allclose(world_position(node, name), place, atol=1e-9)
    assert not panel.frames.ui.undoButton.enabled


def test_a_dragged_landmark_moves_the_frame_and_a_swapped_one_takes_it_away(panel, node):
    before = panel.frames.ui.frameLabel.text
    index = node.GetControlPointIndexByLabel("shoulder_left")
    drag(node, index, world_position(node, "shoulder_left") + np.array([0, 0, 60.0]))
    assert panel.frames.ui.frameLabel.text != before
    right = world_position(node, "shoulder_right")
    drag(node, node.GetControlPointIndexByLabel("shoulder_right"), world_position(node, "shoulder_left"))
    drag(node, index, right)
    assert panel.frames.ui.frameLabel.text.startswith("Not there: right and left look swapped (shoulders)")
    assert not panel.frames.ui.alignButton.enabled


def test_without_landmarks_or_frames_there_is_nothing_to_do(host, panel):
    assert panel.frames.ui.frameLabel.text == "No axes for these landmarks."
    assert not panel.frames.ui.straightenButton.enabled
    show_detection(panel, add_volume(), Detection(LandmarkSet((Landmark("thumb_tip", [0, 0, 0]),)), "", ""))
    assert panel.frames.placed == () and not panel.frames.ui.alignButton.enabled
