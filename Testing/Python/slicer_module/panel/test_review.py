"""Reviewing landmarks in the panel: keys, buttons, dragging, undo, and what is shown meanwhile."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from LandmarkDetectionSlicer.scene.regions import ellipsoid

from LandmarkDetectionLib.core.doubts import Doubt
from LandmarkDetectionLib.core.landmarks import Status
from LandmarkDetectionLib.quality.conformal import gaussian_radius
from Testing.Python.slicer_module.mrml_cases import DETECTION, NAMES, add_volume
from Testing.Python.slicer_module.panel_cases import (
    complaint,
    drag,
    good_worker,
    open_panel,
    rows,
    said,
    show_detection,
    status_of,
    stored,
)


@pytest.fixture
def panel(host) -> Any:
    return open_panel(host)


@pytest.fixture
def node(host, panel) -> Any:
    """Four landmarks under review: the chin uncertain and with a warning, the toe absent."""
    return show_detection(panel, add_volume("scan"), DETECTION)


def test_the_doubtful_come_first(panel, node):
    assert rows(panel) == [
        ("Chin", "30 %", "uncertain"),
        ("Left wrist", "80 %", "detected"),
        ("Left knee", "90 %", "detected"),
        ("Toe left", "5 %", "not in the scan"),
    ]
    assert panel.review.selected == "chin"
    assert panel.review.ui.progressLabel.text == "0 of 4 reviewed"


def test_warnings_are_shown_with_their_landmark(panel, node):
    table = panel.review.ui.landmarkTable
    assert table.item(0, 3).toolTip() == "The chin may be cut off."
    assert [table.item(row, 3).toolTip() for row in (1, 2, 3)] == ["", "", ""]
    assert "The chin may be cut off." in panel.review.ui.landmarkText.text


def test_a_selected_landmark_shows_the_region_that_holds_it(panel, node):
    panel.review.select("knee_left")
    knee = DETECTION.landmarks["knee_left"]
    surface = panel.review.desk.region.node
    display = surface.GetDisplayNode()
    assert display.GetVisibility() and display.GetVisibility2D() and display.GetVisibility3D()
    assert surface.GetHideFromEditors() and not surface.GetSaveWithScene()
    bounds = np.array(surface.GetPolyData().GetBounds()).reshape(3, 2)
    reach = gaussian_radius(0.95, 3) * np.sqrt(np.diagonal(knee.covariance))
    assert bounds.mean(axis=1) == pytest.approx(knee.position, abs=0.05)
    assert np.ptp(bounds, axis=1) / 2 == pytest.approx(reach, rel=0.01)
    panel.review.select("chin")
    assert not display.GetVisibility(), "its spread is not known"
    panel.review.select("knee_left")
    drag(node, NAMES.index("knee_left"), np.add(knee.position, [3.0, 4.0, 0.0]))
    assert not display.GetVisibility(), "a person has placed it"


def test_a_region_that_would_fill_the_3d_view_is_left_to_the_slices(panel):
    lost = replace(DETECTION.landmarks["knee_left"], covariance=np.diag([4e4, 4e4, 4e4]))
    marks = tuple(lost if one.name == "knee_left" else one for one in DETECTION.landmarks)
    landmarks = replace(DETECTION.landmarks, landmarks=marks)
    show_detection(panel, add_volume("scan"), replace(DETECTION, landmarks=landmarks))
    panel.review.select("knee_left")
    display = panel.review.desk.region.node.GetDisplayNode()
    assert display.GetVisibility2D() and not display.GetVisibility3D()


def test_the_region_of_a_radiograph_is_an_ellipse_that_its_plane_cuts():
    surface = ellipsoid(np.array([5.0, 6.0, 0.0]), np.diag([4.0, 1.0, 0.0]))
    bounds = np.array(surface.GetBounds()).reshape(3, 2)
    reach = gaussian_radius(0.95, 2) * np.array([2.0, 1.0, 1.0])
    assert np.ptp(bounds, axis=1) / 2 == pytest.approx(reach, rel=0.01)


def test_a_selected_landmark_tells_its_definition_and_shows_where_it_is(host, panel, node):
    panel.review.select("knee_left")
    assert "Left knee" in panel.review.ui.landmarkText.text and "joint" in panel.review.ui.landmarkText.text
    assert panel.review.ui.landmarkPicture.visible
    panel.review.select("toe_left")
    assert not panel.review.ui.landmarkPicture.visible


def test_what_a_detection_warned_of_is_read_whenever_its_landmarks_are_shown(host, panel):
    general = "The scan shows only part of a body."
    shown = show_detection(
        panel, add_volume("other"), replace(DETECTION, doubts=(Doubt(general), *DETECTION.doubts))
    )
    assert panel.review.ui.warningLabel.text == f"\u26a0 {general}"
    assert panel.review.ui.warningLabel.visible
    panel.parameters.landmarks = None
    host.process_events()
    assert not panel.review.ui.warningLabel.visible
    panel.parameters.landmarks = shown
    host.process_events()
    assert panel.review.ui.warningLabel.visible


def test_selecting_a_row_centres_the_views_and_shows_the_point(host, panel, node):
    import slicer

    row = [name for name, _, _ in rows(panel)].index("Left knee")
    table = panel.review.ui.landmarkTable
    place = table.visualItemRect(table.item(row, 0)).center()

    host.click(table.viewport(), place)
    knee = DETECTION.landmarks["knee_left"].position
    for view in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        centre = [view.GetSliceToRAS().GetElement(axis, 3) for axis in range(3)]
        assert centre == pytest.approx(knee)
    camera = slicer.util.getNodesByClass("vtkMRMLCameraNode")[0]
    assert camera.GetFocalPoint() == pytest.approx(knee)
    assert node.GetDisplayNode().GetActiveControlPoint() == NAMES.index("knee_left")


def test_a_point_taken_in_a_view_selects_its_row(panel, node):
    drag(node, NAMES.index("wrist_left"), [-180.0, 0.0, 0.0])
    assert panel.review.selected == "wrist_left"
    assert status_of(panel, "Left wrist") == "corrected"


def test_the_keyboard_alone_reviews_everything(host, panel, node):
    import qt

    host.press_key(qt.Qt.Key_A)
    assert status_of(panel, "Chin") == "accepted"
    assert panel.review.selected == "wrist_left"
    host.press_key(qt.Qt.Key_M)
    assert status_of(panel, "Left wrist") == "missing"
    host.press_key(qt.Qt.Key_A)
    host.press_key(qt.Qt.Key_A)
    assert status_of(panel, "Toe left") == "missing"
    assert panel.review.ui.progressLabel.text == "4 of 4 reviewed"
    assert panel.review.ui.reviewProgressBar.value == 4
    assert said(panel)[-1].text == "All 4 landmarks are reviewed."


def test_one_key_says_that_what_the_model_calls_absent_is_missing(host, panel, node):
    import qt

    panel.review.select("wrist_left")
    host.press_key(qt.Qt.Key_M, qt.Qt.ShiftModifier)
    assert panel.review.review.reviewed == ("toe_left",), "what has a place is judged one by one"
    assert panel.review.review.landmarks["toe_left"].status is Status.MISSING
    assert panel.review.selected == "wrist_left", "it is still open"
    assert not panel.review.actions.absent.enabled
    panel.review.desk.undo()
    assert panel.review.review.reviewed == () and panel.review.actions.absent.enabled


def test_a_doubt_is_said_as_long_as_nobody_has_settled_it(host, panel, node):
    panel.review.select("chin")
    assert "\u26a0 The chin may be cut off." in panel.review.ui.landmarkText.text
    panel.review.desk.markMissing()
    panel.review.select("chin")
    assert "\u26a0" not in panel.review.ui.landmarkText.text
    assert "Was in doubt: The chin may be cut off." in panel.review.ui.landmarkText.text
    assert [row.warnings for row in panel.review.desk.rows() if row.name == "chin"] == [()]
    panel.review.desk.restore()
    assert [len(row.warnings) for row in panel.review.desk.rows() if row.name == "chin"] == [1]


def test_keys_go_from_row_to_row(host, panel, node):
    import qt

    for key, expected in (
        (qt.Qt.Key_N, "wrist_left"),
        (qt.Qt.Key_Down, "knee_left"),
        (qt.Qt.Key_P, "wrist_left"),
        (qt.Qt.Key_Up, "chin"),
        (qt.Qt.Key_P, "chin"),
    ):
        host.press_key(key)
        assert panel.review.selected == expected


def test_a_dragged_point_is_corrected_and_the_prediction_kept(panel, node):
    before = DETECTION.landmarks["knee_left"].position
    drag(node, NAMES.index("knee_left"), np.add(before, [3.0, 4.0, 0.0]))
    assert status_of(panel, "Left knee") == "corrected"
    assert stored(node).landmarks["knee_left"].predicted == pytest.approx(before)
    assert "Moved by 5.0 mm" in panel.review.ui.landmarkText.text
    assert panel.review.ui.progressLabel.text == "1 of 4 reviewed"


def test_undo_and_redo_by_key_and_by_button(host, panel, node):
    import qt

    host.press_key(qt.Qt.Key_A)
    host.press_key(qt.Qt.Key_M)
    host.press_key(qt.Qt.Key_Z, qt.Qt.ControlModifier)
    assert status_of(panel, "Left wrist") == "detected"
    host.click(panel.review.ui.undoButton)
    assert status_of(panel, "Chin") == "uncertain"
    panel.review.actions.redo.trigger()
    assert status_of(panel, "Chin") == "accepted"
    host.press_key(qt.Qt.Key_Y, qt.Qt.ControlModifier)
    assert status_of(panel, "Left wrist") == "missing"


def test_one_key_moves_a_spine_by_a_vertebra_and_one_undo_takes_it_back(host, panel, node):
    import qt

    host.press_key(qt.Qt.Key_D)
    assert said(panel)[-1].text == "These landmarks are no chain of vertebrae."
    assert stored(node).reviewed == ()
    model = panel.review.model
    levels = (("chin",), ("wrist_left",), ("knee_left",))
    protocol = model.protocol.restricted(NAMES).model_copy(update={"chain": levels})
    panel.review.desk.model = replace(model, protocol=protocol)
    before = {mark.name: mark.position for mark in DETECTION.landmarks}
    host.press_key(qt.Qt.Key_D)
    landmarks = stored(node).landmarks
    assert landmarks["chin"].position == pytest.approx(before["wrist_left"])
    assert landmarks["wrist_left"].position == pytest.approx(before["knee_left"])
    assert [status_of(panel, name) for name in ("Chin", "Left wrist", "Left knee")] == [
        "corrected",
        "corrected",
        "not in the scan",
    ]
    assert said(panel)[-1].text == "All vertebrae moved; Left knee has no place now, look for it."
    host.press_key(qt.Qt.Key_Z, qt.Qt.ControlModifier)
    assert stored(node).landmarks == DETECTION.landmarks
    host.press_key(qt.Qt.Key_U)
    assert stored(node).landmarks["wrist_left"].position == pytest.approx(before["chin"])
    assert status_of(panel, "Chin") == "not in the scan"


def test_restore_one_and_all(host, panel, node):
    import qt

    drag(node, NAMES.index("knee_left"), [0.0, 0.0, 0.0])
    panel.review.select("chin")
    host.press_key(qt.Qt.Key_A)
    panel.review.select("knee_left")
    host.press_key(qt.Qt.Key_R)
    assert status_of(panel, "Left knee") == "detected"
    knee = DETECTION.landmarks["knee_left"].position
    assert node.GetNthControlPointPositionWorld(NAMES.index("knee_left")) == pytest.approx(knee)
    panel.review.actions.restoreAll.trigger()
    assert stored(node).reviewed == ()
    assert not panel.review.actions.restoreAll.enabled
    host.press_key(qt.Qt.Key_Z, qt.Qt.ControlModifier)
    assert status_of(panel, "Chin") == "accepted"


def test_the_lock_holds_the_points(host, panel, node):
    import qt

    panel.review.actions.lock.trigger()
    assert node.GetLocked()
    host.press_key(qt.Qt.Key_L)
    assert not node.GetLocked()
    node.SetLocked(True)
    assert panel.review.actions.lock.checked


def test_open_only_hides_what_is_done(host, panel, node):
    import qt

    host.click(panel.review.ui.openOnlyBox)
    host.press_key(qt.Qt.Key_A)
    assert [name for name, _, _ in rows(panel)] == ["Left wrist", "Left knee", "Toe left"]
    assert panel.review.selected == "wrist_left"


def test_letters_typed_into_a_field_are_letters(host, panel, node):
    panel.pages.show(panel.models)
    edit = panel.models.ui.sourceEdit
    edit.setFocus()
    host.press_key("amrnp", widget=edit)
    assert edit.text == "amrnp"
    assert stored(node).reviewed == ()


def test_keys_mean_nothing_while_another_module_is_open(host, panel, node):
    import qt

    host.exit("LandmarkDetection")
    host.press_key(qt.Qt.Key_A)
    assert stored(node).reviewed == ()
    host.enter("LandmarkDetection")
    host.press_key(qt.Qt.Key_A)
    assert stored(node).reviewed == ("chin",)


def test_every_key_stands_on_a_button_or_in_the_menu(panel, node):
    ui, entries = panel.review.ui, [entry.text for entry in panel.review.actions._menu.actions()]
    for key, button in (
        ("A", ui.acceptButton),
        ("M", ui.missingButton),
        ("Z", ui.undoButton),
        ("N", ui.nextButton),
    ):
        assert button.text.endswith(f"({key})")
    assert "Ctrl+Z" in ui.undoButton.toolTip
    named = {entry.partition("\t")[2] for entry in entries} - {""}
    assert named == {"P", "Shift+M", "R", "Ctrl+Y", "F", "L", "D", "U", "V"}


def test_another_volume_shows_its_own_landmarks(host, panel, node):
    other = add_volume("other")
    panel.parameters.inputVolume = other
    assert panel.parameters.landmarks is None
    assert rows(panel) == [] and not panel.review.ui.landmarkTable.visible
    panel.parameters.inputVolume = panel.parameters.inputVolume.GetScene().GetFirstNodeByName("scan")
    assert panel.parameters.landmarks is node
    assert len(rows(panel)) == 4


def test_a_review_comes_back_with_its_scene(host, panel, node, tmp_path):
    import slicer

    host.press_key("a")
    drag(node, NAMES.index("knee_left"), [1.0, 2.0, 3.0])
    expected = rows(panel)
    path = str(tmp_path / "case.mrb")
    assert slicer.util.saveScene(path)
    host.close_scene()
    assert rows(panel) == []
    slicer.util.loadScene(path)
    host.process_events(50)
    assert rows(panel) == expected
    assert panel.detect.model.name == "whole-body-ct"
    assert panel.review.selected not in panel.review.review.reviewed, "it goes on where it was left"
    host.press_key("m")
    assert panel.review.ui.progressLabel.text == "3 of 4 reviewed"


def test_points_of_another_origin_can_be_reviewed(host, panel):
    import slicer

    points = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "F")
    points.AddControlPoint([1.0, 2.0, 3.0], "here")
    points.AddControlPoint([4.0, 5.0, 6.0], "there")
    host.process_events()
    assert panel.review.ui.landmarkSelector.visible
    panel.review.ui.landmarkSelector.setCurrentNode(points)
    assert [name for name, _, _ in rows(panel)] == ["Here", "There"]
    host.click(panel.review.ui.acceptButton)
    assert panel.review.ui.progressLabel.text == "1 of 2 reviewed"


def test_deleted_landmarks_leave_a_sentence_and_a_usable_panel(host, panel, node):
    import slicer

    slicer.mrmlScene.RemoveNode(node)
    host.process_events()
    assert "removed" in complaint(panel)
    assert panel.parameters.landmarks is None and rows(panel) == []
    show_detection(panel, panel.parameters.inputVolume, DETECTION)
    assert len(rows(panel)) == 4


def test_points_deleted_or_renamed_in_the_module_markups_are_taken_as_they_are(host, panel, node):
    node.SetName("renamed")
    node.SetNthControlPointLabel(NAMES.index("chin"), "menton")
    assert len(rows(panel)) == 4
    node.UnsetNthControlPointPosition(NAMES.index("knee_left"))
    assert status_of(panel, "Left knee") == "missing"
    node.SetFixedNumberOfControlPoints(False)
    node.RemoveNthControlPoint(NAMES.index("wrist_left"))
    assert status_of(panel, "Left wrist") == "missing"
    host.press_key("a")
    assert not host.errors


def test_waiting_for_a_click_ends_with_another_click_on_the_button_or_another_module(host, panel, node):
    import qt
    import slicer

    interaction = slicer.app.applicationLogic().GetInteractionNode()
    panel.review.select("knee_left")
    for stop in (lambda: host.press_key(qt.Qt.Key_F), lambda: host.exit("LandmarkDetection")):
        host.press_key(qt.Qt.Key_F)
        assert interaction.GetCurrentInteractionMode() == interaction.Place
        stop()
        assert interaction.GetCurrentInteractionMode() != interaction.Place
        assert not panel.review.actions.findNear.checked
    assert said(panel) == []


def test_a_landmark_that_is_nowhere_near_the_click_stays_as_it_is(host, panel, node):
    import qt

    panel.logic._worker = good_worker({**DETECTION.landmarks["toe_left"].to_record(), "name": "knee_left"})
    panel.review.select("knee_left")
    host.press_key(qt.Qt.Key_F)
    panel.review.desk.findNear._picker._node.AddControlPointWorld([0.0, 0.0, 0.0])
    host.wait_until(lambda: any(message.kind == "warning" for message in said(panel)))
    assert "drag the point instead" in complaint(panel)
    assert status_of(panel, "Left knee") == "detected"
