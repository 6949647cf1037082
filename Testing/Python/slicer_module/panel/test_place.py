"""Placing landmarks by hand in the panel."""

from typing import Any

import pytest

from LandmarkDetectionLib.io.protocols import load_protocol
from Testing.Python.slicer_module.mrml_cases import add_volume
from Testing.Python.slicer_module.panel_cases import (
    open_panel,
    picture,
    rows,
    said,
    status_of,
    stored,
    wait_for_files,
)

BODY = load_protocol("whole-body")
COUNT = len(BODY.names)


@pytest.fixture
def panel(host) -> Any:
    panel = open_panel(host)
    add_volume("scan")
    host.process_events()
    panel.pages.show(panel.place)
    panel.place.ui.protocolSelector.currentIndex = panel.place.ui.protocolSelector.findText(BODY.title)
    return panel


def click_in_a_view(panel: Any, place: list[float]) -> None:
    """Place the next point as Slicer does: it fills the undefined point where placing starts."""
    node = panel.parameters.landmarks
    node.SetNthControlPointPositionWorld(node.GetControlPointPlacementStartIndex(), *place)


def test_the_next_landmark_is_asked_for_in_the_order_of_the_protocol(host, panel):
    host.click(panel.place.ui.startButton)
    assert "Next: Top of the head" in panel.place.ui.placeText.text
    assert "Vertex" in panel.place.ui.placeText.text
    wait_for_files(host, panel)
    assert panel.place.ui.placePicture.visible
    click_in_a_view(panel, [1.0, 2.0, 3.0])
    assert "Next: Right eye" in panel.place.ui.placeText.text
    assert f"1 of {COUNT} placed" in panel.place.ui.placeText.text
    picture(host, panel, "placing")
    assert stored(panel.parameters.landmarks).landmarks["head_top"].position == pytest.approx([1, 2, 3])
    assert status_of(panel, "Top of the head") == "corrected"


def test_the_list_of_the_chosen_model_is_wanted_until_a_person_chooses_one(host):
    panel = open_panel(host)
    lists = panel.place.ui.protocolSelector
    for name in ("hand", "cephalogram"):
        panel.parameters.modelName = name
        panel.pages.show(panel.place)
        assert lists.currentText == panel.context.chosenModel.protocol.title
        panel.pages.show(panel.review)
    lists.currentIndex = lists.findText(BODY.title)
    panel.parameters.modelName = "hand"
    panel.pages.show(panel.place)
    assert lists.currentText == BODY.title


def test_skip_and_go_back_by_key_and_by_button(host, panel):
    import qt

    host.click(panel.place.ui.startButton)
    host.press_key(qt.Qt.Key_S)
    click_in_a_view(panel, [1.0, 2.0, 3.0])
    assert "Next: Left eye" in panel.place.ui.placeText.text
    host.press_key(qt.Qt.Key_B)
    assert "Next: Right eye" in panel.place.ui.placeText.text
    assert not stored(panel.parameters.landmarks).landmarks["eye_right"].is_present
    host.click(panel.place.ui.backButton)
    assert "Next: Top of the head" in panel.place.ui.placeText.text
    host.click(panel.place.ui.skipButton)
    assert "Next: Right eye" in panel.place.ui.placeText.text


def test_stop_keeps_what_was_placed_and_start_goes_on(host, panel):
    import qt

    host.click(panel.place.ui.startButton)
    click_in_a_view(panel, [1.0, 2.0, 3.0])
    host.press_key(qt.Qt.Key_Escape)
    assert said(panel)[-1].text == f"1 of {COUNT} landmarks are placed."
    assert panel.place.ui.startButton.visible and not panel.place.ui.placeArea.visible
    host.click(panel.place.ui.startButton)
    assert "Next: Right eye" in panel.place.ui.placeText.text
    assert len(rows(panel)) == COUNT
    assert status_of(panel, "Right eye") == "not placed"


def test_placing_ends_with_the_last_landmark(host, panel):
    host.click(panel.place.ui.startButton)
    for number in range(COUNT):
        click_in_a_view(panel, [float(number), 0.0, 0.0])
    assert said(panel)[-1].text == f"{COUNT} of {COUNT} landmarks are placed."
    assert panel.review.ui.progressLabel.text == f"{COUNT} of {COUNT} reviewed"


def test_leaving_the_module_ends_placing(host, panel):
    import slicer

    host.click(panel.place.ui.startButton)
    host.exit("LandmarkDetection")
    interaction = slicer.app.applicationLogic().GetInteractionNode()
    assert interaction.GetCurrentInteractionMode() != interaction.Place
    assert panel.place.session is None


def test_nothing_can_be_placed_without_a_volume(host, panel):
    panel.parameters.inputVolume = None
    assert not panel.place.ui.startButton.enabled
    assert "volume" in panel.place.ui.startButton.toolTip


def test_deleting_the_points_ends_placing(host, panel):
    import slicer

    host.click(panel.place.ui.startButton)
    slicer.mrmlScene.RemoveNode(panel.parameters.landmarks)
    host.process_events()
    assert panel.place.session is None
    host.click(panel.place.ui.startButton)
    assert "Next: Top of the head" in panel.place.ui.placeText.text
