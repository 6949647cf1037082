"""A few points that no list has: clicked first, named by a template, and kept as a list of one's own."""

from pathlib import Path
from typing import Any

import pytest

from LandmarkDetectionLib.io.protocols import load_protocol
from Testing.Python.slicer_module.mrml_cases import SHIFT, add_transform, add_volume
from Testing.Python.slicer_module.panel_cases import complaint, open_panel, picture, said, stored

PLACES = [[10.0 * number, 5.0, -3.0] for number in range(5)]


@pytest.fixture
def panel(host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The page Place of a panel with a volume; lists are kept in a folder of the test."""
    monkeypatch.setenv("LANDMARK_DETECTION_PROTOCOLS", str(tmp_path))
    panel = open_panel(host)
    add_volume("scan")
    host.process_events()
    panel.pages.show(panel.place)
    host.click(panel.place.ui.clickButton)
    return panel


def click_in_views(panel: Any, places: list[list[float]]) -> None:
    """Add points as Slicer does in place mode."""
    import vtk

    for place in places:
        panel.place.clickFirst.session.node.AddControlPointWorld(vtk.vtkVector3d(*place))


def names(panel: Any) -> list[str]:
    table = panel.place.ui.pointTable
    return [table.item(row, 0).text() for row in range(table.rowCount)]


def test_five_clicks_become_a_list_and_landmarks_under_review(host, panel):
    ui = panel.place.ui
    ui.templateEdit.text = "Rib {n} left"
    click_in_views(panel, PLACES)
    assert names(panel) == [f"Rib {number} left" for number in range(1, 6)]
    assert not ui.saveListButton.enabled and "name" in ui.saveListButton.toolTip
    ui.pointTable.item(0, 1).setText("Head of the first rib.")
    ui.titleEdit.text = "Left ribs"
    picture(host, panel, "clicking")
    host.click(ui.saveListButton)

    protocol = load_protocol("left-ribs")
    assert [one.title for one in protocol.landmarks] == [f"Rib {number} left" for number in range(1, 6)]
    assert protocol.landmarks[0].definition == "Head of the first rib."
    node = panel.parameters.landmarks
    assert node.GetAttribute("LandmarkDetection.model") == "Left ribs"
    for index, place in enumerate(PLACES):
        assert node.GetNthControlPointPositionWorld(index) == pytest.approx(place)
    assert stored(node).progress == (5, 5)
    assert panel.pages.current is panel.review
    assert panel.place.ui.protocolSelector.currentText == "Left ribs"
    interaction = host.app.applicationLogic().GetInteractionNode()
    assert interaction.GetCurrentInteractionMode() != interaction.Place


def test_points_lie_where_they_were_clicked_under_a_transform_of_the_volume(host, panel):
    add_transform(SHIFT, panel.parameters.inputVolume)
    click_in_views(panel, PLACES[:2])
    panel.place.ui.titleEdit.text = "Two"
    host.click(panel.place.ui.saveListButton)
    node = panel.parameters.landmarks
    assert node.GetTransformNodeID() == panel.parameters.inputVolume.GetTransformNodeID()
    assert node.GetNthControlPointPositionWorld(1) == pytest.approx(PLACES[1])


def test_points_are_renamed_and_taken_away_in_the_table(host, panel):
    import qt

    click_in_views(panel, PLACES[:3])
    panel.place.ui.pointTable.item(1, 0).setText("Apex")
    assert panel.place.clickFirst.session.node.GetNthControlPointLabel(1) == "Apex"
    panel.place.ui.pointTable.setCurrentCell(0, 0)
    host.click(panel.place.ui.unclickButton)
    assert names(panel) == ["Apex", "Point 3"]
    click_in_views(panel, PLACES[:1])
    assert names(panel) == ["Apex", "Point 3", "Point 1"]
    host.press_key(qt.Qt.Key_Escape)
    assert panel.place.ui.moreButton.text == "Click more"
    host.click(panel.place.ui.moreButton)
    assert panel.place.clickFirst.session.isClicking


def test_undo_takes_back_names_words_and_deletions_each_in_one_step(host, panel):
    import slicer

    table = panel.place.ui.pointTable
    click_in_views(panel, PLACES[:2])
    table.item(0, 1).setText("Left of the rib.")
    table.item(0, 0).setText("Apex")
    table.setCurrentCell(0, 0)
    host.click(panel.place.ui.unclickButton)
    assert names(panel) == ["Point 2"] and table.item(0, 1).text() == ""
    shown = []
    for _ in range(3):
        slicer.mrmlScene.Undo()
        shown.append([(table.item(row, 0).text(), table.item(row, 1).text()) for row in range(2)])
    assert shown == [
        [("Apex", "Left of the rib."), ("Point 2", "")],
        [("Point 1", "Left of the rib."), ("Point 2", "")],
        [("Point 1", ""), ("Point 2", "")],
    ]


def test_a_name_that_is_there_twice_and_a_list_that_is_there_are_refused_in_a_sentence(host, panel):
    ui = panel.place.ui
    click_in_views(panel, PLACES[:2])
    ui.pointTable.item(1, 0).setText("Point 1")
    ui.titleEdit.text = "Spots"
    host.click(ui.saveListButton)
    assert "twice" in complaint(panel)
    ui.pointTable.item(1, 0).setText("Point 2")
    assert said(panel) == []
    host.click(ui.saveListButton)
    panel.pages.show(panel.place)
    host.click(ui.clickButton)
    click_in_views(panel, PLACES[:1])
    ui.titleEdit.text = "Spots"
    host.click(ui.saveListButton)
    assert "already" in complaint(panel) and len(load_protocol("spots").landmarks) == 2


def test_discarding_and_deleting_the_points_lead_back_to_the_lists(host, panel):
    import slicer

    click_in_views(panel, PLACES[:2])
    host.click(panel.place.ui.discardButton)
    assert panel.place.ui.listArea.visible and not panel.place.ui.clickArea.visible
    host.click(panel.place.ui.clickButton)
    slicer.mrmlScene.RemoveNode(panel.place.clickFirst.session.node)
    host.process_events()
    assert panel.place.ui.listArea.visible and panel.place.clickFirst.session is None


@pytest.mark.parametrize(
    ("template", "taken", "expected"),
    [("P{n}", {"P1", "P2"}, "P3"), ("Spot", set(), "Spot 1"), ("", {"1"}, "2"), ("{n}/{n}", set(), "1/1")],
)
def test_templates_number_what_is_not_taken(panel, template, taken, expected):
    from LandmarkDetectionSlicer.logic.clicking import nextName  # needs the application

    assert nextName(template, taken) == expected
