"""Every control of the panel: one undo takes back what it did, or it is said why not.

A new button, key, field or entry of a menu fails the first test until somebody decides.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from LandmarkDetectionLib.core.search_path import SearchPath
from Testing.Python.slicer_module.mrml_cases import DETECTION, NAMES, SHIFT, add_transform, add_volume
from Testing.Python.slicer_module.panel_cases import (
    drag,
    good_worker,
    open_panel,
    press_detect,
    show_detection,
    stored,
    wait_for_files,
)

KNEE = NAMES.index("knee_left")


class Step(NamedTuple):
    """What a person does, and what came before."""

    do: Callable[[Any, Any], None]
    before: Callable[[Any, Any], None] = lambda host, panel: None


# --- what is done -----------------------------------------------------------------------------------------


def key(text: str) -> Callable[[Any, Any], None]:
    return lambda host, panel: host.press_key(text.lower())


def click(page: str, name: str) -> Callable[[Any, Any], None]:
    return lambda host, panel: host.click(getattr(getattr(panel, page).ui, name))


def entry(name: str) -> Callable[[Any, Any], None]:
    return lambda host, panel: getattr(panel.review.actions, name).trigger()


def accept_two(host: Any, panel: Any) -> None:
    for name in ("knee_left", "chin"):
        panel.review.select(name)
        panel.review.desk.accept()
    panel.review.select("knee_left")


def a_spine(host: Any, panel: Any) -> None:
    model = panel.review.model
    levels = (("chin",), ("wrist_left",), ("knee_left",))
    protocol = model.protocol.restricted(NAMES).model_copy(update={"chain": levels})
    panel.review.desk.model = replace(model, protocol=protocol)
    panel.review.actions.refresh()


def a_volume_to_see(host: Any, panel: Any) -> None:
    import slicer

    voxels = np.random.default_rng(0).integers(-1000, 1000, (8, 8, 8)).astype(np.int16)
    slicer.util.updateVolumeFromArray(panel.parameters.inputVolume, voxels)
    panel.review.actions.inThreeD.trigger()  # made once; from then on it is shown or not
    panel.review.actions.inThreeD.trigger()


def detect_elsewhere(host: Any, panel: Any) -> None:
    marks = tuple(
        replace(mark, position=mark.position + 3.0) if mark.is_present else mark
        for mark in DETECTION.landmarks
    )
    found = replace(DETECTION, landmarks=replace(DETECTION.landmarks, landmarks=marks)).to_record()
    way = SearchPath("chin", np.arange(9.0).reshape(3, 3), np.ones(3), False)
    panel.logic._worker = good_worker({**found, "paths": [way.to_record()]})
    press_detect(host, panel)
    host.wait_until(lambda: panel.detect.run is None)


def nothing_detected(host: Any, panel: Any) -> None:
    """A volume without landmarks, beside that of the review."""
    panel.parameters.inputVolume = add_volume("another")
    host.process_events()


def find_near(start: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    def find(host: Any, panel: Any) -> None:
        found = replace(DETECTION.landmarks["knee_left"], position=np.array([1.0, 2.0, 3.0]))
        panel.logic._worker = good_worker(found.to_record())
        panel.review.select("knee_left")
        start(host, panel)
        panel.review.desk.findNear._picker._node.AddControlPointWorld([0.0, 0.0, 0.0])
        host.wait_until(lambda: "knee_left" in panel.review.review.reviewed)

    return find


def open_file(start: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    def open_it(host: Any, panel: Any) -> None:
        host.dialogs.answer_file(host.folder / "case.json")
        start(host, panel)
        wait_for_files(host, panel)

    return open_it


def a_file(host: Any, panel: Any) -> None:
    panel.logic.exportLandmarks(panel.parameters.landmarks, host.folder / "case.json")


def a_file_and_nothing_under_review(host: Any, panel: Any) -> None:
    a_file(host, panel)
    nothing_detected(host, panel)


def look_as_in_other(host: Any, panel: Any) -> None:
    found = replace(DETECTION, model="", model_version="").to_record()
    panel.logic._worker = good_worker(found)
    host.click(panel.detect.ui.asInOtherButton)
    host.wait_until(lambda: panel.detect.run is None)


def a_case_by_hand(host: Any, panel: Any) -> None:
    from LandmarkDetectionSlicer.scene import nodes

    node = panel.parameters.landmarks
    nodes.storeReview(replace_model(stored(node)), None, node)
    accept_two(host, panel)
    nothing_detected(host, panel)


def replace_model(review: Any) -> Any:
    return replace(review, prediction=replace(review.prediction, model="", model_version=""))


def drag_knee(host: Any, panel: Any) -> None:
    save_as_the_mouse_does()
    drag(panel.parameters.landmarks, KNEE, [1.0, 2.0, 3.0])


def save_as_the_mouse_does() -> None:
    import slicer

    slicer.mrmlScene.SaveStateForUndo()


def place_page(host: Any, panel: Any) -> None:
    panel.pages.show(panel.place)


def placing(host: Any, panel: Any) -> None:
    place_page(host, panel)
    panel.place.start()


def place_one(host: Any, panel: Any) -> None:
    panel.place.session.place([1.0, 2.0, 3.0])


def placed_one(host: Any, panel: Any) -> None:
    placing(host, panel)
    place_one(host, panel)


def clicking(host: Any, panel: Any) -> None:
    place_page(host, panel)
    panel.place.clickFirst.start()


def click_one(host: Any, panel: Any) -> None:
    import vtk

    save_as_the_mouse_does()
    panel.place.clickFirst.session.node.AddControlPointWorld(vtk.vtkVector3d(1.0, 2.0, 3.0))


def clicked_two(host: Any, panel: Any) -> None:
    clicking(host, panel)
    click_one(host, panel)
    click_one(host, panel)
    panel.place.ui.titleEdit.text = "Two spots"


def rename_first(host: Any, panel: Any) -> None:
    panel.place.ui.pointTable.item(0, 0).setText("Spot")


def editor(host: Any, panel: Any) -> None:
    panel.place.editList()
    for row, text in enumerate(("A", "B", "C")):
        rows(panel).item(row, 0).setText(text)
    rows(panel).setCurrentCell(1, 0)


def rows(panel: Any) -> Any:
    return panel.place._editor.ui.rowTable


def click_in_editor(name: str) -> Callable[[Any, Any], None]:
    return lambda host, panel: host.click(getattr(panel.place._editor.ui, name))


# --- every control, and what one undo does about it -------------------------------------------------------

CHOICE = "a choice that is kept with the scene or the user; the control itself takes it back"
LOOK = "changes what is shown, not what is known"
FILE = "writes a file, or something else outside the scene"
FIELD = "a text field undoes its own typing"
STARTS_WORK = "work in the background that a button of its own stops"
OWN_UNDO = "has an undo of its own"
UNDO = "is undo or redo"

DECISIONS: dict[str, Step | str] = {
    "review.acceptButton": Step(click("review", "acceptButton")),
    "review.missingButton": Step(click("review", "missingButton")),
    "review.detectButton": Step(detect_elsewhere, nothing_detected),
    "review.openButton": Step(open_file(click("review", "openButton")), a_file_and_nothing_under_review),
    "review.asInOtherButton": Step(look_as_in_other, a_case_by_hand),
    "review.undoButton": UNDO,
    "review.nextButton": LOOK,
    "review.landmarkTable": LOOK,
    "review.openOnlyBox": LOOK,
    "review.nextCaseButton": "saves the case and opens another, whose steps begin anew",
    "review.placeButton": LOOK,
    "review.actionsButton": LOOK,
    "review.saveButton": FILE,
    "review.sampleButton": "loads an image, as Slicer's own Sample Data does, which undo leaves alone",
    "review.installButton": FILE,
    "review.cancelButton": "leaves the scene as it was",
    "review.volumeSelector": CHOICE,
    "review.modelSelector": CHOICE,
    "review.landmarkSelector": CHOICE,
    "menu.previous": LOOK,
    "menu.absent": Step(entry("absent")),
    "menu.restore": Step(entry("restore"), accept_two),
    "menu.restoreAll": Step(entry("restoreAll"), accept_two),
    "menu.redo": UNDO,
    "menu.findNear": Step(find_near(entry("findNear"))),
    "menu.lock": Step(entry("lock")),
    "menu.down": Step(entry("down"), a_spine),
    "menu.up": Step(entry("up"), a_spine),
    "menu.inThreeD": Step(entry("inThreeD"), a_volume_to_see),
    "menu.detectAgain": Step(detect_elsewhere),
    "menu.save": FILE,
    "menu.open": Step(open_file(entry("open")), a_file),
    "key.A": Step(key("A")),
    "key.M": Step(key("M")),
    "key.Shift+M": Step(entry("absent")),
    "key.N": LOOK,
    "key.P": LOOK,
    "key.R": Step(key("R"), accept_two),
    "key.D": Step(key("D"), a_spine),
    "key.U": Step(key("U"), a_spine),
    "key.F": Step(find_near(key("F"))),
    "key.L": Step(key("L")),
    "key.V": Step(key("V"), a_volume_to_see),
    "key.Z": UNDO,
    "key.Ctrl+Z": UNDO,
    "key.Ctrl+Y": UNDO,
    "key.Ctrl+Shift+Z": UNDO,
    "key.B": Step(key("B"), placed_one),
    "key.S": "asks for the next landmark; Back asks for this one again",
    "key.Esc": "ends placing; what was placed stays",
    "key.Shift+A": "key.Shift+Z takes a verdict back, and opens its case (test_batch)",
    "key.Shift+D": "key.Shift+Z takes a verdict back, and opens its case (test_batch)",
    "key.Shift+R": "key.Shift+Z takes a verdict back, and opens its case (test_batch)",
    "key.Shift+Z": UNDO,
    "key.Shift+N": "saves the case and opens another, whose steps begin anew",
    "key.Shift+P": "saves the case and opens another, whose steps begin anew",
    "mouse.drag a point": Step(drag_knee),
    "mouse.place a point": Step(place_one, placing),
    "mouse.click a point": Step(click_one, clicking),
    "place.protocolSelector": CHOICE,
    "place.editListButton": LOOK,
    "place.startButton": Step(click("place", "startButton"), place_page),
    "place.backButton": Step(click("place", "backButton"), placed_one),
    "place.skipButton": "asks for the next landmark; Back asks for this one again",
    "place.stopButton": "ends placing; what was placed stays",
    "place.snapBox": CHOICE,
    "place.clickButton": Step(click("place", "clickButton"), place_page),
    "place.templateEdit": FIELD,
    "place.titleEdit": FIELD,
    "place.pointTable": Step(rename_first, clicked_two),
    "place.unclickButton": Step(click("place", "unclickButton"), clicked_two),
    "place.moreButton": "begins or ends clicking; each click is a step",
    "place.discardButton": Step(click("place", "discardButton"), clicked_two),
    "place.saveListButton": Step(click("place", "saveListButton"), clicked_two),
    "editor.titleEdit": FIELD,
    "editor.rowTable": OWN_UNDO,
    "editor.addButton": OWN_UNDO,
    "editor.deleteButton": OWN_UNDO,
    "editor.upButton": OWN_UNDO,
    "editor.downButton": OWN_UNDO,
    "editor.saveListButton": FILE,
    "editor.key.Ctrl+Z": UNDO,
    "editor.key.Ctrl+Y": UNDO,
    "editor.key.Ctrl+Shift+Z": UNDO,
    "measurements.measurementTable": LOOK,
    "measurements.allLinesBox": LOOK,
    "measurements.reviewerEdit": FIELD,
    "measurements.reportButton": FILE,
    "frames.frameSelector": CHOICE,
    "frames.straightenButton": LOOK,
    "frames.scannedButton": LOOK,
    "frames.alignButton": "frames.undoButton takes it back; an undo of the scene would copy the image",
    "frames.undoButton": "frames.alignButton",
    "batch.sourceEdit": FIELD,
    "batch.sourceButton": CHOICE,
    "batch.outEdit": FIELD,
    "batch.outButton": CHOICE,
    "batch.keyEdit": FIELD,
    "batch.keyButton": CHOICE,
    "batch.batchModelList": CHOICE,
    "batch.workersBox": CHOICE,
    "batch.startBatchButton": STARTS_WORK,
    "batch.cancelBatchButton": "what is finished stays, and Continue goes on from there",
    "batch.secondReadingBox": LOOK,
    "batch.openCasesBox": LOOK,
    "batch.caseTable": "opens a case, whose steps begin anew",
    "batch.openCaseButton": "opens a case, whose steps begin anew",
    "batch.previousCaseButton": "saves the case and opens another, whose steps begin anew",
    "batch.nextCaseButton": "saves the case and opens another, whose steps begin anew",
    "batch.readerEdit": FIELD,
    "batch.acceptCaseButton": "key.Shift+Z takes a verdict back, and opens its case (test_batch)",
    "batch.doubtCaseButton": "key.Shift+Z takes a verdict back, and opens its case (test_batch)",
    "batch.rejectCaseButton": "key.Shift+Z takes a verdict back, and opens its case (test_batch)",
    "batch.reportButton": FILE,
    "learn.storeEdit": FIELD,
    "learn.browseStoreButton": CHOICE,
    "learn.reviewerEdit": FIELD,
    "learn.commentEdit": FIELD,
    "learn.copyBox": CHOICE,
    "learn.saveButton": FILE,
    "learn.improveButton": "learn.backButton goes back to the version before",
    "learn.backButton": "models.goBackButton uses the other version again",
    "learn.newModelEdit": FIELD,
    "learn.trainButton": STARTS_WORK,
    "learn.cancelButton": "the same button goes on where it stopped",
    "models.modelTable": LOOK,
    "models.showCardButton": LOOK,
    "models.goBackButton": "the same button uses the other version again",
    "models.removeButton": "deletes files, after asking",
    "models.landmarkList": LOOK,
    "models.sourceEdit": FIELD,
    "models.checksumEdit": FIELD,
    "models.browseFolderButton": CHOICE,
    "models.browseZipButton": CHOICE,
    "models.installModelButton": FILE,
    "settings.othersBox": CHOICE,
    "settings.namesBox": CHOICE,
    "settings.keepReviewedBox": CHOICE,
    "settings.deviceSelector": CHOICE,
    "settings.depthSelector": CHOICE,
    "settings.sideSelector": CHOICE,
    "settings.automaticThresholdBox": CHOICE,
    "settings.thresholdSlider": CHOICE,
    "settings.addressEdit": FIELD,
    "settings.tokenEdit": FIELD,
    "settings.certificateEdit": FIELD,
    "settings.testButton": CHOICE,
}


@pytest.fixture
def panel(host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A panel with a detection under review."""
    monkeypatch.setenv("LANDMARK_DETECTION_PROTOCOLS", str(tmp_path))
    panel = open_panel(host)
    show_detection(panel, add_volume("scan"), DETECTION)
    host.process_events()
    yield panel
    panel.logic.close()


def controls(host: Any, panel: Any) -> set[str]:
    """Whatever a person can press, type into or choose from, by where it is."""
    import qt
    import slicer
    from PySide6.QtWidgets import QWidget

    kinds = (
        *(qt.QAbstractButton, qt.QComboBox, qt.QLineEdit, qt.QAbstractSpinBox, qt.QAbstractItemView),
        slicer.qMRMLNodeComboBox,
    )
    for page in panel.pages:
        panel.pages.show(page)
    panel.place.editList()
    pages = {name: one for name, one in vars(panel).items() if any(one is page for page in panel.pages)}
    assert len(pages) == len(list(panel.pages))
    parts = {**pages, "editor": panel.place._editor}
    found = set()
    for part, page in parts.items():
        for name, widget in vars(page.ui).items():
            is_slider = type(widget).__name__ == "ctkSliderWidget"
            is_ours = isinstance(widget, QWidget) and not name.startswith("qt_")
            if is_ours and (isinstance(widget, kinds) or is_slider):
                found.add(f"{part}.{name}")
    kept = vars(panel.review.actions)
    for one in kept["_menu"].actions():
        if not one.isSeparator():
            found.add("menu." + next((name for name, own in kept.items() if own == one), one.text))
    for one in host.window.findChildren(qt.QShortcut):
        found.add(f"key.{one.key.toString()}")
    for one in panel.place._editor.widget.findChildren(qt.QShortcut):
        found.add(f"editor.key.{one.key.toString()}")
    return found


def test_every_control_is_decided_on(host, panel):
    decided = {name for name in DECISIONS if not name.startswith("mouse.")}
    assert controls(host, panel) == decided


def state(panel: Any) -> dict[str, Any]:
    """All that a step may change: points, records, names, visibility, reviews, rows, measures, curves."""
    import slicer
    from LandmarkDetectionSlicer.logic.reviewing import pointLists
    from LandmarkDetectionSlicer.scene import nodes, rendering

    lists = [
        node for node in slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode") if node.GetUndoEnabled()
    ]
    landmarks, review = panel.parameters.landmarks, panel.review.review
    return {
        "points": pointLists(),
        "nodes": [
            (
                node.GetName(),
                node.GetParentTransformNode(),
                node.GetDisplayVisibility(),
                [node.GetNthControlPointPositionStatus(n) == node.PositionDefined for n in range(len(NAMES))],
            )
            for node in lists
        ],
        "under review": landmarks.GetID() if landmarks is not None else None,
        "record": nodes.loadWorldReview(landmarks).to_record() if landmarks is not None else None,
        "review": review.to_record() if review is not None else None,
        "rows": panel.review.desk.rows() if review is not None else [],
        "in 3D": panel.review.session is not None and rendering.isShown(nodes.volumeOf(landmarks)),
        "measures": _measures(panel, landmarks),
        "clicked": _clicked(panel),
        "ways": sorted(one.GetName() for one in slicer.util.getNodesByClass("vtkMRMLMarkupsCurveNode")),
        "texts": sorted(one.GetText() for one in slicer.util.getNodesByClass("vtkMRMLTextNode")),
    }


def _measures(panel: Any, landmarks: Any) -> list[float | None]:
    from LandmarkDetectionSlicer.logic.measuring import measureNode
    from LandmarkDetectionSlicer.scene import nodes

    if landmarks is None:
        return []
    protocol = panel.context.protocolOf(nodes.loadWorldReview(landmarks))
    return [one.value for one in measureNode(landmarks, protocol)] if protocol is not None else []


def _clicked(panel: Any) -> list[tuple[str, str]] | None:
    table = panel.place.ui.pointTable
    if panel.place.clickFirst.session is None:
        return None
    return [(table.item(row, 0).text(), table.item(row, 1).text()) for row in range(table.rowCount)]


@pytest.mark.parametrize("name", [name for name, what in DECISIONS.items() if isinstance(what, Step)])
def test_one_undo_brings_back_what_was_before(host, panel, name):
    import qt

    step = DECISIONS[name]
    assert isinstance(step, Step)
    step.before(host, panel)
    host.process_events()
    before = state(panel)
    step.do(host, panel)
    host.process_events(20)
    done = state(panel)
    assert done != before, "it does something"
    host.press_key(qt.Qt.Key_Z, qt.Qt.ControlModifier)
    host.process_events(20)
    after = state(panel)
    assert {key: value for key, value in after.items() if value != before[key]} == {}
    assert {key: before[key] for key, value in after.items() if value != before[key]} == {}


OF_THE_MENU = (
    *("key.M", "key.R", "menu.detectAgain", "menu.open", "mouse.drag a point"),
    *("place.clickButton", "place.discardButton", "place.saveListButton"),
)


@pytest.mark.parametrize("name", OF_THE_MENU)
def test_undo_and_redo_of_slicers_own_menu_do_the_same_as_those_of_the_panel(host, panel, name):
    import slicer

    step = DECISIONS[name]
    assert isinstance(step, Step)
    step.before(host, panel)
    host.process_events()
    before = state(panel)
    step.do(host, panel)
    host.process_events(20)
    done = state(panel)
    slicer.mrmlScene.Undo()
    host.process_events(20)
    assert state(panel) == before
    slicer.mrmlScene.Redo()
    host.process_events(20)
    assert state(panel)["texts"] == done["texts"]
    if done["review"] is not None:
        assert state(panel)["review"] == done["review"] and state(panel)["rows"] == done["rows"]


def test_undo_of_slicers_menu_leaves_the_views_alone_while_another_module_is_open(host, panel):
    import slicer

    accept_two(host, panel)
    host.exit("LandmarkDetection")
    camera = slicer.util.getNodesByClass("vtkMRMLCameraNode")[0]
    before = camera.GetFocalPoint()
    slicer.mrmlScene.Undo()
    host.process_events(20)
    assert camera.GetFocalPoint() == before
    host.enter("LandmarkDetection")
    assert stored(panel.parameters.landmarks).reviewed == ("knee_left",)
    assert panel.review.ui.progressLabel.text == "1 of 4 reviewed"


@pytest.mark.parametrize("name", ["addButton", "deleteButton", "upButton", "downButton"])
def test_the_window_of_lists_takes_its_own_steps_back(host, panel, name):
    import qt

    editor(host, panel)
    window = panel.place._editor
    before = window.rows()
    click_in_editor(name)(host, panel)
    done = window.rows()
    assert done != before
    host.press_key(qt.Qt.Key_Z, qt.Qt.ControlModifier, window.widget)
    assert window.rows() == before
    host.press_key(qt.Qt.Key_Y, qt.Qt.ControlModifier, window.widget)
    assert window.rows() == done
    for _ in range(4):
        window.undo()
    assert window.rows()[0][0] == "", "typing too"


def test_points_that_were_kept_as_a_list_and_brought_back_can_be_kept_again(host, panel):
    clicked_two(host, panel)
    host.click(panel.place.ui.saveListButton)
    assert panel.parameters.landmarks.GetAttribute("LandmarkDetection.model") == "Two spots"
    panel.review.desk.undo()
    panel.pages.show(panel.place)
    rename_first(host, panel)
    host.click(panel.place.ui.saveListButton)
    assert panel.place.message.text == ""
    assert stored(panel.parameters.landmarks).landmarks.names[0] == "spot"


def test_what_was_moved_together_with_the_image_since_stays_with_it(host, panel):
    accept_two(host, panel)
    node, volume = panel.parameters.landmarks, panel.parameters.inputVolume
    moved = add_transform(SHIFT, volume, node)
    panel.review.desk.undo()
    assert panel.parameters.landmarks.GetParentTransformNode() is moved
    assert stored(panel.parameters.landmarks).reviewed == ("knee_left",)
    panel.review.desk.redo()
    assert panel.parameters.landmarks.GetParentTransformNode() is moved
    assert len(stored(panel.parameters.landmarks).reviewed) == 2


def test_undo_goes_back_to_the_landmarks_that_it_is_about_and_redo_as_well(host, panel):
    first = panel.parameters.landmarks
    nothing_detected(host, panel)
    detect_elsewhere(host, panel)
    second = panel.parameters.landmarks.GetID()
    accept_two(host, panel)
    panel.parameters.landmarks = first
    host.process_events()
    panel.review.desk.undo()
    assert panel.parameters.landmarks.GetID() == second
    assert stored(panel.parameters.landmarks).reviewed == ("knee_left",)
    for _ in range(2):
        panel.review.desk.undo()
    assert panel.parameters.landmarks is None or panel.parameters.landmarks.GetID() != second
    panel.review.desk.redo()
    assert panel.parameters.landmarks.GetID() == second
