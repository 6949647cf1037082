"""From an empty scene to reviewed landmarks, with the real background process and the model that ships."""

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from LandmarkDetectionLib.quality.triage import landmarks_by_priority
from Testing.Python.slicer_host import SlicerHost
from Testing.Python.slicer_module.mrml_cases import add_volume
from Testing.Python.slicer_module.panel_cases import (
    DETECTING_MS,
    complaint,
    drag,
    open_panel,
    picture,
    press_detect,
    rows,
    said,
    status_of,
    stored,
)

HEAVY = ("torch", "numba", "matplotlib", "scipy", "SimpleITK")


@pytest.fixture(scope="module")
def opened() -> Iterator[tuple[SlicerHost, Any, list[str]]]:
    """One panel for all tests of this file, so that the background process loads its packages once."""
    before = set(sys.modules)
    host = SlicerHost()
    panel = open_panel(host)
    yield host, panel, [name for name in HEAVY if name in sys.modules and name not in before]
    host.close()
    assert not host.errors, "\n".join(host.errors)


@pytest.fixture
def host(opened: tuple[SlicerHost, Any, list[str]]) -> SlicerHost:
    """The window, with whatever the test before left in the scene."""
    return opened[0]


@pytest.fixture
def panel(opened: tuple[SlicerHost, Any, list[str]], host: SlicerHost) -> Any:
    """The panel on an empty scene."""
    host.close_scene()
    return opened[1]


@pytest.fixture
def detected(opened: tuple[SlicerHost, Any, list[str]], host: SlicerHost) -> tuple[Any, Any]:
    """The panel with unreviewed landmarks of the sample, and their node."""
    panel = opened[1]
    if panel.parameters.landmarks is None:
        host.close_scene()
        load_sample(host, panel)
        detect(host, panel)
    panel.review.desk.restoreAll()
    return panel, panel.parameters.landmarks


def load_sample(host: SlicerHost, panel: Any) -> None:
    """Click Load sample."""
    host.click(panel.detect.ui.sampleButton)
    host.process_events()


def nodes_in(scene: Any) -> set[str]:
    """All nodes of a scene."""
    return {scene.GetNthNode(index).GetID() for index in range(scene.GetNumberOfNodes())}


def detect(host: SlicerHost, panel: Any) -> Any:
    """Click Detect and wait for the landmarks."""
    press_detect(host, panel)
    host.wait_until(lambda: panel.detect.run is None, DETECTING_MS)
    assert not [message for message in said(panel) if message.kind == "error"], said(panel)
    return panel.parameters.landmarks


def test_opening_the_panel_imports_nothing_heavy(opened):
    assert opened[2] == []


def test_two_clicks_lead_from_an_empty_scene_to_landmarks_and_keys_review_them_all(host, panel, body_model):
    import qt

    picture(host, panel, "fresh")
    assert panel.detect.ui.sampleButton.visible
    assert not panel.detect.ui.detectButton.enabled
    host.click(panel.detect.ui.sampleButton)
    host.process_events()
    assert panel.parameters.inputVolume is not None
    assert not panel.detect.ui.sampleButton.visible
    picture(host, panel, "ready")

    press_detect(host, panel)
    host.wait_until(lambda: panel.detect.ui.progressBar.value > 20, DETECTING_MS)
    assert panel.detect.ui.cancelButton.visible and not panel.detect.ui.detectButton.visible
    picture(host, panel, "detecting")
    host.wait_until(lambda: panel.detect.run is None, DETECTING_MS)
    count = len(body_model.protocol.names)
    assert f"{count} landmarks" in panel.detect.message.text and "processor" in panel.detect.message.text
    assert len(rows(panel)) == count
    review = stored(panel.parameters.landmarks)
    order = landmarks_by_priority(review)
    assert [name for name, _, _ in rows(panel)] == [panel.review.desk.title(name) for name in order]
    present = [review.landmarks[name] for name in order if review.landmarks[name].is_present]
    assert None not in [mark.expected_error for mark in present]
    first, last = present[0], present[-1]
    assert first.expected_error > last.expected_error and first.confidence < last.confidence

    for step in range(count):
        assert panel.review.ui.progressLabel.text == f"{step} of {count} reviewed"
        if step == 4:
            picture(host, panel, "review", is_dark=True)
        host.press_key(qt.Qt.Key_M if step == 1 else qt.Qt.Key_A)
    assert panel.review.ui.progressLabel.text == f"{count} of {count} reviewed"
    assert panel.review.message.text == f"All {count} landmarks are reviewed."
    missing = {order[1]} | {mark.name for mark in review.landmarks if not mark.is_present}
    statuses = [status for _, _, status in rows(panel)]
    assert statuses.count("missing") == len(missing)
    assert statuses.count("accepted") == count - len(missing)
    assert stored(panel.parameters.landmarks).progress == (count, count)


def test_detecting_again_keeps_what_was_corrected_unless_told_otherwise(host, detected, body_model):
    panel, node = detected
    drag(node, 0, [10.0, 20.0, 30.0])
    assert detect(host, panel) is node
    assert node.GetNthControlPointPositionWorld(0) == pytest.approx([10.0, 20.0, 30.0])
    assert stored(node).landmarks.landmarks[0].predicted is not None
    assert len(rows(panel)) == len(body_model.protocol.names)
    panel.pages.show(panel.settings)
    host.process_events()
    host.click(panel.settings.ui.keepReviewedBox)
    panel.pages.show(panel.review)
    try:
        detect(host, panel)
        assert stored(node).reviewed == ()
    finally:
        panel.parameters.keepReviewed = True


def test_cancel_stops_and_leaves_the_scene_as_it_was(host, panel):
    import slicer

    load_sample(host, panel)
    # Slicer has one from the start.
    slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    before = nodes_in(slicer.mrmlScene)
    press_detect(host, panel)
    host.process_events(100)
    host.click(panel.detect.ui.cancelButton)
    host.wait_until(lambda: panel.detect.run is None, 1000)
    assert nodes_in(slicer.mrmlScene) == before
    assert [message.kind for message in said(panel)] == ["information"]
    assert panel.detect.ui.detectButton.visible and panel.detect.ui.detectButton.enabled
    assert detect(host, panel) is not None


def test_a_landmark_is_found_again_near_a_click_and_undo_takes_it_back(host, detected):
    panel, node = detected
    import qt

    panel.review.select("knee_left")
    index = stored(node).landmarks.names.index("knee_left")
    before = node.GetNthControlPointPositionWorld(index)
    host.press_key(qt.Qt.Key_F)
    assert panel.review.actions.findNear.checked
    panel.review.desk.findNear._picker._node.AddControlPointWorld([before[0] + 15, before[1], before[2] - 10])
    host.wait_until(lambda: status_of(panel, "Left knee") == "corrected", DETECTING_MS)
    assert not panel.review.actions.findNear.checked
    after = node.GetNthControlPointPositionWorld(index)
    assert max(abs(a - b) for a, b in zip(before, after, strict=True)) < 60
    host.press_key(qt.Qt.Key_Z, qt.Qt.ControlModifier)
    assert status_of(panel, "Left knee") == "detected"
    assert node.GetNthControlPointPositionWorld(index) == pytest.approx(before)


def test_the_silhouette_follows_the_threshold(host, detected):
    panel, _ = detected
    ui = panel.settings.ui
    panel.pages.show(panel.settings)
    try:
        host.wait_until(lambda: not ui.silhouettePicture.pixmap.isNull(), DETECTING_MS)
        estimated = ui.thresholdSlider.value
        first = ui.silhouettePicture.pixmap.toImage()
        picture(host, panel, "options")
        host.click(ui.automaticThresholdBox)
        assert ui.thresholdSlider.enabled
        ui.thresholdSlider.value = estimated + 600
        host.wait_until(lambda: ui.silhouettePicture.pixmap.toImage() != first, DETECTING_MS)
        assert panel.parameters.threshold == estimated + 600
    finally:
        panel.pages.show(panel.review)


def test_a_picture_of_the_case_is_written(host, detected, tmp_path):
    panel, _ = detected
    host.dialogs.answer_file(tmp_path / "case.png")
    panel.review.actions.save.trigger()
    host.wait_until(lambda: panel.review.message.text.startswith("Saved"), DETECTING_MS)
    assert (tmp_path / "case.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("value", "spacing", "sentence"), [(-1000, 5.0, "no body"), (40, 1e6, "spacing")])
def test_a_volume_that_holds_no_body_ends_in_one_sentence(host, panel, value, spacing, sentence):
    voxels = np.full((20, 30, 40), -1000, np.int16)
    voxels[5:15, 5:25, 5:35] = value
    volume = add_volume("odd", voxels)
    volume.SetSpacing(spacing, spacing, spacing)
    host.process_events()
    press_detect(host, panel)
    host.wait_until(lambda: panel.detect.run is None, DETECTING_MS)
    assert sentence in complaint(panel) and "odd" in complaint(panel)
    assert panel.detect.ui.detectButton.enabled
