"""Landmarks are saved to files, and opened again."""

from typing import Any

import pytest

from Testing.Python.slicer_module.mrml_cases import DETECTION, NAMES, add_volume
from Testing.Python.slicer_module.panel_cases import (
    complaint,
    drag,
    open_panel,
    rows,
    said,
    show_detection,
    wait_for_files,
)


@pytest.fixture
def panel(host) -> Any:
    panel = open_panel(host)
    return panel


@pytest.fixture
def node(panel) -> Any:
    return show_detection(panel, add_volume("scan"), DETECTION)


@pytest.mark.parametrize("name", ["case.mrk.json", "case.fcsv", "case.csv", "case.json"])
def test_every_kind_of_file_comes_back(host, panel, node, tmp_path, name):
    drag(node, NAMES.index("knee_left"), [1.0, 2.0, 3.0])
    host.dialogs.answer_file(tmp_path / name)
    panel.review.actions.save.trigger()
    wait_for_files(host, panel)
    assert said(panel)[-1].text == f"Saved {name} in {tmp_path}."
    host.dialogs.answer_file(tmp_path / name)
    panel.review.actions.open.trigger()
    wait_for_files(host, panel)
    assert panel.parameters.landmarks is not node
    assert len(rows(panel)) == 4
    assert "corrected" in [status for _, _, status in rows(panel)]
    assert said(panel)[-1].text == f"Read {name}."


def test_a_name_without_an_ending_becomes_markups(host, panel, node, tmp_path):
    host.dialogs.answer_file(tmp_path / "case")
    panel.review.actions.save.trigger()
    wait_for_files(host, panel)
    assert (tmp_path / "case.mrk.json").is_file()


def test_a_cancelled_file_dialog_changes_nothing(host, panel, node):
    host.dialogs.answer_file("", "")
    panel.review.actions.save.trigger()
    panel.review.actions.open.trigger()
    wait_for_files(host, panel)
    assert said(panel) == [] and panel.parameters.landmarks is node


def test_the_folder_is_remembered(host, panel, node, tmp_path):
    from LandmarkDetectionSlicer.panel.files import lastFolder

    host.dialogs.answer_file(tmp_path / "case.csv")
    panel.review.actions.save.trigger()
    wait_for_files(host, panel)
    assert lastFolder() == tmp_path


def test_nothing_to_export_without_landmarks(host, panel):
    assert not panel.review.actions.save.enabled
    assert panel.review.ui.openButton.visible and panel.review.ui.openButton.enabled


def test_a_picture_needs_a_volume(host, panel, node, tmp_path):
    import slicer

    slicer.mrmlScene.RemoveNode(panel.parameters.inputVolume)
    host.process_events()
    panel.parameters.landmarks = node
    host.dialogs.answer_file(tmp_path / "case.png")
    panel.review.actions.save.trigger()
    wait_for_files(host, panel)
    assert "no volume" in complaint(panel)
