"""From a list of one's own landmarks to a model that gets better by corrections, in the panel."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from LandmarkDetectionLib.core.landmarks import Status
from LandmarkDetectionLib.datasets.annotations import AnnotationStore
from LandmarkDetectionLib.datasets.cases import Case, Datalist
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.models import load_model
from Testing.examples.blob_data import NAMES
from Testing.examples.fine_tuning_cases import NAME, STEPS, blob_models, make_store
from Testing.Python.slicer_module.mrml_cases import DETECTION, SHIFT, add_transform, add_volume
from Testing.Python.slicer_module.panel_cases import (
    SCREENSHOTS,
    complaint,
    open_panel,
    picture,
    said,
    show_detection,
    worker_that,
)

SAVING_MS, LEARNING_MS = 60_000, 900_000
KNEES = (
    ("Right knee", "Middle between the tibial spines.", "Left knee", "Right ankle"),
    ("Left knee", "Middle between the tibial spines.", "Right knee", "Left ankle"),
    ("Right ankle", "Middle of the talar dome.", "Left ankle", ""),
    ("Left ankle", "Middle of the talar dome.", "Right ankle", ""),
)
DEFINITIONS = ("Middle of the round spot.", "Middle of the tall spot.", "Middle of the wide spot.")


@pytest.fixture(scope="module")
def made(once: Any) -> tuple[Datalist, Path]:
    return blob_models(once)


@pytest.fixture(scope="module")
def data(made: tuple[Datalist, Path]) -> Datalist:
    return made[0]


@pytest.fixture(scope="module")
def trained(made: tuple[Datalist, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models with a small one of the spots, which was shown other places than people mean."""
    models = tmp_path_factory.mktemp("trained") / "models"
    shutil.copytree(made[1], models, ignore=shutil.ignore_patterns(".learned-from"))
    return models


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("LANDMARK_DETECTION_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("LANDMARK_DETECTION_PROTOCOLS", str(tmp_path / "protocols"))
    yield tmp_path


@pytest.fixture
def panel(folders: Path, host: Any) -> Any:
    import slicer

    settings = slicer.app.userSettings()
    for key in ("LandmarkDetection/AnnotationStore", "LandmarkDetection/Reviewer"):
        settings.setValue(key, "")
    return open_panel(host)


def load(case: Case) -> Any:
    """A volume node that was read from the case's file, as Slicer reads it."""
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", case.image_files[0].stem)
    storage = slicer.vtkMRMLVolumeArchetypeStorageNode()
    slicer.mrmlScene.AddNode(storage)
    storage.SetSingleFile(1)  # not all files beside it as one volume
    storage.SetFileName(str(case.image_files[0]))
    assert storage.ReadData(node) == 1
    node.SetAndObserveStorageNodeID(storage.GetID())
    return node


def open_learning(host: Any, panel: Any, folder: Path) -> Any:
    """The section with a folder chosen, and the others out of the way."""
    panel.pages.show(panel.learn)
    panel.learn.ui.storeEdit.text = str(folder)
    panel.learn._onStore()
    host.process_events()
    return panel.learn.ui


def save(host: Any, panel: Any) -> None:
    host.click(panel.learn.ui.saveButton)
    host.wait_until(lambda: panel.learn._saving is None, SAVING_MS)


def type_list(panel: Any, title: str, rows: Any) -> Any:
    editor = panel.place._editor
    editor.ui.titleEdit.text = title
    editor._fill([tuple(row) for row in rows])
    return editor


def test_nothing_of_the_page_is_built_before_it_is_opened(host, panel):
    assert panel.learn.ui is None
    panel.pages.show(panel.learn)
    assert panel.learn.ui is not None and not panel.learn.ui.saveButton.enabled
    assert "Choose a folder" in panel.learn.ui.summaryLabel.text
    picture(host, panel, "learn")


def test_a_list_is_made_placed_and_kept_as_an_annotation(host, panel, data, folders):
    case = data.cases[0]
    panel.parameters.inputVolume = load(case)
    panel.pages.show(panel.place)
    host.click(panel.place.ui.editListButton)
    editor = panel.place._editor
    assert editor.widget.visible and editor.ui.rowTable.rowCount == 4
    rows = [[name.title(), text, "", ""] for name, text in zip(NAMES, DEFINITIONS, strict=True)]
    type_list(panel, "Spots", [*rows[:2], ["Wide", DEFINITIONS[2], "", "Sphere"]])
    host.click(editor.ui.saveListButton)
    assert "'Wide' names 'Sphere', which is not in the list" in editor.message.text
    if SCREENSHOTS:
        type_list(panel, "Knees, from the front", KNEES)
        editor.widget.resize(660, 300)
        host.screenshot(Path(SCREENSHOTS) / "list.png", editor.widget)
    type_list(panel, "Spots", [*rows[:2], ["Wide", DEFINITIONS[2], "", "Round, Tall"]])
    assert not editor.message.text, "it was about what is no longer there"
    host.click(editor.ui.saveListButton)
    assert not editor.widget.visible
    assert load_protocol("spots").lines == (("wide", "round"), ("wide", "tall"))
    assert panel.place.ui.protocolSelector.currentText == "Spots"

    host.click(panel.place.ui.startButton)
    assert DEFINITIONS[0] in panel.place.ui.placeText.text
    truth = case.read_landmarks()
    node = panel.parameters.landmarks
    for name in NAMES:
        index = node.GetControlPointPlacementStartIndex()
        assert node.GetNthControlPointLabel(index) == name
        node.SetNthControlPointPositionWorld(index, *truth[name].position)

    ui = open_learning(host, panel, folders / "kept")
    assert "makes the folder" in ui.summaryLabel.text
    ui.reviewerEdit.text, ui.commentEdit.text = "Dr. A", "easy"
    host.process_events(200)
    save(host, panel)
    assert said(panel)[-1].text == "Saved, to learn from."
    assert ui.summaryLabel.text == "Annotations: 1; images: 1, 0 of them held back. Spots"
    assert ui.commentEdit.text == "", "it was of this case"
    (kept,) = AnnotationStore(folders / "kept").current()
    assert (kept.reviewer, kept.comment, kept.model) == ("Dr. A", "easy", "")
    assert kept.seconds is not None and 0 < kept.seconds < 600
    for name in NAMES:
        assert kept.review.landmarks[name].position == pytest.approx(truth[name].position, abs=1e-6)
    assert AnnotationStore(folders / "kept").image_of(kept.image) == case.image_files[0]


def test_a_list_of_ones_own_can_be_changed(host, panel):
    panel.pages.show(panel.place)
    host.click(panel.place.ui.editListButton)
    type_list(panel, "Knees", [("A", "", "", ""), ("B", "", "", ""), ("C", "", "", "")])
    host.click(panel.place._editor.ui.saveListButton)
    host.click(panel.place.ui.editListButton)
    editor = panel.place._editor
    assert [row[0] for row in editor.rows()] == ["A", "B", "C"]
    editor.ui.rowTable.setCurrentCell(2, 0)
    host.click(editor.ui.upButton)
    host.click(editor.ui.addButton)
    editor.ui.rowTable.item(2, 0).setText("D")
    editor.ui.rowTable.setCurrentCell(0, 0)
    host.click(editor.ui.deleteButton)
    host.click(editor.ui.saveListButton)
    assert load_protocol("knees").names == ("c", "d", "b")


def test_positions_are_those_of_the_file_however_the_image_was_moved(host, panel, data, folders):
    case = data.cases[0]
    volume = load(case)
    truth = case.read_landmarks()
    node = show_detection(panel, volume, DETECTION.__class__(truth, "spots", "1.0.0"))
    add_transform(SHIFT, volume, node)
    host.process_events()
    panel.review.session.correct("round", truth["round"].position + SHIFT[:3, 3])
    open_learning(host, panel, folders / "kept")
    save(host, panel)
    assert not [one for one in said(panel) if one.kind == "error"], said(panel)
    (kept,) = AnnotationStore(folders / "kept").current()
    assert kept.review.landmarks["round"].position == pytest.approx(truth["round"].position, abs=1e-5)
    assert kept.review.landmarks["tall"].status is Status.DETECTED


def test_an_image_that_is_in_no_file_needs_a_copy(host, panel, folders):
    volume = add_volume("Mueller^Hans", np.random.default_rng(0).integers(0, 99, (4, 5, 6)).astype(np.int16))
    show_detection(panel, volume, DETECTION)
    panel.review.desk.accept()
    ui = open_learning(host, panel, folders / "kept")
    save(host, panel)
    assert "keep a copy of it in the store" in complaint(panel)
    assert not (folders / "kept").exists()
    ui.copyBox.checked = True
    save(host, panel)
    assert said(panel)[-1].text == "Saved, to learn from."
    text = "".join(
        file.read_bytes().decode("latin-1") for file in (folders / "kept").rglob("*") if file.is_file()
    )
    assert "Hans" not in text and len(list((folders / "kept" / "images").iterdir())) == 1


def test_the_time_counts_while_the_landmarks_are_before_a_person(host, panel):
    from LandmarkDetectionSlicer.logic.annotating import ReviewClock

    now = [0.0]
    panel.logic.clock = ReviewClock(lambda: now[0])
    first = show_detection(panel, add_volume("first"), DETECTION)
    now[0] = 10.0
    second = show_detection(panel, add_volume("second"), DETECTION)
    now[0] = 15.0
    host.exit("LandmarkDetection")
    now[0] = 100.0
    host.enter("LandmarkDetection")
    panel.showLandmarks(first)
    now[0] = 103.0
    assert panel.logic.clock.seconds(first.GetID()) == 13.0
    assert panel.logic.clock.seconds(second.GetID()) == 5.0


def test_a_patient_is_known_by_a_pseudonym(host, panel):
    import slicer
    from LandmarkDetectionSlicer.logic.annotating import imageFileOf, subjectOf

    volume = add_volume("scan")
    assert subjectOf(volume) == "" and imageFileOf(volume) is None
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "Mueller^Hans")
    hierarchy.SetItemAttribute(patient, "DICOM.PatientID", "4711")
    item = hierarchy.GetItemByDataNode(volume) or hierarchy.CreateItem(patient, volume)
    hierarchy.SetItemParent(item, patient)
    assert subjectOf(volume) == "4711"


def test_a_model_learns_is_compared_and_the_way_back_is_one_click(host, panel, data, trained, folders):
    shutil.copytree(trained, folders / "models")
    panel.refreshModels()
    panel.parameters.modelName = NAME
    kept = folders / "radiology" / "corrections"
    make_store(data, kept, shift_mm=2.0)
    ui = open_learning(host, panel, kept)
    ui.reviewerEdit.text = "Dr. A"
    assert ui.improveButton.enabled and ui.improveButton.text == "Improve blobs"
    assert not ui.backButton.visible and not ui.cancelButton.visible
    panel.learn.options = {"steps": STEPS}
    host.click(ui.improveButton)
    assert panel.learn.isLearning and ui.cancelButton.visible and not ui.improveButton.enabled
    host.wait_until(lambda: ui.learningProgressBar.value > 20, LEARNING_MS)
    host.click(ui.cancelButton)
    assert "goes on from here" in said(panel)[-1].text and ui.improveButton.enabled
    assert load_model(NAME).version == "1.0.0"
    host.click(ui.improveButton)
    host.wait_until(lambda: not panel.learn.isLearning, LEARNING_MS)
    assert said(panel)[-1].text.startswith("blobs 1.1.0 is in use. The new model is better; mean error"), (
        said(panel)
    )
    assert panel.detect.model.version == "1.1.0"
    assert ui.backButton.text == "Back to 1.0.0"
    host.click(ui.backButton)
    assert panel.detect.model.version == load_model(NAME).version == "1.0.0"
    assert not ui.backButton.visible

    panel.pages.show(panel.models)
    table = panel.models.ui.modelTable
    table.selectRow(next(row for row in range(table.rowCount) if table.item(row, 0).text() == NAME))
    assert panel.models.ui.goBackButton.text == "Use 1.1.0"
    host.click(panel.models.ui.goBackButton)
    assert load_model(NAME).version == "1.1.0"


def test_a_model_that_is_not_better_is_not_used_and_its_numbers_are_shown(host, panel, trained, folders):
    shutil.copytree(trained, folders / "models")
    panel.refreshModels()
    panel.parameters.modelName = NAME
    ui = open_learning(host, panel, folders / "kept")
    sentence = "The new model is not shown to be better, so the old one stays; mean error 2 mm instead of 1."
    answer = {"better": False, "model": NAME, "new version": None, "sentence": sentence}
    panel.learn._learner = worker_that(f"say(id=r['id'], event='done', result={answer!r})")
    host.click(ui.improveButton)
    host.wait_until(lambda: not panel.learn.isLearning)
    assert complaint(panel) == sentence
    assert load_model(NAME).version == "1.0.0"


def test_only_models_of_annotated_images_can_be_improved(host, panel, folders):
    panel.parameters.modelName = "whole-body-ct"
    ui = open_learning(host, panel, folders / "kept")
    assert not ui.improveButton.enabled and "train one below" in ui.improveButton.toolTip


def test_a_first_model_is_trained_from_what_was_annotated(host, panel, data, folders):
    make_store(data, folders / "kept", count=4)
    ui = open_learning(host, panel, folders / "kept")
    assert not ui.trainButton.enabled
    ui.newModelEdit.text = "My spots"
    host.click(ui.trainButton)
    host.wait_until(lambda: not panel.learn.isLearning, LEARNING_MS)
    assert "use lower case letters, digits and dashes" in complaint(panel)
    ui.newModelEdit.text = "my-spots"
    grid = {"shape": [64, 64], "spacing": None, "intensity": "standardise"}
    panel.learn.options = {"changes": {"steps": 2, "grid": grid}, "preset": "fcn-lite"}
    host.click(ui.trainButton)
    host.wait_until(lambda: not panel.learn.isLearning, LEARNING_MS)
    # Two steps teach nothing, and what learned nothing is not put in use.
    assert "was not installed" in complaint(panel) and "hardly better" in complaint(panel)
    panel.learn.options |= {"install": True}
    host.click(ui.trainButton)
    host.wait_until(lambda: not panel.learn.isLearning, LEARNING_MS)
    assert said(panel)[-1].text == "my-spots 1.0.0 is installed; its card says how well it works."
    assert panel.detect.model.name == "my-spots" and panel.detect.model.protocol.names == NAMES
    assert panel.parameters.modelName == "my-spots"
    panel.learn.ui.newModelEdit.text = "my-spots"
    host.click(ui.trainButton)
    host.wait_until(lambda: not panel.learn.isLearning, LEARNING_MS)
    assert "There is a model 'my-spots' already" in complaint(panel)
