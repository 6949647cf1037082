"""The other landmarks follow corrections in the panel, and undo takes both back as one step."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from Testing.Python.slicer_module.mrml_cases import (
    DETECTION,
    NAMES,
    SHIFT,
    add_transform,
    add_volume,
    position,
    world_position,
)
from Testing.Python.slicer_module.panel_cases import (
    complaint,
    drag,
    open_panel,
    picture,
    said,
    show_detection,
    status_of,
    stored,
    worker_that,
)

# A process that moves what nobody has settled 5 mm to the right of the first answer, and finds the toe.
MOVES_FIVE_MM = """\
record = r['record']
for mark, first in zip(record['landmarks'], record['prediction']):
    if mark['status'] in ('detected', 'uncertain') and first['position']:
        mark['position'] = [first['position'][0] + 5, *first['position'][1:]]
    if mark['status'] == 'absent':
        mark.update(position=[0.0, 0.0, -800.0], status='uncertain')
say(id=r['id'], event='done', result=record)
"""
KNEE = NAMES.index("knee_left")
RIGHT = np.array([5.0, 0.0, 0.0])


@pytest.fixture
def panel(host) -> Any:
    panel = open_panel(host)
    panel.logic._worker = worker_that(MOVES_FIVE_MM)
    return panel


@pytest.fixture
def node(host, panel) -> Any:
    return show_detection(panel, add_volume("scan"), DETECTION)


def choose(host, panel, text: str) -> None:
    """As a person does, with the keyboard in the list."""
    box = panel.settings.ui.othersBox
    box.currentIndex = box.findText(text)
    host.process_events()


def first(name: str) -> np.ndarray:
    return DETECTION.landmarks[name].position


def settled(host, panel) -> None:
    follower = panel.review.desk.following._propagator
    host.wait_until(lambda: follower is not None and not follower.isAsking)


def test_the_others_stay_unless_asked_to_follow(host, panel, node):
    panel.pages.show(panel.settings)
    assert panel.settings.ui.othersBox.visible and panel.settings.ui.othersLabel.visible
    assert panel.settings.ui.othersBox.currentText == "Stay where they are"
    drag(node, KNEE, [-60.0, 12.0, -372.0])
    host.process_events(100)
    assert position(node, "wrist_left") == pytest.approx(first("wrist_left"))
    assert panel.review.desk.following._propagator is None


def test_the_others_follow_a_dragged_point_and_one_undo_takes_both_back(host, panel, node):
    choose(host, panel, "Follow corrections")
    import slicer

    slicer.mrmlScene.SaveStateForUndo()  # as the mouse does
    drag(node, KNEE, [-60.0, 12.0, -372.0])
    settled(host, panel)
    assert position(node, "knee_left") == pytest.approx([-60.0, 12.0, -372.0])
    assert position(node, "wrist_left") == pytest.approx(first("wrist_left") + RIGHT)
    assert status_of(panel, "Left wrist") == "detected"
    assert status_of(panel, "Toe left") == "uncertain"
    assert stored(node).prediction.landmarks["wrist_left"].position == pytest.approx(first("wrist_left"))
    host.click(panel.review.ui.undoButton)
    host.process_events(200)
    assert stored(node).reviewed == ()
    for name in ("knee_left", "wrist_left"):
        assert position(node, name) == pytest.approx(first(name))
    assert status_of(panel, "Toe left") == "not in the scan"
    panel.review.actions.redo.trigger()
    assert position(node, "wrist_left") == pytest.approx(first("wrist_left") + RIGHT)


def test_dots_show_where_the_others_were_until_the_next_step(host, panel, node):
    choose(host, panel, "Follow corrections")
    drag(node, KNEE, [-60.0, 12.0, -372.0])
    settled(host, panel)
    ghosts = panel.review.desk.following.ghosts.node
    places = [list(ghosts.GetNthControlPointPosition(n)) for n in range(ghosts.GetNumberOfControlPoints())]
    assert places == [pytest.approx(list(first(name))) for name in ("chin", "wrist_left")]
    assert ghosts.GetHideFromEditors() and not ghosts.GetSaveWithScene() and ghosts.GetLocked()
    assert [message.text for message in said(panel)] == ["2 other landmarks moved."]
    picture(host, panel, "others")
    host.click(panel.review.ui.undoButton)
    assert ghosts.GetNumberOfControlPoints() == 0


def test_the_others_follow_while_a_point_is_dragged(host, panel, node):
    import slicer

    choose(host, panel, "Follow while dragging")
    slicer.mrmlScene.SaveStateForUndo()
    node.GetDisplayNode().SetActiveControlPoint(KNEE)
    node.InvokeEvent(node.PointStartInteractionEvent)
    for step in range(1, 6):
        node.SetNthControlPointPositionWorld(KNEE, -70.0 + step, 12.0, -372.0)
        host.process_events(20)
    host.wait_until(lambda: position(node, "wrist_left")[0] != first("wrist_left")[0])
    assert panel.review.session.isDragging
    assert position(node, "knee_left") == pytest.approx([-65.0, 12.0, -372.0])
    node.SetNthControlPointPositionWorld(KNEE, -50.0, 12.0, -372.0)
    node.InvokeEvent(node.PointEndInteractionEvent)
    settled(host, panel)
    assert position(node, "knee_left") == pytest.approx([-50.0, 12.0, -372.0])
    assert stored(node).reviewed == ("knee_left",)
    assert panel.review.desk.following.ghosts.node.GetNumberOfControlPoints() == 2
    # The answer at the end is that of the last step of the drag.
    assert [message.text for message in said(panel)] == ["2 other landmarks moved."]
    host.click(panel.review.ui.undoButton)
    for name in ("knee_left", "wrist_left"):
        assert position(node, name) == pytest.approx(first(name))


def test_settled_landmarks_never_move(host, panel, node):
    choose(host, panel, "Follow corrections")
    panel.review.session.accept("wrist_left")
    drag(node, KNEE, [-60.0, 12.0, -372.0])
    settled(host, panel)
    assert position(node, "wrist_left") == pytest.approx(first("wrist_left"))
    assert position(node, "chin") == pytest.approx(first("chin") + RIGHT)


def test_an_answer_that_comes_after_undo_is_dropped(host, panel, node):
    import time

    panel.logic._worker = worker_that("time.sleep(0.3)\n" + MOVES_FIVE_MM)
    choose(host, panel, "Follow corrections")
    panel.review.session.correct("knee_left", [-60.0, 12.0, -372.0])
    assert panel.review.desk.following._propagator.isAsking
    panel.review.desk.undo()
    settled(host, panel)
    time.sleep(0.05)
    host.process_events(50)
    assert position(node, "wrist_left") == pytest.approx(first("wrist_left"))


def test_under_a_transform_all_is_in_place(host, panel):
    volume = add_volume("scan")
    add_transform(SHIFT, volume)
    shifted = replace(
        DETECTION,
        landmarks=replace(
            DETECTION.landmarks,
            landmarks=tuple(
                replace(mark, position=mark.position + SHIFT[:3, 3]) if mark.is_present else mark
                for mark in DETECTION.landmarks
            ),
        ),
    )
    node = show_detection(panel, volume, shifted)
    choose(host, panel, "Follow corrections")
    drag(node, KNEE, [40.0, 12.0, -420.0])
    settled(host, panel)
    assert world_position(node, "wrist_left") == pytest.approx(first("wrist_left") + SHIFT[:3, 3] + RIGHT)


def test_what_goes_wrong_is_said_and_the_correction_stands(host, panel, node):
    panel.logic._worker = worker_that(
        "say(id=r['id'], event='error', kind='InputError', message='The voxels are gone; start again.')"
    )
    choose(host, panel, "Follow corrections")
    drag(node, KNEE, [-60.0, 12.0, -372.0])
    host.wait_until(lambda: any(message.kind == "error" for message in said(panel)))
    assert complaint(panel) == "The voxels are gone; start again."
    assert status_of(panel, "Left knee") == "corrected"


def test_nothing_follows_among_landmarks_of_another_origin(host, panel):
    node = show_detection(panel, add_volume("scan"), replace(DETECTION, model="of-somebody-else"))
    choose(host, panel, "Follow corrections")
    drag(node, KNEE, [-60.0, 12.0, -372.0])
    host.process_events(100)
    assert position(node, "wrist_left") == pytest.approx(first("wrist_left"))
    assert panel.review.desk.following._propagator is None


@pytest.mark.parametrize(
    ("parameters", "asked"),
    [
        ({"threshold": 0.3, "given": {}, "side": "left"}, None),
        ({"threshold": 0.3, "given": {"threshold": 0.3}, "side": "left"}, 0.3),
        # Before it was noted: that of a body is the image's own, that of a hand is not.
        ({"threshold": 0.3, "side": "left"}, None),
        ({"threshold": -400.0}, -400.0),
        ({}, None),
    ],
)
def test_an_estimated_threshold_is_estimated_again_and_a_given_one_given(panel, parameters, asked):
    from LandmarkDetectionSlicer.logic.detecting import givenThreshold  # needs the application

    assert givenThreshold(replace(DETECTION, parameters=parameters)) == asked
