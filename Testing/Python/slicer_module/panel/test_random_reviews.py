"""Whatever a person does in whatever order: points, record and table agree, and undo goes back by steps."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from LandmarkDetectionLib.core.landmarks import Landmark, Status
from LandmarkDetectionLib.core.review import Review
from LandmarkDetectionLib.io.markups import parse_description
from LandmarkDetectionLib.quality.triage import landmarks_by_priority
from Testing.Python.slicer_host import SlicerHost
from Testing.Python.slicer_module.mrml_cases import DETECTION, add_volume, load_scene, save_scene
from Testing.Python.slicer_module.panel_cases import drag, open_panel, show_detection, stored

SEQUENCES = int(os.environ.get("LANDMARK_DETECTION_SEQUENCES", "12"))
STEPS = 25
UNDO_LEVELS = 20  # as many as Slicer keeps


@dataclass
class Expected:
    """What must be so: the review by the library alone, with what undo and redo go back to."""

    review: Review
    locked: bool = False
    past: list[tuple[Review, bool]] = field(default_factory=list)
    future: list[tuple[Review, bool]] = field(default_factory=list)
    saved: list[tuple[Path, Review, bool]] = field(default_factory=list)

    def step(self, review: Review, locked: bool | None = None) -> None:
        locked = self.locked if locked is None else locked
        if (review, locked) != (self.review, self.locked):
            self.past = [*self.past, (self.review, self.locked)][-UNDO_LEVELS:]
            self.future = []
            self.review, self.locked = review, locked

    def undo(self) -> None:
        if self.past:
            self.future.append((self.review, self.locked))
            self.review, self.locked = self.past.pop()

    def redo(self) -> None:
        if self.future:
            self.past.append((self.review, self.locked))
            self.review, self.locked = self.future.pop()


@pytest.fixture(scope="module")
def opened() -> Iterator[tuple[SlicerHost, Any]]:
    host = SlicerHost()
    yield host, open_panel(host)
    host.close()
    assert not host.errors, "\n".join(host.errors)


@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_random_steps_leave_points_record_and_table_in_agreement(opened, seed, tmp_path):
    import slicer

    host, panel = opened
    host.close_scene()
    node = show_detection(panel, add_volume("scan"), DETECTION)
    slicer.mrmlScene.ClearUndoStack()
    slicer.mrmlScene.ClearRedoStack()
    expected, random, done = Expected(Review.of(stored(node).prediction)), np.random.default_rng(seed), []
    for number in range(STEPS):
        done.append(act(host, panel, expected, random, tmp_path / str(number)))
        agree(panel, expected.review, done)
        is_locked = panel.parameters.landmarks.GetLocked()
        assert bool(is_locked) == panel.review.actions.lock.checked == expected.locked, done


def act(host: SlicerHost, panel: Any, expected: Expected, random: np.random.Generator, folder: Path) -> str:
    """One thing that a person may do, at random, in the panel and in what is expected; gives its name."""
    import qt
    import slicer

    action = str(random.choice(ACTIONS))
    name, now = panel.review.selected, expected.review
    node = panel.parameters.landmarks
    if action in SETTLING and name:
        expected.step(getattr(now, SETTLING[action])(name))
        if action == "accept":
            host.click(panel.review.ui.acceptButton)
        else:
            host.press_key(getattr(qt.Qt, f"Key_{action}"))
    elif action == "restore all":
        expected.step(now.restore_all())
        panel.review.actions.restoreAll.trigger()
    elif action == "drag":
        index = int(random.integers(len(now.landmarks)))
        place = np.round(random.normal(0, 100, 3), 3)
        if now.landmarks.landmarks[index].is_present and not expected.locked:  # else nobody can take it
            expected.step(now.correct(now.landmarks.names[index], place))
            slicer.mrmlScene.SaveStateForUndo()  # as the mouse does
            drag(node, index, place)
    elif action == "click":
        index = int(random.integers(len(now.landmarks)))
        slicer.mrmlScene.SaveStateForUndo()  # as the mouse does
        node.GetDisplayNode().SetActiveControlPoint(index)
        node.InvokeEvent(node.PointStartInteractionEvent)
        node.InvokeEvent(node.PointEndInteractionEvent)
        expected.future = []
    elif action == "L":
        expected.step(now, not expected.locked)
        host.press_key(qt.Qt.Key_L)
    elif action == "undo":
        expected.undo()
        host.press_key(qt.Qt.Key_Z, qt.Qt.ControlModifier)
    elif action == "redo":
        expected.redo()
        host.press_key(qt.Qt.Key_Y, qt.Qt.ControlModifier)
    elif action == "hide":
        host.click(panel.review.ui.openOnlyBox)
    elif action in ("N", "P"):
        host.press_key(getattr(qt.Qt, f"Key_{action}"))
    elif action == "page":
        panel.pages.show(panel.settings)
        host.press_key(qt.Qt.Key_A)  # means nothing here
        panel.pages.show(panel.review)
    elif action.startswith("save") or action == "load":
        action += file(host, expected, random, action, folder)
    elif action == "module":
        host.exit("LandmarkDetection")
        host.enter("LandmarkDetection")
    return f"{action} {name}"


def file(host: SlicerHost, expected: Expected, random: np.random.Generator, action: str, folder: Path) -> str:
    """Save the scene, or load one that was saved before; gives which."""
    import slicer

    if action != "load":
        path = save_scene(slicer.mrmlScene, action.split()[1], folder)
        expected.saved.append((path, expected.review, expected.locked))
    elif expected.saved:
        path, expected.review, expected.locked = expected.saved[int(random.integers(len(expected.saved)))]
        load_scene(slicer.mrmlScene, path)
        host.process_events()
        expected.past, expected.future = [], []
        return f" {path}"
    return ""


SETTLING = {"accept": "accept", "A": "accept", "M": "mark_missing", "R": "restore"}
"""What a button or a key says of a landmark."""
# What is done often in life is done often here.
ACTIONS = (
    *("accept", "A", "A", "M", "R", "drag", "drag", "undo", "undo", "redo"),
    *("restore all", "click", "L", "hide", "N", "P", "page", "module"),
    *("save mrb", "save mrml", "load", "load"),
)


def agree(panel: Any, expected: Review, done: list[str]) -> None:
    """The points in the scene, the record and the table say what is expected."""
    node = panel.parameters.landmarks
    assert_same(stored(node), expected, done)
    assert_same(panel.review.review, expected, done)
    for index, mark in enumerate(expected.landmarks):
        assert node.GetNthControlPointLabel(index) == mark.name, done
        said = parse_description(node.GetNthControlPointDescription(index))[2]
        assert said is mark.status, (done, mark.name)
        is_defined = node.GetNthControlPointPositionStatus(index) == node.PositionDefined
        assert is_defined == mark.is_present, (done, mark.name)
        if mark.is_present:
            np.testing.assert_allclose(node.GetNthControlPointPositionWorld(index), mark.position, atol=1e-6)
    ui, table = panel.review.ui, panel.review._table
    is_hiding = ui.openOnlyBox.checked
    order = [
        name for name in landmarks_by_priority(expected) if not (is_hiding and name in expected.reviewed)
    ]
    assert table.names == order and ui.landmarkTable.rowCount == len(order), done
    for row, name in enumerate(order):
        assert ui.landmarkTable.item(row, 0).text() == panel.review.desk.title(name), done
        assert ui.landmarkTable.item(row, 2).text() == panel.review.desk.statusText(name), done
    count, total = expected.progress
    assert ui.progressLabel.text == f"{count} of {total} reviewed", done
    assert ui.acceptButton.visible == (count < total) and ui.saveButton.visible == (count == total), done
    assert panel.review.selected is None or panel.review.selected in expected.landmarks, done


def assert_same(found: Review, expected: Review, done: list[str]) -> None:
    assert [row(mark) for mark in found.landmarks] == [row(mark) for mark in expected.landmarks], done
    assert [row(mark) for mark in found.prediction.landmarks] == [
        row(mark) for mark in expected.prediction.landmarks
    ], done


def row(mark: Landmark) -> tuple[str, Status, tuple[float, ...]]:
    return mark.name, mark.status, tuple(np.round(mark.position, 6)) if mark.is_present else ()
