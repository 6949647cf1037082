"""The panel is opened, left, entered again, and outlives scenes."""

import json
import sys

import numpy as np
import pytest

from Testing.examples.shipped_models import BODY, SKIN
from Testing.Python.slicer_host import SlicerHost
from Testing.Python.slicer_module.mrml_cases import DETECTION, add_volume
from Testing.Python.slicer_module.panel_cases import (
    good_worker,
    open_panel,
    press_detect,
    rows,
    said,
    show_detection,
    stored,
)


@pytest.mark.parametrize("version", ["5.10", "5.12"])
def test_the_panel_opens_in_both_versions(version):
    host = SlicerHost(version=version)
    try:
        panel = open_panel(host)
        assert panel.detect.model.name == "whole-body-ct"
        show_detection(panel, add_volume("scan"), DETECTION)
        assert len(rows(panel)) == 4
    finally:
        host.close()
    assert not host.errors, "\n".join(host.errors)


def test_the_module_introduces_itself(host, repository):
    open_panel(host)
    module = sys.modules["slicer"].modules.LandmarkDetectionInstance.parent
    assert module.title == "Landmark Detection"
    assert "not for diagnosis" in module.helpText and module.contributors
    entry = json.loads((repository / "docs" / "extensions-index" / "LandmarkDetection.json").read_text())
    assert module.categories == [entry["category"]], "found under the same word before and after installing"
    assert module.dependencies == ["Markups"]


def test_records_are_kept_in_the_scene_from_the_start_of_slicer_whether_the_panel_is_open_or_not(host):
    from LandmarkDetectionSlicer.scene import nodes

    panel = open_panel(host)
    host.finish_startup()
    node = show_detection(panel, add_volume("scan"), DETECTION)
    host.exit("LandmarkDetection")
    record = node.GetNodeReference(nodes.RECORD_ROLE)
    record.SetForceCreateStorageNode(record.CreateStorageNodeAuto)
    record.AddDefaultStorageNode()
    assert record.GetStorageNode() is not None
    host.scene.InvokeEvent(host.scene.EndImportEvent)
    assert record.GetStorageNode() is None
    record.AddDefaultStorageNode()
    assert record.GetStorageNode() is None
    assert "whole-body-ct" in record.GetText()


def test_the_only_volume_is_chosen_at_once(host):
    panel = open_panel(host)
    volume = add_volume("scan", np.zeros((4, 5, 6), np.int16))
    host.process_events()
    assert panel.parameters.inputVolume is volume
    assert panel.detect.ui.detectButton.enabled


def test_choices_are_kept_in_the_scene(host):
    panel = open_panel(host)
    panel.settings.ui.depthSelector.currentText = "View from the side"
    panel.settings.ui.deviceSelector.currentText = "Processor (CPU)"
    host.exit("LandmarkDetection")
    host.enter("LandmarkDetection")
    assert (panel.parameters.depth.value, panel.parameters.device.value) == ("lateral", "cpu")
    host.close_scene()
    assert (panel.parameters.depth.value, panel.parameters.device.value) == ("", "auto")


def test_a_detection_goes_on_while_another_module_is_open(host):
    panel = open_panel(host)
    add_volume("scan", np.zeros((4, 5, 6), np.int16))
    host.process_events()
    panel.logic._worker = good_worker(DETECTION.to_record())
    press_detect(host, panel)
    host.exit("LandmarkDetection")
    host.wait_until(lambda: panel.detect.run is None)
    host.enter("LandmarkDetection")
    assert len(rows(panel)) == 4


def test_a_detection_that_ends_while_another_page_is_in_front_brings_the_review(host):
    panel = open_panel(host)
    add_volume("scan", np.zeros((4, 5, 6), np.int16))
    host.process_events()
    panel.logic._worker = good_worker(DETECTION.to_record())
    press_detect(host, panel)
    panel.pages.show(panel.models)
    host.wait_until(lambda: panel.detect.run is None)
    assert panel.pages.current is panel.review
    assert not panel.detect.ui.detectButton.visible and panel.review.ui.acceptButton.visible
    assert not panel.detect.ui.progressArea.visible
    assert "3 of 4 landmarks found" in panel.detect.message.text
    host.press_key("a")
    assert "3 of 4 landmarks found" in panel.detect.message.text


@pytest.mark.parametrize("name", sorted({BODY, SKIN}))
def test_which_hand_it_is_is_not_asked_for_bodies(host, name):
    panel = open_panel(host)
    panel.parameters.modelName = name
    panel.pages.show(panel.settings)
    host.process_events()
    assert panel.settings.ui.thresholdSlider.visible
    assert panel.settings.ui.depthSelector.visible or name != SKIN
    assert not panel.settings.ui.sideLabel.visible and not panel.settings.ui.sideSelector.visible


def test_every_scene_starts_afresh(host):
    panel = open_panel(host)
    for _ in range(3):
        show_detection(panel, add_volume("scan"), DETECTION)
        host.process_events()
        assert len(rows(panel)) == 4
        host.close_scene()
        assert rows(panel) == []
        assert [message.text for message in said(panel)] == ["Load a CT scan, or the sample, to begin."]


def test_leaving_and_closing_the_scene_outside_is_noticed_on_return(host):
    panel = open_panel(host)
    show_detection(panel, add_volume("scan"), DETECTION)
    host.exit("LandmarkDetection")
    host.close_scene()
    host.enter("LandmarkDetection")
    assert rows(panel) == [] and panel.parameters.inputVolume is None


def test_unloading_ends_the_background_process_and_the_markers(host):
    import slicer

    panel = open_panel(host)
    show_detection(panel, add_volume("scan"), DETECTION)
    panel.logic.worker.start()
    worker = panel.logic.worker
    panel.cleanup()
    host.wait_until(lambda: not worker.isRunning)
    host.process_events(50)
    hidden = [node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")]
    assert hidden == ["scan whole-body-ct"]


@pytest.fixture
def modules_put_back():
    """Other tests hold classes of the modules that were imported first."""
    before = {name: module for name, module in sys.modules.items() if name.startswith("LandmarkDetection")}
    yield
    for name in [name for name in sys.modules if name.startswith("LandmarkDetection")]:
        del sys.modules[name]
    sys.modules.update(before)


def test_reloading_reads_all_files_anew_and_goes_on_with_the_scene(modules_put_back, host):
    import slicer

    before = open_panel(host)
    node = show_detection(before, add_volume("scan"), DETECTION)
    host.press_key("a")
    before.onReload()
    host.process_events(50)
    panel = slicer.modules.LandmarkDetectionWidget
    assert type(panel.review) is not type(before.review)
    assert len(rows(panel)) == 4
    assert before.review.session is None and not before.Observations
    lists = slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")
    assert len(lists) == 7, "the landmarks, one set of markers, and names in slices and in 3D"
    host.press_key("a")
    assert len(stored(node).reviewed) == 2, "each key acts once"
