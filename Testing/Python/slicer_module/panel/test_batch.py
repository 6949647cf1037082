"""Many cases in the panel: run in the background, reviewed worst first, and saved before they are left."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from LandmarkDetectionLib.cohort.results.records import read_cohort
from LandmarkDetectionLib.cohort.results.reviews import read_case_review, review_path, write_case_review
from LandmarkDetectionLib.cohort.results.verdicts import read_log
from LandmarkDetectionLib.core.landmarks import Status
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.io.records import read_review
from LandmarkDetectionLib.io.shared_review import Mark
from LandmarkDetectionLib.io.volumes import write_volume
from LandmarkDetectionLib.quality.triage import landmarks_by_priority
from Testing.examples.cohort_cases import make_results, write_results
from Testing.Python.slicer_module.panel_cases import complaint, drag, open_panel, picture, said

MODEL = "whole-body"
COUNT = len(load_protocol("whole-body").names)
LISTING_MS = 60_000
RUNNING_MS = 240_000


@pytest.fixture(scope="module")
def results() -> list[Any]:
    return make_results(6, seed=2, share_failed=0.2)


@pytest.fixture
def folder(results, tmp_path) -> Path:
    """A cohort of six cases, some failed, whose images are where the key file says."""
    folder = tmp_path / "results"
    write_results(folder, results, total=7)
    images = tmp_path / "images"
    images.mkdir()
    lines = ["code,source"]
    for one in results:
        image = images / f"patient-{one.case}.nrrd"
        write_volume(Volume(np.zeros((4, 5, 6), np.int16), np.diag([2.0, 2.0, 3.0, 1.0])), image)
        lines.append(f"{one.case},{image}")
    (tmp_path / "results-key.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def panel(host) -> Any:
    """The panel with the page Batch in front."""
    panel = open_panel(host)
    panel.pages.show(panel.batch)
    host.process_events()
    return panel


@pytest.fixture
def listed(host, panel, folder, results) -> Any:
    """The panel with the cases of the cohort."""
    panel.batch.ui.outEdit.text = str(folder)
    panel.batch.ui.outEdit.editingFinished.emit()
    host.wait_until(lambda: panel.batch.cases.records, LISTING_MS)
    return panel


def listed_cases(panel: Any) -> list[tuple[str, ...]]:
    table = panel.batch.ui.caseTable
    return [tuple(table.item(row, column).text() for column in range(4)) for row in range(table.rowCount)]


def open_case(host: Any, panel: Any, row: int = 0) -> str:
    """Double-click a row; returns the case."""
    panel.batch.ui.caseTable.cellActivated.emit(row, 0)
    host.wait_until(lambda: not panel.batch.review.isLoading, LISTING_MS)
    return panel.batch.review.current.case


def review_of(folder: Path, case: str) -> Any:
    return read_case_review(read_cohort(folder), case, MODEL)


def volumes(host: Any) -> list[str]:
    import slicer

    return [node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")]


def picture_of_batch(host: Any, panel: Any, name: str) -> None:
    """A screenshot for the documentation, with folders as a person would have them."""
    edits = panel.batch.ui.sourceEdit, panel.batch.ui.outEdit
    before = [edit.text for edit in edits]
    for edit, text in zip(edits, ("/data/study/scans", "/data/study/landmarks"), strict=True):
        edit.text = text
    picture(host, panel, name)
    for edit, text in zip(edits, before, strict=True):
        edit.text = text


# --- the list -----------------------------------------------------------------------------------------------


def test_the_page_is_made_when_it_is_opened_and_not_before(host):
    panel = open_panel(host)
    assert panel.batch.ui is None
    host.close_scene()
    host.exit("LandmarkDetection")
    host.enter("LandmarkDetection")
    assert panel.batch.ui is None
    panel.pages.show(panel.batch)
    host.process_events()
    assert panel.batch.ui.startBatchButton.visible


def test_cases_are_listed_worst_first_with_failures_last(host, listed, results):
    shown = listed_cases(listed)
    failed = {one.case for one in results if one.reason}
    assert len(shown) == 6 and {case for case, *_ in shown[-len(failed) :]} == failed
    doubts = [float(doubt) for _, doubt, _, _ in shown[: -len(failed)]]
    assert doubts == sorted(doubts, reverse=True)
    assert [state for *_, state in shown[-len(failed) :]] == ["failed"] * len(failed)
    table = listed.batch.ui.caseTable
    reasons = {one.case: one.reason for one in results}
    assert table.item(5, 0).toolTip() == reasons[shown[5][0]]
    text = listed.batch.ui.casesLabel.text
    assert text == f"0 of {6 - len(failed)} reviewed, {len(failed)} without a result, 1 not started"
    assert listed.batch.ui.startBatchButton.text == "Continue"


def test_a_folder_that_holds_no_cohort_can_be_started_and_lists_nothing(host, panel, tmp_path):
    panel.batch.ui.outEdit.text = str(tmp_path / "new")
    panel.batch.ui.outEdit.editingFinished.emit()
    assert panel.batch.ui.startBatchButton.text == "Start" and not panel.batch.ui.casesArea.visible
    assert not panel.batch.ui.startBatchButton.enabled
    assert panel.batch.ui.startBatchButton.toolTip == "Choose the folder of the images."
    assert panel.batch.ui.keyEdit.placeholderText == str(tmp_path / "new-key.csv")


def test_a_damaged_cohort_is_refused_in_one_sentence(host, panel, folder):
    (folder / "cohort.json").write_text("{")
    panel.batch.ui.outEdit.text = str(folder)
    panel.batch.ui.outEdit.editingFinished.emit()
    host.wait_until(lambda: panel.batch.message.kind == "error", LISTING_MS)
    assert "cohort.json" in complaint(panel)


# --- reviewing ----------------------------------------------------------------------------------------------


def test_a_case_is_opened_under_its_code_and_saved_before_the_next_is_opened(host, listed, folder):
    panel = listed
    first = open_case(host, panel)
    assert volumes(host) == [first], "no name of a patient enters the scene"
    assert panel.review.session is not None and len(panel.review.review.landmarks) == COUNT
    assert panel.parameters.inputVolume.GetName() == first
    before = read_cohort(folder).path(first, MODEL).read_bytes()
    host.press_key("a")
    best = panel.review.review.landmarks.names.index(landmarks_by_priority(panel.review.review)[-1])
    drag(panel.parameters.landmarks, best, [1.0, 2.0, 3.0])
    panel.pages.show(panel.batch)
    host.click(panel.batch.ui.nextCaseButton)
    second = panel.batch.review.current.case
    assert second == listed_cases(panel)[1][0] and volumes(host) == [second]
    saved = review_of(folder, first)
    assert len(saved.reviewed) == 2
    assert saved.landmarks.landmarks[best].position == pytest.approx([1, 2, 3])
    assert saved.landmarks.landmarks[best].status is Status.CORRECTED
    assert read_cohort(folder).path(first, MODEL).read_bytes() == before, "the prediction is as it was"
    assert not review_path(read_cohort(folder), second, MODEL).exists(), "opened only, not reviewed"
    assert listed_cases(panel)[0][3] == f"2/{COUNT}"


def test_going_back_shows_what_was_said_before(host, listed, folder):
    first = open_case(host, listed)
    host.press_key("a")
    host.press_key(listed_key("N"), shift())
    assert listed.batch.review.current.case != first
    host.press_key(listed_key("P"), shift())
    assert listed.batch.review.current.case == first
    assert listed.review.ui.progressLabel.text == f"1 of {COUNT} reviewed"
    assert not listed.batch.ui.previousCaseButton.enabled and listed.batch.ui.nextCaseButton.enabled


def listed_key(letter: str) -> Any:
    import qt

    return getattr(qt.Qt, f"Key_{letter}")


def shift() -> Any:
    import qt

    return qt.Qt.ShiftModifier


def test_undo_does_not_reach_into_the_case_before(host, listed):
    open_case(host, listed)
    host.press_key("a")
    second = open_case(host, listed, 1)
    listed.review.desk.undo()
    host.process_events()
    assert volumes(host) == [second] and listed.review.review.reviewed == ()


def test_what_was_said_is_saved_a_moment_later_without_leaving(host, listed, folder):
    first = open_case(host, listed)
    host.press_key("a")
    assert review_of(folder, first).reviewed == ()
    host.wait_until(lambda: len(review_of(folder, first).reviewed) == 1)
    listed.review.desk.undo()
    host.wait_until(lambda: review_of(folder, first).reviewed == ())


def test_a_finished_case_is_ticked_and_makes_room_among_the_open_ones(host, listed, folder):
    first = open_case(host, listed)
    for _ in range(COUNT):
        host.press_key("a")
    assert listed.batch.review.save()
    assert listed_cases(listed)[0][3] == "✓" and listed.batch.ui.casesLabel.text.startswith("1 of ")
    assert listed.review.ui.nextCaseButton.visible and not listed.review.ui.saveButton.visible
    listed.pages.show(listed.batch)
    picture_of_batch(host, listed, "batch-review")
    host.click(listed.batch.ui.openCasesBox)
    shown = [case for case, *_ in listed_cases(listed)]
    assert first not in shown and all(state != "failed" for *_, state in listed_cases(listed))


def test_a_case_that_cannot_be_saved_stays_open_and_nothing_is_lost(host, listed, folder):
    first = open_case(host, listed)
    shutil.rmtree(folder / "reviews")  # with the mark that the case is open
    (folder / "reviews").write_text("a file where the folder should be")
    host.press_key("a")
    listed.batch.goToNext()
    assert listed.batch.review.current.case == first and volumes(host) == [first]
    assert "the review is not saved" in complaint(listed)
    (folder / "reviews").unlink()
    listed.batch.goToNext()
    assert listed.batch.review.current.case != first
    assert len(review_of(folder, first).reviewed) == 1


def test_what_somebody_else_saved_is_told_and_both_are_kept(host, listed, folder):
    first = open_case(host, listed)
    model = listed.batch.review.current.model
    path = review_path(read_cohort(folder), first, model)
    other = review_of(folder, first)
    write_case_review(read_cohort(folder), first, model, other.mark_missing(other.landmarks.names[0]))
    theirs = path.read_bytes()
    host.press_key("a")
    assert not listed.batch.review.save()
    assert "Somebody else has saved this review meanwhile" in complaint(listed)
    assert path.read_bytes() == theirs
    assert listed.batch.review.leave()
    kept = read_review(path.with_name(f"{model}-not-merged-1.json"))
    assert path.read_bytes() == theirs and len(kept.reviewed) == 1


def test_a_case_that_somebody_has_open_says_who(host, listed, folder):
    case, model = listed_cases(listed)[0][0], read_cohort(folder).settings.models[0].name
    mark = Mark(review_path(read_cohort(folder), case, model), "Anna")
    mark.renew()
    assert open_case(host, listed) == case
    assert listed.batch.message.text.startswith("Anna has had this case open since")


@pytest.mark.parametrize("end", ["scene", "module", "unload"])
def test_a_review_is_saved_when_the_scene_or_the_module_goes(host, listed, folder, end):
    first = open_case(host, listed)
    host.press_key("a")
    if end == "scene":
        host.close_scene()
        assert listed.batch.review.current is None
    elif end == "module":
        host.exit("LandmarkDetection")
    else:
        listed.cleanup()
    assert len(review_of(folder, first).reviewed) == 1


def test_a_click_into_the_field_of_the_results_closes_no_case(host, listed):
    first = open_case(host, listed)
    listed.batch.ui.outEdit.editingFinished.emit()
    assert listed.batch.review.current.case == first and listed_cases(listed)


def test_other_results_close_the_case_after_saving_it(host, listed, folder, tmp_path):
    first = open_case(host, listed)
    host.press_key("a")
    listed.batch.ui.outEdit.text = str(tmp_path / "new")
    listed.batch.ui.outEdit.editingFinished.emit()
    assert listed.batch.review.current is None and volumes(host) == [] and not listed_cases(listed)
    assert len(review_of(folder, first).reviewed) == 1


def test_a_failed_case_has_nothing_to_open_and_is_passed_over(host, listed):
    rows = listed_cases(listed)
    last_done = max(row for row, cells in enumerate(rows) if cells[3] != "failed")
    listed.batch.ui.caseTable.selectRow(len(rows) - 1)
    assert not listed.batch.ui.openCaseButton.enabled
    open_case(host, listed, last_done)
    assert not listed.batch.ui.nextCaseButton.enabled


def test_a_case_whose_image_is_gone_says_so_and_leaves_the_scene_alone(host, listed, tmp_path):
    case = listed_cases(listed)[0][0]
    (tmp_path / "images" / f"patient-{case}.nrrd").unlink()
    listed.batch.ui.caseTable.cellActivated.emit(0, 0)
    assert case in complaint(listed) and "not where it was" in complaint(listed)
    assert volumes(host) == [] and listed.batch.review.current is None


def test_without_the_key_file_no_image_can_be_opened(host, listed, tmp_path):
    (tmp_path / "results-key.csv").unlink()
    listed.batch.ui.caseTable.cellActivated.emit(0, 0)
    assert "without the key file" in complaint(listed)
    (tmp_path / "other.csv").write_text("code,source\nnobody,/nowhere\n")
    listed.batch.ui.keyEdit.text = str(tmp_path / "other.csv")
    listed.batch.ui.caseTable.cellActivated.emit(0, 0)
    assert "other.csv does not say" in complaint(listed)


@pytest.mark.parametrize("kind", ["path below the source", "file's name"])
def test_a_study_may_name_images_in_other_ways(host, listed, tmp_path, kind):
    case = listed_cases(listed)[0][0]
    (tmp_path / "images" / "deep").mkdir()
    (tmp_path / "images" / f"patient-{case}.nrrd").rename(tmp_path / "images" / "deep" / "scan[1].nrrd")
    source = "deep/scan[1].nrrd" if kind == "path below the source" else "scan[1].nrrd"
    (tmp_path / "results-key.csv").write_text(f"code,source\n{case},{source}\n")
    listed.batch.ui.sourceEdit.text = str(tmp_path / "images")
    assert open_case(host, listed) == case


def test_an_image_that_slicer_does_not_read_comes_through_the_library(host, listed, tmp_path):
    from LandmarkDetectionLib.io.volumes import write_dicom

    case = listed_cases(listed)[0][0]
    series = tmp_path / "images" / "series"
    write_dicom(Volume(np.arange(120, dtype=np.int16).reshape(4, 5, 6), np.diag([2.0, 2, 3, 1])), series)
    (tmp_path / "results-key.csv").write_text(f"code,source\n{case},{series}\n")
    assert open_case(host, listed) == case
    import slicer

    node = slicer.util.getNode(case)
    assert slicer.util.arrayFromVolume(node).sum() == np.arange(120).sum()
    assert node.GetSpacing() == pytest.approx((2.0, 2.0, 3.0))


def test_the_command_of_the_report_opens_a_case(host, listed, folder):
    import slicer

    case = listed_cases(listed)[1][0]
    slicer.util.selectModule = lambda name: host.enter(name)
    try:
        slicer.modules.LandmarkDetectionInstance.openCohort(str(folder), case)
    finally:
        del slicer.util.selectModule
    assert volumes(host) == [case]


def test_the_report_is_written_anew_and_shown(host, listed, folder):
    open_case(host, listed)
    host.press_key("a")
    listed.pages.show(listed.batch)
    host.click(listed.batch.ui.reportButton)
    host.wait_until(lambda: host.dialogs.texts("url"), LISTING_MS)
    assert host.dialogs.texts("url")[0].endswith("/results/report.html")
    assert (folder / "report.html").is_file()


# --- running ------------------------------------------------------------------------------------------------


def engine(monkeypatch: Any, program: str) -> None:
    """A command in the place of the engine's."""
    from LandmarkDetectionSlicer.logic import batch

    head = "import json, sys, time, os, signal\ndef say(**event): print(json.dumps(event), flush=True)\n"
    command = [sys.executable, "-c", head + program]
    monkeypatch.setattr(batch.BatchRequest, "command", lambda self: command)


def ready(panel: Any, tmp_path: Path, out: str = "out") -> Any:
    """The section filled in."""
    (tmp_path / "scans").mkdir(exist_ok=True)
    ui = panel.batch.ui
    ui.sourceEdit.text = str(tmp_path / "scans")
    ui.outEdit.text = str(tmp_path / out)
    assert ui.startBatchButton.enabled, ui.startBatchButton.toolTip
    return ui


def test_progress_is_shown_and_the_end_is_told(host, panel, tmp_path, monkeypatch):
    engine(
        monkeypatch,
        "say(event='looking', text='x')\nsay(event='start', total=4, done=1, failed=0, set_aside=0)\n"
        "say(event='case', total=4, done=2, failed=1, set_aside=0, key='a', seconds_left=150)\n"
        "time.sleep(1)\nsay(event='end', total=4, done=3, failed=1, set_aside=0, seconds=5.0)",
    )
    ui = ready(panel, tmp_path)
    host.click(ui.startBatchButton)
    assert ui.cancelBatchButton.visible and not ui.startBatchButton.visible and not ui.sourceEdit.enabled
    host.wait_until(lambda: ui.batchProgressBar.value == 3)
    assert panel.batch.message.text == "3 of 4 cases, 1 failed, about 2 min left."
    picture_of_batch(host, panel, "batch-running")
    host.wait_until(lambda: panel.batch.run is None)
    assert said(panel)[-1].text == "4 cases in 5 s: 3 done, 1 failed."
    assert ui.startBatchButton.visible and ui.sourceEdit.enabled


def test_cancel_asks_the_engine_to_end_and_says_what_stays(host, panel, tmp_path, monkeypatch):
    mark = tmp_path / "ended"
    engine(
        monkeypatch,
        f"signal.signal(signal.SIGTERM, lambda *_: (open({str(mark)!r}, 'w').close(), sys.exit(130)))\n"
        "say(event='start', total=4, done=0, failed=0, set_aside=0)\ntime.sleep(60)",
    )
    ui = ready(panel, tmp_path)
    host.click(ui.startBatchButton)
    host.wait_until(lambda: "0 of 4" in panel.batch.message.text)
    host.click(ui.cancelBatchButton)
    host.wait_until(lambda: panel.batch.run is None)
    assert mark.exists() and panel.batch.message.kind == "information"
    assert "what is finished stays" in panel.batch.message.text


def test_an_engine_that_does_not_end_when_asked_is_killed(host, panel, tmp_path, monkeypatch):
    from LandmarkDetectionSlicer.logic import batch

    monkeypatch.setattr(batch, "PATIENCE_MS", 300)
    engine(
        monkeypatch,
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "say(event='start', total=4, done=0, failed=0, set_aside=0)\ntime.sleep(60)",
    )
    ui = ready(panel, tmp_path)
    host.click(ui.startBatchButton)
    host.wait_until(lambda: "0 of 4" in panel.batch.message.text)
    host.click(ui.cancelBatchButton)
    host.wait_until(lambda: panel.batch.run is None)
    assert "Cancelled" in panel.batch.message.text


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (
            "say(event='error', kind='OutputError', message='The disk is full.', exit_code=5)",
            "The disk is full.",
        ),
        ("sys.exit('No module named dask')", "No module named dask"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "it was killed"),
    ],
)
def test_what_stops_the_engine_is_told_in_one_sentence(host, panel, tmp_path, monkeypatch, program, words):
    engine(monkeypatch, program)
    host.click(ready(panel, tmp_path).startBatchButton)
    host.wait_until(lambda: panel.batch.run is None)
    assert words in complaint(panel)


def test_unloading_the_module_ends_the_batch_and_saves_nothing_twice(host, panel, tmp_path, monkeypatch):
    mark = tmp_path / "alive"
    engine(
        monkeypatch,
        "say(event='start', total=4, done=0, failed=0, set_aside=0)\n"
        f"while True: open({str(mark)!r}, 'w').write(str(time.time())); time.sleep(0.05)",
    )
    host.click(ready(panel, tmp_path).startBatchButton)
    host.wait_until(mark.exists)
    panel.cleanup()
    host.process_events(300)
    before = mark.read_text()
    host.process_events(300)
    assert mark.read_text() == before and panel.batch.run is None


def test_the_engine_is_started_with_what_was_chosen_and_it_is_remembered(host, panel, tmp_path, monkeypatch):
    from LandmarkDetectionSlicer.logic import batch

    commands = []

    class Recorded(batch.BatchRun):
        def __init__(self, command: Any, *callbacks: Any) -> None:
            commands.append(command)
            super().__init__([sys.executable, "-c", ""], *callbacks)

    monkeypatch.setattr(batch, "BatchRun", Recorded)
    ui = ready(panel, tmp_path)
    ui.workersBox.value = 3
    host.click(ui.startBatchButton)
    host.wait_until(lambda: panel.batch.run is None)
    words = commands[0][commands[0].index("batch") :]
    assert words == [
        *("batch", str(tmp_path / "scans"), "--out", str(tmp_path / "out"), "--model", "whole-body-ct"),
        *("--key", str(tmp_path / "out-key.csv"), "--workers", "3", "--progress", "json"),
    ]
    import slicer

    assert slicer.app.userSettings().value("LandmarkDetection/Batch/Source") == str(tmp_path / "scans")


def test_a_folder_is_run_for_real_stopped_gone_on_with_and_reviewed(host, tmp_path, phantom):
    """With the engine itself: two good scans and a damaged one."""
    pytest.importorskip("distributed", reason="the engine needs dask: pip install .[batch]")
    scans = tmp_path / "scans"
    scans.mkdir()
    for name in ("anna", "bert"):
        write_volume(phantom[0], scans / f"{name}.nii.gz")
    (scans / "carl.nii.gz").write_bytes(b"no image at all")
    panel = open_panel(host)
    panel.pages.show(panel.batch)
    ui = panel.batch.ui
    ui.sourceEdit.text, ui.outEdit.text = str(scans), str(tmp_path / "out")
    ui.workersBox.value = 1
    host.click(ui.startBatchButton)
    host.wait_until(lambda: "of 3 cases" in panel.batch.message.text, RUNNING_MS)
    host.click(ui.cancelBatchButton)
    host.wait_until(lambda: panel.batch.run is None, RUNNING_MS)
    assert panel.batch.message.kind == "information", panel.batch.message.text
    host.process_events()
    assert ui.startBatchButton.text == "Continue"
    host.click(ui.startBatchButton)
    host.wait_until(lambda: panel.batch.run is None, RUNNING_MS)
    assert "3 cases" in panel.batch.message.text and "2 done, 1 failed" in panel.batch.message.text
    host.wait_until(lambda: panel.batch.cases.counts() == (2, 0, 1), LISTING_MS)
    assert (tmp_path / "out" / "report.html").is_file()
    manifest = json.loads((tmp_path / "out" / "run.manifest.json").read_text())
    assert (manifest["command"], manifest["models"][0]["name"]) == ("batch", "whole-body-ct")
    assert [(one["role"], one["files"]) for one in manifest["inputs"]] == [("cases", 3)]
    case = open_case(host, panel)
    host.press_key("a")
    panel.batch.goToNext()
    assert len(read_case_review(read_cohort(tmp_path / "out"), case, "whole-body-ct").reviewed) == 1
    told = "".join(path.read_text() for path in (tmp_path / "out").rglob("*.js"))
    assert not any(name in told + (tmp_path / "out" / "report.html").read_text() for name in ("anna", "bert"))


# --- verdicts and what is read beforehand -------------------------------------------------------------------


def press_shift(host: Any, key: str) -> None:
    """Press a key with Shift."""
    import qt

    host.press_key(getattr(qt.Qt, f"Key_{key}"), qt.Qt.ShiftModifier)


def verdicts(panel: Any) -> list[str]:
    table = panel.batch.ui.caseTable
    return [table.item(row, 4).text() for row in range(table.rowCount)]


def become(panel: Any, reader: str) -> None:
    panel.batch.ui.readerEdit.text = reader
    panel.batch.ui.readerEdit.editingFinished.emit()


def log_of(folder: Path) -> list[tuple[str, str, str]]:
    return [(one.by, one.did.value, one.case) for one in read_log(folder)]


def test_a_key_gives_a_verdict_notes_it_and_opens_the_next_case(host, listed, folder):
    become(listed, "Ada")
    first = open_case(host, listed)
    press_shift(host, "A")
    host.wait_until(lambda: listed.batch.review.current.case != first, LISTING_MS)
    second = listed.batch.review.current.case
    press_shift(host, "D")
    assert verdicts(listed)[:3] == ["accepted", "doubtful", ""]
    assert ("Ada", "verdict", first) in log_of(folder) and ("Ada", "verdict", second) in log_of(folder)
    assert next(one for one in log_of(folder) if one[1] == "opened") == ("Ada", "opened", first)
    assert {one.verdict.value for one in read_log(folder) if one.verdict} == {"accept", "doubt"}


def test_a_verdict_is_taken_back_and_its_case_comes_back(host, listed, folder):
    become(listed, "Ada")
    first = open_case(host, listed)
    host.click(listed.batch.ui.rejectCaseButton)
    press_shift(host, "Z")
    host.wait_until(lambda: listed.batch.review.current.case == first, LISTING_MS)
    assert verdicts(listed)[0] == "" and log_of(folder)[-1] == ("Ada", "withdrew", first)
    press_shift(host, "Z")
    assert "no verdict" in listed.batch.message.text


def test_a_second_reader_reads_blind_and_sees_both_verdicts_afterwards(host, listed):
    become(listed, "Ada")
    open_case(host, listed)
    press_shift(host, "A")
    become(listed, "Ben")
    assert verdicts(listed)[0] == "1 reader"
    host.click(listed.batch.ui.secondReadingBox)
    assert len(listed_cases(listed)) == 1
    open_case(host, listed)
    press_shift(host, "R")
    host.click(listed.batch.ui.secondReadingBox)
    assert verdicts(listed)[0] == "accepted / rejected (2)"


def test_verdicts_come_back_with_the_list(host, listed, folder):
    become(listed, "Ada")
    first = open_case(host, listed)
    press_shift(host, "D")
    listed.batch._opened.readList()
    listed.batch.cases.verdicts = {}
    host.wait_until(lambda: listed.batch.cases.verdicts, LISTING_MS)
    assert [name.case for name in listed.batch.cases.verdicts] == [first]


def test_images_of_the_next_cases_are_read_beforehand_and_the_next_case_is_loaded_from_there(
    host, listed, monkeypatch
):
    import slicer

    open_case(host, listed)
    images = listed.batch._opened.images
    host.wait_until(lambda: images.ready and not images.isReading, RUNNING_MS)
    assert len(images.ready) == listed.batch.cases.counts()[0] - 1  # all that have a result but the open one
    loaded: list[str] = []
    load = slicer.util.loadVolume
    monkeypatch.setattr(
        slicer.util, "loadVolume", lambda path, properties: (loaded.append(path), load(path, properties))[1]
    )
    press_shift(host, "N")
    assert not listed.batch.review.isLoading  # at once: nothing was waited for
    (path,) = loaded
    assert "landmark-detection-" in path
    node = listed.parameters.inputVolume
    assert Path(node.GetStorageNode().GetFileName()).name.startswith("patient-")
    assert slicer.util.arrayFromVolume(node).shape == (4, 5, 6)
