"""Whatever a person does in whatever order: points, record and table agree, and undo goes back by steps."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
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
from Testing.Python.slicer_module.panel_cases import drag, open_panel, show_detection, stored, wait_for_files

SEQUENCES = int(os.environ.get("LANDMARK_DETECTION_SEQUENCES", "12"))
STEPS = 25
UNDO_LEVELS = 20  # as many as Slicer keeps


@dataclass(frozen=True)
class State:
    """The review, whether its points are locked, how many were opened before it, and points just clicked."""

    review: Review
    locked: bool = False
    opened: int = 0
    clicked: tuple[str, ...] | None = None


@dataclass
class Expected:
    """What must be so: the review by the library alone, with what undo and redo go back to."""

    now: State
    past: list[State] = field(default_factory=list)
    future: list[State] = field(default_factory=list)
    saved: list[tuple[Path, State]] = field(default_factory=list)
    files: list[tuple[Path, Review]] = field(default_factory=list)

    def step(self, **change: Any) -> None:
        state = replace(self.now, **change)
        if state != self.now:
            self.past = [*self.past, self.now][-UNDO_LEVELS:]
            self.future = []
            self.now = state

    def undo(self) -> None:
        if self.past:
            self.future.append(self.now)
            self.now = self.past.pop()

    def redo(self) -> None:
        if self.future:
            self.past.append(self.now)
            self.now = self.future.pop()


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
    expected, done = Expected(State(Review.of(stored(node).prediction))), []
    random = np.random.default_rng(seed)
    for number in range(STEPS):
        done.append(act(host, panel, expected, random, tmp_path / str(number)))
        agree(panel, expected.now.review, done)
        is_locked = panel.parameters.landmarks.GetLocked()
        assert bool(is_locked) == panel.review.actions.lock.checked == expected.now.locked, done
        assert clicked(panel) == expected.now.clicked, done


def act(host: SlicerHost, panel: Any, expected: Expected, random: np.random.Generator, folder: Path) -> str:
    """One thing that a person may do, at random, in the panel and in what is expected; gives its name."""
    import qt
    import slicer

    action = str(random.choice(ACTIONS))
    name, now = panel.review.selected, expected.now.review
    node = panel.parameters.landmarks
    if action in SETTLING and name:
        expected.step(review=getattr(now, SETTLING[action])(name))
        if action == "accept":
            host.click(panel.review.ui.acceptButton)
        else:
            host.press_key(getattr(qt.Qt, f"Key_{action}"))
    elif action == "restore all":
        expected.step(review=now.restore_all())
        panel.review.actions.restoreAll.trigger()
    elif action == "drag":
        index = int(random.integers(len(now.landmarks)))
        place = np.round(random.normal(0, 100, 3), 3)
        if now.landmarks.landmarks[index].is_present and not expected.now.locked:  # else nobody can take it
            expected.step(review=now.correct(now.landmarks.names[index], place))
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
        expected.step(locked=not expected.now.locked)
        host.press_key(qt.Qt.Key_L)
    elif action == "undo":
        expected.undo()
        host.press_key(qt.Qt.Key_Z, qt.Qt.ControlModifier)
    elif action == "redo":
        expected.redo()
        host.press_key(qt.Qt.Key_Y, qt.Qt.ControlModifier)
    elif action in ("spot", "rename", "unclick", "discard"):
        click_first(host, panel, expected, action)
    elif action in ("write", "open"):
        landmark_file(host, panel, expected, random, action, folder)
    elif action.startswith("save") or action == "load":
        action += file(host, expected, random, action, folder)
    else:
        look(host, panel, action)
    return f"{action} {name}"


def look(host: SlicerHost, panel: Any, action: str) -> None:
    """Something that changes only what is shown."""
    import qt

    if action == "hide":
        host.click(panel.review.ui.openOnlyBox)
    elif action in ("N", "P"):
        host.press_key(getattr(qt.Qt, f"Key_{action}"))
    elif action == "page":
        panel.pages.show(panel.settings)
        host.press_key(qt.Qt.Key_A)  # means nothing here
        panel.pages.show(panel.review)
    elif action == "module":
        host.exit("LandmarkDetection")
        host.enter("LandmarkDetection")


def landmark_file(
    host: SlicerHost, panel: Any, expected: Expected, random: np.random.Generator, action: str, folder: Path
) -> None:
    """Write the landmarks, or go on with some that were written before; undo goes back to those of before."""
    if action == "write":
        folder.mkdir()
        expected.files.append((folder / "case.json", expected.now.review))
        panel.logic.exportLandmarks(panel.parameters.landmarks, folder / "case.json")
    elif expected.files:
        path, review = expected.files[int(random.integers(len(expected.files)))]
        expected.step(review=review, locked=False, opened=expected.now.opened + 1)
        host.dialogs.answer_file(path)
        panel.review.actions.open.trigger()
        wait_for_files(host, panel)


def file(host: SlicerHost, expected: Expected, random: np.random.Generator, action: str, folder: Path) -> str:
    """Save the scene, or load one that was saved before; gives which."""
    import slicer

    if action != "load":
        path = save_scene(slicer.mrmlScene, action.split()[1], folder)
        expected.saved.append((path, expected.now))
    elif expected.saved:
        path, expected.now = expected.saved[int(random.integers(len(expected.saved)))]
        load_scene(slicer.mrmlScene, path)
        host.process_events()
        expected.past, expected.future = [], []
        return f" {path}"
    return ""


def click_first(host: SlicerHost, panel: Any, expected: Expected, action: str) -> None:
    """Something with points that no list has, beside the review."""
    import slicer
    import vtk

    names, ui = expected.now.clicked, panel.place.ui
    panel.pages.show(panel.place)
    if action == "spot" and names is None:
        expected.step(clicked=())
        host.click(ui.clickButton)
    elif action == "spot":
        number = next(n for n in range(1, 100) if f"Point {n}" not in names)
        expected.step(clicked=(*names, f"Point {number}"))
        slicer.mrmlScene.SaveStateForUndo()  # as the mouse does
        panel.place.clickFirst.session.node.AddControlPointWorld(vtk.vtkVector3d(number, 2, 3))
    elif action == "discard" and names is not None:
        expected.step(clicked=None)
        host.click(ui.discardButton)
    elif action == "rename" and names:
        expected.step(clicked=(f"{names[0]}x", *names[1:]))
        ui.pointTable.item(0, 0).setText(f"{names[0]}x")
    elif action == "unclick" and names:
        expected.step(clicked=names[1:])
        ui.pointTable.setCurrentCell(0, 0)
        host.click(ui.unclickButton)
    panel.pages.show(panel.review)


def clicked(panel: Any) -> tuple[str, ...] | None:
    table = panel.place.ui.pointTable
    if panel.place.clickFirst.session is None:
        return None
    return tuple(table.item(row, 0).text() for row in range(table.rowCount))


SETTLING = {"accept": "accept", "A": "accept", "M": "mark_missing", "R": "restore"}
"""What a button or a key says of a landmark."""
# What is done often in life is done often here.
ACTIONS = (
    *("accept", "A", "A", "M", "R", "drag", "drag", "undo", "undo", "redo"),
    *("restore all", "click", "L", "hide", "N", "P", "page", "module"),
    *("save mrb", "save mrml", "load", "load"),
    *("write", "open", "open", "spot", "spot", "rename", "unclick", "discard"),
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
