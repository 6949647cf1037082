"""The page Measure: values, and lines and angles that follow a dragged landmark."""

from typing import Any

import numpy as np
import pytest

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet
from Testing.examples.measurement_cases import BODY, FACE, in_picture
from Testing.Python.slicer_module.mrml_cases import add_volume
from Testing.Python.slicer_module.panel_cases import (
    complaint,
    open_panel,
    picture,
    said,
    show_detection,
    wait_for_files,
)

BODY_MARKS = LandmarkSet(
    tuple(Landmark(name, np.array(place), covariance=np.eye(3) * 9) for name, place in BODY.items())
)


@pytest.fixture
def panel(host) -> Any:
    panel = open_panel(host)
    panel.pages.show(panel.measurements)
    return panel


@pytest.fixture
def node(panel) -> Any:
    node = show_detection(panel, add_volume("scan"), Detection(BODY_MARKS, "whole-body-ct", "1.0.0"))
    panel.pages.show(panel.measurements)
    return node


def rows(panel: Any) -> dict[str, tuple[str, ...]]:
    """Value, range and class by the measurement's name."""
    table = panel.measurements.ui.measurementTable
    names = [one.name for one in panel.measurements.listed]
    texts = ([table.item(row, column).text() for column in (1, 2, 0)] for row in range(len(names)))
    return {
        name: (value, usual, first.partition("\n")[2])
        for name, (value, usual, first) in zip(names, texts, strict=True)
    }


def row_of(panel: Any, name: str) -> int:
    return [one.name for one in panel.measurements.listed].index(name)


def test_the_section_lists_values_with_their_uncertainty_and_gaps(panel, node):
    found = rows(panel)
    measured = [value != "-" for value, *_ in found.values()]
    assert set(measured) == {True, False}
    assert measured == sorted(measured, reverse=True), "what was measured comes first"
    assert found["height"][0].startswith("1700.0 mm \u00b1 ")
    assert found["leg_right"][0].startswith("820.0 mm")


def test_dragging_a_landmark_updates_every_value_and_the_shown_line(host, panel, node):
    import slicer

    panel.measurements.ui.measurementTable.setCurrentCell(row_of(panel, "thigh_right"), 0)
    (line,) = panel.measurements.lineNodes
    assert line.GetClassName() == "vtkMRMLMarkupsLineNode"
    assert line.GetMeasurement("length").GetValue() == pytest.approx(420)
    index = node.GetControlPointIndexByLabel("knee_right")
    node.InvokeEvent(slicer.vtkMRMLMarkupsNode.PointStartInteractionEvent)
    node.SetNthControlPointPositionWorld(index, 90.0, 0.0, 500.0)
    # Still under the mouse: the values and the line are those of the new place.
    assert rows(panel)["thigh_right"][0].startswith("400.0 mm")
    assert line.GetMeasurement("length").GetValue() == pytest.approx(400)
    node.InvokeEvent(slicer.vtkMRMLMarkupsNode.PointEndInteractionEvent)
    assert rows(panel)["thigh_difference"][0].startswith("20.0 mm")


def test_an_angle_is_an_angle_node_and_closing_the_scene_takes_it_away(host, panel, node):
    import slicer

    panel.measurements.ui.measurementTable.setCurrentCell(row_of(panel, "knee_angle_left"), 0)
    (angle,) = panel.measurements.lineNodes
    assert angle.GetClassName() == "vtkMRMLMarkupsAngleNode" and angle.GetLocked()
    assert angle.GetMeasurement("angle").GetValue() == pytest.approx(180)
    assert not angle.GetSaveWithScene()
    host.click(panel.measurements.ui.allLinesBox)
    assert len(panel.measurements.lineNodes) > 10
    panel.pages.show(panel.review)
    assert panel.measurements.lineNodes == []
    slicer.mrmlScene.Clear()
    host.process_events()
    assert panel.measurements.measurements is None


def test_a_report_says_who_reviewed_and_where_it_was_saved(host, panel, node, tmp_path):
    panel.measurements.ui.reviewerEdit.text = "A. Nurse"
    host.dialogs.answer_file(tmp_path / "case.html")
    host.click(panel.measurements.ui.reportButton)
    wait_for_files(host, panel)
    assert said(panel)[-1].text == f"Saved case.html in {tmp_path}."
    page = (tmp_path / "case.html").read_text()
    assert "by A. Nurse" in page and "For research use only" in page
    host.dialogs.answer_file(tmp_path / "case.dcm")
    host.click(panel.measurements.ui.reportButton)
    wait_for_files(host, panel)
    assert "give the image as DICOM" in complaint(panel)


def test_a_radiograph_is_measured_in_its_plane(host, panel):
    import slicer

    voxels = np.zeros((1, 240, 240), np.int16)
    volume = slicer.util.addVolumeFromArray(voxels, np.diag([-1.0, -1.0, 1.0, 1.0]), "face")
    landmarks = LandmarkSet(in_picture(FACE, 0.8).landmarks, name="Cephalometric landmarks")
    show_detection(panel, volume, Detection(landmarks, "", ""))
    panel.pages.show(panel.measurements)
    found = rows(panel)
    assert found["ANB"][0].startswith("3.183°") and "class III" in found["ANB"][2]
    assert found["Tweed IMPA"][0] == "-" and "apex of the lower incisor" in found["Tweed IMPA"][2]
    picture(host, panel, "measurements")


def test_without_landmarks_there_is_nothing_to_report(host, panel):
    assert not panel.measurements.ui.reportButton.enabled
    assert panel.measurements.measurements is None
