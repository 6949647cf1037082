"""Whatever is wrong ends in one clear sentence in the panel, and the panel goes on working."""

import errno
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from Testing.Python.slicer_module.mrml_cases import DETECTION, add_volume, add_warp
from Testing.Python.slicer_module.panel_cases import (
    complaint,
    good_worker,
    open_panel,
    picture,
    press_detect,
    rows,
    said,
    show_detection,
    stored,
    wait_for_files,
    worker_that,
)

WAITS = "time.sleep(60)"


@pytest.fixture(autouse=True)
def quiet(capfd, caplog) -> Any:
    """No traceback reaches the console or the log."""
    yield
    assert "Traceback" not in capfd.readouterr().err
    assert not [record for record in caplog.get_records("call") if record.levelname == "ERROR"]


@pytest.fixture
def panel(host) -> Any:
    panel = open_panel(host)
    return panel


@pytest.fixture
def volume(host, panel) -> Any:
    volume = add_volume("scan", np.zeros((40, 50, 60), np.int16))
    host.process_events()
    assert panel.parameters.inputVolume is volume
    return volume


def detect(host: Any, panel: Any, worker: Any) -> None:
    """Click Detect with another background process, and wait for the end."""
    begin(host, panel, worker)
    host.wait_until(lambda: panel.detect.run is None)


def begin(host: Any, panel: Any, worker: Any) -> None:
    """Click Detect with another background process."""
    panel.logic.close()
    panel.logic._worker = worker
    press_detect(host, panel)


def still_works(host: Any, panel: Any) -> None:
    """Detect and review something, from where the panel is now."""
    assert not host.dialogs.texts()
    if panel.parameters.inputVolume is None:
        panel.parameters.inputVolume = add_volume("another", np.zeros((4, 5, 6), np.int16))
    assert panel.detect.ui.detectButton.enabled, said(panel)
    detect(host, panel, good_worker(DETECTION.to_record()))
    assert len(rows(panel)) == len(DETECTION.landmarks), said(panel)
    host.press_key("a")
    assert panel.review.ui.progressLabel.text == "1 of 4 reviewed"


# --- the image ------------------------------------------------------------------------------------------


def test_no_volume(host, panel):
    assert [message.text for message in said(panel)] == ["Load a CT scan, or the sample, to begin."]
    assert not panel.detect.ui.detectButton.enabled
    still_works(host, panel)


def test_several_volumes_and_none_chosen(host, panel):
    add_volume("one")
    add_volume("two")
    host.process_events()
    assert [message.text for message in said(panel)] == ["Select the volume to find landmarks in."]
    assert not panel.detect.ui.detectButton.enabled


def of_class(name: str, voxels: np.ndarray) -> Any:
    """A volume node of a class, with voxels (K, J, I) or (K, J, I, components)."""
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass(name, "odd")
    slicer.util.updateVolumeFromArray(node, voxels)
    return node


def several_values() -> Any:
    return of_class("vtkMRMLVectorVolumeNode", np.zeros((4, 5, 6, 3), np.uint8))


def time_points() -> Any:
    return of_class("vtkMRMLVectorVolumeNode", np.zeros((4, 5, 6, 20), np.int16))


def label_map() -> Any:
    return of_class("vtkMRMLLabelMapVolumeNode", np.zeros((4, 5, 6), np.uint8))


def no_image() -> Any:
    import slicer

    return slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "odd")


def one_slice() -> Any:
    return of_class("vtkMRMLScalarVolumeNode", np.zeros((1, 5, 6), np.int16))


def no_numbers() -> Any:
    return of_class("vtkMRMLScalarVolumeNode", np.full((4, 5, 6), np.nan))


def tiny_spacing() -> Any:
    node = add_volume("odd")
    node.SetSpacing(1e-9, 1e-9, 1e-9)
    return node


def flat_transform() -> Any:
    import slicer

    node = add_volume("odd")
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(np.diag([1.0, 1.0, 0.0, 1.0])))
    node.SetAndObserveTransformNodeID(transform.GetID())
    return node


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (several_values, "3 values per voxel"),
        (time_points, "20 values per voxel"),
        (label_map, "label map"),
        (no_image, "no image data"),
        (one_slice, "single image"),
        (no_numbers, "no numbers"),
        (tiny_spacing, "odd"),
        (flat_transform, "odd"),
    ],
)
def test_images_that_cannot_work_are_refused_by_name(host, panel, make, word):
    panel.parameters.inputVolume = make()
    host.process_events()
    assert word in complaint(panel) and complaint(panel).startswith("odd")
    assert not panel.detect.ui.detectButton.enabled
    panel.parameters.inputVolume = None
    still_works(host, panel)


def test_a_warped_volume_is_remarked_on_and_detected_all_the_same(host, panel, volume):
    add_warp(volume)
    panel.refresh()
    assert "non-linear transform" in said(panel)[0].text
    still_works(host, panel)


# --- while a detection runs -----------------------------------------------------------------------------


def test_the_volume_is_deleted_meanwhile(host, panel, volume):
    import slicer

    begin(host, panel, worker_that(WAITS))
    slicer.mrmlScene.RemoveNode(volume)
    host.wait_until(lambda: panel.detect.run is None)
    assert "removed from the scene" in complaint(panel)
    still_works(host, panel)


def test_the_volume_is_changed_meanwhile(host, panel, volume):
    begin(host, panel, worker_that(WAITS))
    host.process_events(200)
    volume.SetSpacing(3, 3, 3)
    host.wait_until(lambda: panel.detect.run is None)
    assert "changed or moved" in complaint(panel)
    still_works(host, panel)


def test_the_scene_is_closed_meanwhile(host, panel, volume):
    begin(host, panel, worker_that(WAITS))
    host.process_events(100)
    host.close_scene()
    assert complaint(panel) == "The scene was closed, so the detection was stopped."
    still_works(host, panel)


def test_detect_is_asked_for_twice(host, panel, volume):
    begin(host, panel, worker_that(WAITS))
    panel.detect.detect()
    assert "already running" in complaint(panel)
    host.click(panel.detect.ui.cancelButton)
    assert [message.kind for message in said(panel)] == ["information"]
    still_works(host, panel)


def test_the_background_process_is_killed(host, panel, volume):
    detect(host, panel, worker_that(f"os.kill(os.getpid(), {int(signal.SIGKILL)})"))
    assert "ended unexpectedly" in complaint(panel)
    still_works(host, panel)


def test_the_background_process_cannot_start(host, panel, volume):
    from LandmarkDetectionSlicer.process.worker import BackgroundWorker

    detect(host, panel, BackgroundWorker(["/nonexistent/python"]))
    assert "cannot be started" in complaint(panel)
    still_works(host, panel)


def test_a_defect_is_told_in_a_sentence_and_logged_in_full(host, panel, volume, caplog):
    trace = "Traceback (most recent call last):\\n  File ...\\nZeroDivisionError: division by zero"
    detect(host, panel, worker_that(f"say(id=r['id'], event='error', kind='Defect', message='{trace}')"))
    assert "division by zero" in complaint(panel)
    assert "Traceback" in caplog.text
    caplog.clear()
    still_works(host, panel)


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("MemoryError", "This computer has too little memory left for that; close other programs."),
        ("NoBodyError", "There is no body in scan; choose another volume or threshold."),
    ],
)
def test_what_the_background_process_refuses_is_shown_as_it_is(host, panel, volume, kind, sentence):
    detect(host, panel, worker_that(f"say(id=r['id'], event='error', kind={kind!r}, message={sentence!r})"))
    assert complaint(panel) == sentence
    picture(host, panel, "error")
    still_works(host, panel)


def test_the_panel_says_when_the_graphics_card_was_too_small(host, panel, volume):
    record = DETECTION.to_record()
    record["parameters"]["device_note"] = (
        "The graphics card has too little memory, so the processor was used."
    )
    detect(host, panel, good_worker(record))
    assert "so the processor was used." in panel.detect.message.text
    assert len(rows(panel)) == 4


# --- models and packages --------------------------------------------------------------------------------


def test_a_model_is_deleted_while_it_is_selected(host, panel, volume, tmp_path, monkeypatch, tiny_model):
    import shutil

    monkeypatch.setenv("LANDMARK_DETECTION_MODELS", str(tmp_path))
    shutil.copytree(tiny_model, tmp_path / "tiny-model")
    panel.parameters.modelName = "tiny-model"
    panel.refreshModels()
    assert panel.detect.model.name == "tiny-model"
    shutil.rmtree(tmp_path / "tiny-model")
    press_detect(host, panel)
    host.wait_until(lambda: panel.detect.run is None, 60_000)
    assert "There is no model 'tiny-model'" in complaint(panel)
    panel.parameters.modelName = "whole-body-ct"
    panel.refreshModels()
    still_works(host, panel)


def test_the_chosen_model_is_damaged(host, panel, volume, tmp_path, monkeypatch, tiny_model):
    import shutil

    monkeypatch.setenv("LANDMARK_DETECTION_MODELS", str(tmp_path))
    shutil.copytree(tiny_model, tmp_path / "tiny-model")
    panel.parameters.modelName = "tiny-model"
    (tmp_path / "tiny-model" / "configs" / "protocol.json").unlink()
    panel.refreshModels()
    assert "protocol.json is missing" in complaint(panel)
    panel.detect.ui.modelSelector.currentIndex = [one.name for one in panel.detect._models].index("hand")
    still_works(host, panel)


def test_the_model_of_a_loaded_scene_is_not_installed(host, panel, volume):
    panel.parameters.modelName = "of-somebody-else"
    assert "of-somebody-else is not installed" in complaint(panel)
    assert not panel.detect.ui.detectButton.enabled
    panel.detect.ui.modelSelector.currentIndex = [one.name for one in panel.detect._models].index("hand")
    still_works(host, panel)


@pytest.fixture
def without_pydantic(monkeypatch) -> Any:
    """As Slicer is when the extension was just installed."""
    from LandmarkDetectionSlicer.process import packages

    pydantic = packages.Package("pydantic>=2.6", "checks models", 3)
    monkeypatch.setattr(packages, "missingPackages", lambda: (pydantic,))
    monkeypatch.setitem(sys.modules, "LandmarkDetectionLib.models", None)
    monkeypatch.setitem(sys.modules, "LandmarkDetectionLib.core.protocol", None)
    return monkeypatch


def test_packages_are_missing_and_installing_is_declined(host, without_pydantic):
    panel = open_panel(host)
    add_volume("scan")
    host.process_events()
    assert "pydantic" in complaint(panel)
    assert panel.detect.ui.installButton.visible and not panel.detect.ui.detectButton.enabled
    assert panel.detect.ui.modelSelector.count == 0
    host.dialogs.answer(False)
    host.click(panel.detect.ui.installButton)
    assert "Nothing was installed" in complaint(panel)
    host.dialogs.clear()


def test_after_the_first_installation_everything_is_ready(host, without_pydantic):
    from LandmarkDetectionSlicer.process import packages

    panel = open_panel(host)
    add_volume("scan")
    host.process_events()
    without_pydantic.setattr(packages, "ensurePackages", lambda: without_pydantic.undo())
    host.click(panel.detect.ui.installButton)
    assert said(panel) == []
    assert panel.detect.model.name == "whole-body-ct"
    assert panel.detect.ui.detectButton.enabled and not panel.detect.ui.installButton.visible
    assert panel.place.ui.protocolSelector.findText("Whole body") >= 0
    still_works(host, panel)


def test_the_extension_pytorch_is_missing(host, panel, volume, monkeypatch):
    from LandmarkDetectionSlicer.process import packages

    monkeypatch.setattr(packages, "missingPackages", lambda: (packages.TORCH,))
    panel.refreshModels()
    host.click(panel.detect.ui.installButton)
    assert "install the extension PyTorch" in complaint(panel)
    monkeypatch.undo()
    panel.refreshModels()
    panel.detect.forgetOutcome()
    panel.refresh()
    still_works(host, panel)


def test_the_sample_is_missing(host, panel, monkeypatch, tmp_path):
    from LandmarkDetectionSlicer.scene import sample_data

    monkeypatch.setattr(sample_data, "resource_path", lambda *parts: tmp_path / "gone.nrrd")
    host.click(panel.detect.ui.sampleButton)
    assert "install the extension again" in complaint(panel)
    host.errors.clear()  # VTK's own words about the file
    still_works(host, panel)


# --- files ----------------------------------------------------------------------------------------------


@pytest.fixture
def node(panel, volume) -> Any:
    return show_detection(panel, volume, DETECTION)


def export(host: Any, panel: Any, path: Path) -> None:
    host.dialogs.answer_file(path)
    panel.review.actions.save.trigger()
    wait_for_files(host, panel)


def read(host: Any, panel: Any, path: Path) -> None:
    host.dialogs.answer_file(path)
    panel.review.actions.open.trigger()
    wait_for_files(host, panel)


def exports_again(host: Any, panel: Any, folder: Path) -> None:
    """Saving elsewhere works after all."""
    export(host, panel, folder / "again.csv")
    assert (folder / "again.csv").is_file()
    assert [message.kind for message in said(panel)] == ["information"]


def test_the_disk_is_full(host, panel, node, tmp_path, monkeypatch):
    from LandmarkDetectionLib import files

    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "_flush", full)
    export(host, panel, tmp_path / "case.mrk.json")
    assert "no space left" in complaint(panel)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    exports_again(host, panel, tmp_path)


def test_the_folder_is_read_only(host, panel, node, tmp_path, monkeypatch):
    from LandmarkDetectionLib import files

    def denied(target: Path, mode: int) -> Path:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(files, "_new_file", denied)
    export(host, panel, tmp_path / "case.csv")
    assert "choose a folder you may write to" in complaint(panel)
    monkeypatch.undo()
    exports_again(host, panel, tmp_path)


def test_the_folder_is_gone(host, panel, node, tmp_path):
    export(host, panel, tmp_path / "gone" / "case.csv")
    assert "does not exist" in complaint(panel)
    exports_again(host, panel, tmp_path)


def test_the_kind_of_file_is_unknown(host, panel, node, tmp_path):
    export(host, panel, tmp_path / "case.docx")
    assert "unknown kind of file" in complaint(panel)
    exports_again(host, panel, tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cut.mrk.json", b'{"markups": [{"type": "Fiducial", "controlPoints": [{'),
        ("foreign.json", b'{"Modality": "MR", "EchoTime": 0.03}'),
        ("foreign.csv", b"patient;age\n1;44\n"),
        ("image.nrrd", b"NRRD0005\ntype: short\n"),
        ("picture.json", b"\x89PNG\r\n\x1a\n\x00\x00"),
        ("empty.fcsv", b""),
    ],
)
def test_what_cannot_be_imported(host, panel, node, tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    read(host, panel, tmp_path / name)
    assert name in complaint(panel)
    assert panel.parameters.landmarks is node
    exports_again(host, panel, tmp_path)


# --- with a review that must not be lost ----------------------------------------------------------------

DIES = f"os.kill(os.getpid(), {int(signal.SIGKILL)})"
CUT_OFF = """sys.stdout.write('{"id": 1, "event": "do'); sys.stdout.flush(); os._exit(1)"""


def refuses(kind: str, sentence: str) -> str:
    return f"say(id=r['id'], event='error', kind={kind!r}, message={sentence!r})"


def again(host: Any, panel: Any, folder: Path) -> None:
    """Detect once more."""
    panel.review.actions.detectAgain.trigger()


def near(host: Any, panel: Any, folder: Path) -> None:
    """Look for the left knee near a click."""
    panel.review.select("knee_left")
    host.press_key("f")
    panel.review.desk.findNear._picker._node.AddControlPointWorld([0.0, 0.0, 0.0])


def draw(host: Any, panel: Any, folder: Path) -> None:
    """Save a picture of the case."""
    export(host, panel, folder / "case.png")


SITUATIONS = {
    "detecting again, the process dies": (again, DIES, "ended unexpectedly"),
    "detecting again, its answer is cut off": (again, CUT_OFF, "ended unexpectedly"),
    "detecting again, its answer is no detection": (
        again,
        "say(id=r['id'], event='done', result={'landmarks': 'none'})",
        "cannot be read",
    ),
    "detecting again, there is no memory left": (
        again,
        refuses("MemoryError", "There is too little memory left; close other programs."),
        "close other programs",
    ),
    "detecting again, there is no body any more": (
        again,
        refuses("NoBodyError", "There is no body in scan; choose another volume."),
        "no body in scan",
    ),
    "finding near a click, the process dies": (near, DIES, "ended unexpectedly"),
    "finding near a click beside the scan": (
        near,
        refuses("InputError", "The place lies outside the scan; click on the body."),
        "outside the scan",
    ),
    "finding near a click, nothing is there": (
        near,
        "say(id=r['id'], event='done', result="
        "{'name': 'knee_left', 'status': 'absent', 'position': None, 'confidence': 0.1})",
        "drag the point instead",
    ),
    "finding near a click, the answer is no landmark": (
        near,
        "say(id=r['id'], event='done', result={'place': 'here'})",
        "cannot be read",
    ),
    "saving a picture, the process dies": (draw, DIES, "ended unexpectedly"),
    "saving a picture on a full disk": (
        draw,
        refuses("OutputError", "There is no space left for case.png; make room and try again."),
        "no space left",
    ),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_review_survives_what_goes_wrong_beside_it(host, panel, node, tmp_path, situation):
    act, script, words = SITUATIONS[situation]
    host.press_key("a")
    before, table = stored(node).to_record(), rows(panel)
    panel.logic.close()
    panel.logic._worker = worker_that(script)
    act(host, panel, tmp_path)
    host.wait_until(lambda: any(one.kind in ("warning", "error") for one in said(panel)), 60_000)
    assert words in complaint(panel)
    assert panel.parameters.landmarks is node
    assert stored(node).to_record() == before and rows(panel) == table
    host.press_key("m")
    assert panel.review.ui.progressLabel.text == "2 of 4 reviewed"
    assert list(tmp_path.iterdir()) == []
