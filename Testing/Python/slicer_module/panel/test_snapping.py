"""A clicked point goes to what a model sees nearby, where one can look; undo takes both back in one step."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from LandmarkDetectionLib.core.landmarks import Status
from LandmarkDetectionLib.files import resource_path
from LandmarkDetectionLib.io.markups import read_landmarks
from LandmarkDetectionLib.io.protocols import load_protocol
from Testing.Python.slicer_module.mrml_cases import SHIFT, add_transform, add_volume
from Testing.Python.slicer_module.panel_cases import (
    DETECTING_MS,
    complaint,
    open_panel,
    said,
    stored,
    worker_that,
)

BODY = load_protocol("whole-body")
FIRST, SECOND = BODY.names[:2]
HERE, SEEN = [10.0, 20.0, 30.0], [13.0, 24.0, 30.0]
LOOKS = (
    "say(id=r['id'], event='done', result={'name': r['landmark'], 'status': 'detected',"
    " 'position': [r['near'][0] + 3, r['near'][1] + 4, r['near'][2]], 'confidence': 0.9})"
)


@pytest.fixture
def panel(host) -> Any:
    """The page Place, with a list that a model of volumes knows, and clicks that are to be moved."""
    panel = open_panel(host)
    add_volume("scan", np.zeros((40, 50, 60), np.int16))
    host.process_events()
    panel.pages.show(panel.place)
    choose(panel, BODY.title)
    panel.logic._worker = worker_that(LOOKS)
    host.click(panel.place.ui.snapBox)
    return panel


def choose(panel: Any, title: str) -> None:
    selector = panel.place.ui.protocolSelector
    selector.currentIndex = selector.findText(title)


def click(panel: Any, place: list[float]) -> None:
    """What Slicer's views do for a click in place mode: the state is saved, then the point is put."""
    import slicer

    node = panel.parameters.landmarks
    slicer.mrmlScene.SaveStateForUndo()
    node.SetNthControlPointPositionWorld(node.GetControlPointPlacementStartIndex(), *place)


def place_of(panel: Any, name: str) -> list[float]:
    node = panel.parameters.landmarks
    return list(node.GetNthControlPointPositionWorld(stored(node).landmarks.names.index(name)))


def moved(panel: Any) -> Callable[[], bool]:
    return lambda: any("moved by" in one.text for one in said(panel))


def test_a_click_is_moved_to_what_the_model_sees_and_undo_takes_both_back_in_one_step(host, panel):
    import slicer

    host.click(panel.place.ui.startButton)
    slicer.mrmlScene.ClearUndoStack()
    click(panel, HERE)
    assert place_of(panel, FIRST) == pytest.approx(HERE)
    host.wait_until(moved(panel), DETECTING_MS)
    assert said(panel)[-1].text == (
        f"{BODY[FIRST].title}: moved by 5.0 mm to where the model sees it; undo takes it back."
    )
    assert place_of(panel, FIRST) == pytest.approx(SEEN)
    assert stored(panel.parameters.landmarks).landmarks[FIRST].status is Status.CORRECTED
    assert panel.place.session.current == SECOND and not host.errors
    assert slicer.mrmlScene.GetNumberOfUndoLevels() == 1
    slicer.mrmlScene.Undo()
    assert stored(panel.parameters.landmarks).landmarks[FIRST].status is Status.ABSENT
    assert panel.place.session.current == FIRST
    panel.logic._worker = worker_that("raise AssertionError('nobody asks after redo')")
    slicer.mrmlScene.Redo()
    assert place_of(panel, FIRST) == pytest.approx(SEEN)


def test_under_a_transform_points_are_moved_in_the_world(host, panel):
    add_transform(SHIFT, panel.parameters.inputVolume)
    host.click(panel.place.ui.startButton)
    click(panel, HERE)
    host.wait_until(moved(panel), DETECTING_MS)
    assert place_of(panel, FIRST) == pytest.approx(SEEN)


def test_an_answer_that_comes_after_the_next_click_is_a_step_of_its_own(host, panel):
    import slicer

    panel.logic._worker = worker_that("time.sleep(0.5)\n" + LOOKS)
    host.click(panel.place.ui.startButton)
    click(panel, HERE)
    click(panel, [50.0, 60.0, 70.0])
    host.wait_until(lambda: place_of(panel, SECOND) == pytest.approx([53.0, 64.0, 70.0]), DETECTING_MS)
    host.wait_until(lambda: place_of(panel, FIRST) == pytest.approx(SEEN), DETECTING_MS)
    undone = []
    while slicer.mrmlScene.GetNumberOfUndoLevels() and panel.place.session.current != FIRST:
        slicer.mrmlScene.Undo()
        undone.append(len(stored(panel.parameters.landmarks).landmarks.present))
    assert undone == sorted(undone, reverse=True) and undone[-1] == 0


def test_a_point_that_was_moved_meanwhile_stays_where_the_person_put_it(host, panel):
    panel.logic._worker = worker_that("time.sleep(0.5)\n" + LOOKS)
    host.click(panel.place.ui.startButton)
    click(panel, HERE)
    panel.parameters.landmarks.SetNthControlPointPositionWorld(0, 1.0, 2.0, 3.0)
    host.process_events(1500)
    assert place_of(panel, FIRST) == pytest.approx([1.0, 2.0, 3.0])


def test_the_last_landmark_is_moved_too(host, panel):
    host.click(panel.place.ui.startButton)
    for _ in BODY.names[:-1]:
        panel.place.skip()
    click(panel, HERE)
    host.click(panel.place.ui.stopButton)
    host.wait_until(moved(panel), DETECTING_MS)
    assert place_of(panel, BODY.names[-1]) == pytest.approx(SEEN)


def test_where_nothing_like_it_is_near_the_point_stays_and_a_sentence_says_so(host, panel):
    absent = "{'name': r['landmark'], 'status': 'absent', 'position': None, 'confidence': 0.1}"
    panel.logic._worker = worker_that(f"say(id=r['id'], event='done', result={absent})")
    host.click(panel.place.ui.startButton)
    click(panel, HERE)
    host.wait_until(lambda: bool(said(panel)), DETECTING_MS)
    assert complaint(panel) == (
        f"{BODY[FIRST].title}: nothing like it is near the click, so the point stays there."
    )
    assert place_of(panel, FIRST) == pytest.approx(HERE)


def test_a_click_beside_the_image_stays_and_is_told_in_one_sentence(host, panel):
    sentence = "The place lies outside the scan; click on the body."
    panel.logic._worker = worker_that(
        f"say(id=r['id'], event='error', kind='InputError', message={sentence!r})"
    )
    host.click(panel.place.ui.startButton)
    click(panel, HERE)
    host.wait_until(lambda: bool(said(panel)), DETECTING_MS)
    assert complaint(panel) == sentence
    assert place_of(panel, FIRST) == pytest.approx(HERE)


def test_it_is_off_until_it_is_turned_on_and_remembered_from_then_on(host, panel):
    box = panel.place.ui.snapBox
    assert box.checked and box.enabled and "whole-body-ct looks near every click" in box.toolTip
    panel.place.refresh()
    assert box.checked
    host.click(box)
    panel.place.refresh()
    assert not box.checked
    panel.logic._worker = worker_that("raise AssertionError('nobody asked')")
    host.click(panel.place.ui.startButton)
    click(panel, HERE)
    host.process_events(300)
    assert said(panel) == [] and place_of(panel, FIRST) == pytest.approx(HERE)


def test_it_is_off_where_no_model_can_look(host, panel):
    import slicer

    box = panel.place.ui.snapBox
    for title, single in (("Whole body", True), ("Hand", False)):
        shape = (1, 50, 60) if single else (40, 50, 60)
        panel.parameters.inputVolume = add_volume("other", np.zeros(shape, np.int16))
        choose(panel, title)
        host.process_events()
        can = title == "Hand"  # the hand's model takes volumes as well
        assert box.enabled == box.checked == can
    choose(panel, BODY.title)
    panel.parameters.inputVolume = add_volume("scan", np.zeros((40, 50, 60), np.int16))
    host.process_events()
    assert box.enabled
    empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")
    for unusable in (empty, None):
        panel.parameters.inputVolume = unusable
        host.process_events()
        assert not box.enabled and not box.checked
    assert box.toolTip.startswith("No model that is here can look")


@pytest.mark.parametrize(
    ("detector", "can"),
    [
        ("silhouette", True),
        ("bones", True),
        ("hand", True),
        ("heatmap", True),
        ("regression", False),
        ("hand-regression", False),
        ("search-agent", False),
    ],
)
def test_every_kind_of_model_says_whether_it_can_look(detector, can):
    from LandmarkDetectionLib.models.capabilities import OF_DETECTORS

    assert OF_DETECTORS[detector].finds_near is can
    assert len(OF_DETECTORS) == 7


@pytest.mark.parametrize(
    ("sample", "title", "name", "off"),
    [("BODY_CT", "Whole body", "knee_left", [14, 0, -12]), ("HAND", "Hand", "index_tip", [3, 0, -3])],
)
def test_the_shipped_models_move_clicks_in_volumes_and_in_radiographs(host, sample, title, name, off):
    """By the background process that the module starts; the first click waits for a look at the whole."""
    from LandmarkDetectionSlicer.scene import sample_data

    panel, chosen = open_panel(host), getattr(sample_data, sample)
    panel.parameters.inputVolume = sample_data.loadSample(chosen)
    panel.pages.show(panel.place)
    choose(panel, title)
    host.click(panel.place.ui.snapBox)
    host.click(panel.place.ui.startButton)
    while panel.place.session.current != name:
        panel.place.skip()
    path = resource_path("SampleData", chosen.file.replace(".nrrd", "-truth.mrk.json"))
    truth = read_landmarks(path)[name].position
    near = truth + np.array(off)
    click(panel, near.tolist())
    host.wait_until(moved(panel), 3 * DETECTING_MS)
    assert np.linalg.norm(place_of(panel, name) - truth) < np.linalg.norm(near - truth)
