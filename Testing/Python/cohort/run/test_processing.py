"""What one case ends as, and when it is done again."""

import json
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from LandmarkDetectionLib.cohort import Outcome, State
from LandmarkDetectionLib.cohort.report.page import write_report
from LandmarkDetectionLib.cohort.results import records
from LandmarkDetectionLib.cohort.results.records import CohortSettings, read_case, write_settings
from LandmarkDetectionLib.cohort.run.hashing import stamp_of
from LandmarkDetectionLib.cohort.run.plan import Ending, Job, Plan, plan_models
from LandmarkDetectionLib.cohort.run.processing import AT_WORK, process
from LandmarkDetectionLib.cohort.run.verify import damaged_cases
from LandmarkDetectionLib.cohort.sources.case_source import CaseSource, image_file
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import ModelError, OutputError
from LandmarkDetectionLib.io.volumes import write_volume

KEY = "k1"


@pytest.fixture
def image(bodies: list[Volume], tmp_path: Path) -> Path:
    path = tmp_path / "Doe_Jane.nii.gz"
    write_volume(bodies[0], path)
    return path


@pytest.fixture
def plan(detector: Path, tmp_path: Path) -> Plan:
    models = plan_models([str(detector)])
    folder = tmp_path / "out"
    folder.mkdir()
    write_settings(folder, CohortSettings(tuple(one.settings for one in models)))
    return Plan(folder, models, device="cpu", pictures=False, threads=0, session="now")


def run(plan: Plan, image: Path) -> Ending:
    return process(plan, Job(KEY, image_file(image, image.parent)))


def outcome(plan: Plan) -> Outcome:
    (only,) = read_case(plan.folder, KEY).outcomes
    return only


def at_work(plan: Plan, **content: object) -> None:
    """What a process leaves behind that ended over the case."""
    folder = plan.folder / "cases" / KEY
    folder.mkdir(parents=True, exist_ok=True)
    (folder / AT_WORK).write_text(json.dumps(content))


def test_a_good_case_is_done_with_its_files_and_its_name_nowhere(plan: Plan, image: Path) -> None:
    ended = run(replace(plan, pictures=True), image)
    assert (ended.key, ended.state, ended.reason) == (KEY, State.DONE, "")
    record, folder = read_case(plan.folder, KEY), plan.folder / "cases" / KEY
    assert sorted(record.outcomes[0].files) == sorted(path.name for path in (folder / "tiny-model").iterdir())
    assert {"landmarks.mrk.json", "detection.json", "overlay.png"} <= set(record.outcomes[0].files)
    assert {"hash", "read", "project", "networks", "write", "draw"} <= set(record.outcomes[0].seconds)
    assert (record.kind_of_file, record.size) == ("NIfTI", (44, 25, 104))
    for path in plan.folder.rglob("*"):
        assert "Doe" not in str(path)
        assert path.is_dir() or b"Doe_Jane" not in path.read_bytes()
    assert not (folder / AT_WORK).exists()


def test_a_finished_case_is_not_done_again_but_a_changed_file_is(
    plan: Plan, image: Path, bodies: list[Volume]
) -> None:
    run(plan, image)
    first = outcome(plan)
    assert run(plan, image).seconds == 0
    assert outcome(plan) == first
    # Another file of the same content, which the file system cannot know.
    shutil.copy(image, image.with_name("copy"))
    image.with_name("copy").replace(image)
    assert run(plan, image).seconds == 0
    write_volume(bodies[1], image)
    assert run(plan, image).seconds > 0
    assert outcome(plan).files["detection.json"] != first.files["detection.json"]


def test_another_model_or_option_does_it_again(plan: Plan, image: Path) -> None:
    run(plan, image)
    newer = replace(plan.models[0], settings=replace(plan.models[0].settings, digest="other"))
    assert run(replace(plan, models=(newer,)), image).seconds > 0
    assert run(replace(plan, options={"threshold": -300.0}), image).seconds > 0
    assert run(plan, image).seconds > 0
    assert run(plan, image).seconds == 0


def test_a_damaged_case_fails_once_with_a_sentence_that_names_nobody(plan: Plan, image: Path) -> None:
    run(plan, image)
    image.write_bytes(image.read_bytes()[:200])
    ended = run(plan, image)
    assert ended.state is State.FAILED
    assert KEY in ended.reason
    assert "Doe" not in ended.reason
    assert outcome(plan).kind == "InputError"
    # What the good file gave is not left beside the failure.
    assert not (plan.folder / "cases" / KEY / "tiny-model").exists()
    assert run(plan, image).seconds == 0
    assert run(replace(plan, retry=True), image).seconds > 0


def test_a_file_that_goes_away_fails_and_is_looked_for_again(plan: Plan, image: Path) -> None:
    kept = image.read_bytes()
    image.unlink()
    assert "cannot be read: no such file" in run(plan, image).reason
    image.write_bytes(kept)
    assert run(plan, image).state is State.DONE


def test_a_file_that_changes_while_it_is_read_is_noticed_and_done_again(
    plan: Plan, image: Path, bodies: list[Volume], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = CaseSource.read

    def read_and_change(case: CaseSource) -> list[Volume]:
        volumes = read(case)
        time.sleep(0.02)
        write_volume(bodies[1], image)
        return volumes

    with monkeypatch.context() as patch:
        patch.setattr(CaseSource, "read", read_and_change)
        ended = run(plan, image)
    assert ended.state is State.FAILED
    assert "changed while it was read" in ended.reason
    assert run(plan, image).state is State.DONE


def test_a_case_that_ended_two_processes_is_set_aside_until_it_is_retried(plan: Plan, image: Path) -> None:
    at_work(plan, session="now", crashes=0, stage="reading it")
    assert run(plan, image).state is State.DONE
    shutil.rmtree(plan.folder / "cases")
    at_work(plan, session="now", crashes=1, stage="reading it")
    ended = process(plan, Job(KEY, image_file(image, image.parent)), "1.0 GB")
    assert ended.state is State.SET_ASIDE
    assert "ended 2 times, last while reading it" in ended.reason
    assert "1.0 GB" in ended.reason
    assert read_case(plan.folder, KEY).attempts == 2
    assert run(plan, image).state is State.SET_ASIDE
    assert run(replace(plan, retry=True, session="later"), image).state is State.DONE


def test_a_case_that_an_ended_client_left_is_not_blamed(plan: Plan, image: Path) -> None:
    at_work(plan, session="before", crashes=1, stage="reading it")
    remains = plan.folder / "cases" / KEY / ".writing-x"
    remains.mkdir()
    assert run(plan, image).state is State.DONE
    assert not remains.exists()


def test_several_models_end_each_for_itself(plan: Plan, image: Path, detector: Path, tmp_path: Path) -> None:
    other = tmp_path / "other-model"
    shutil.copytree(detector, other)
    metadata = json.loads((other / "configs" / "metadata.json").read_text())
    metadata["name"] = "other-model"
    for curve in metadata["landmark_detection"]["settings"]["calibration"].values():
        curve["shares"] = [0.0, 0.1]  # never sure enough
    (other / "configs" / "metadata.json").write_text(json.dumps(metadata))
    both = replace(plan, models=plan_models([str(detector), str(other)]))
    run(plan, image)
    done = outcome(plan)
    assert run(both, image).state is State.FAILED
    record = read_case(plan.folder, KEY)
    assert record.outcome("tiny-model") == done
    failed = record.outcome("other-model")
    assert failed is not None
    assert (failed.state, failed.kind) == (State.FAILED, "NoBodyError")


def test_results_that_cannot_be_seen_or_a_worker_of_another_version_stop_the_run(
    plan: Plan, image: Path
) -> None:
    with pytest.raises(OutputError, match="does not see the results"):
        run(replace(plan, folder=plan.folder / "nowhere"), image)
    with pytest.raises(OutputError, match="install the same"):
        run(replace(plan, program="0.0.0"), image)


def test_damaged_results_are_found(plan: Plan, image: Path) -> None:
    run(plan, image)
    assert damaged_cases(plan.folder, [KEY, "not-started"]) == {}
    path = plan.folder / "cases" / KEY / "tiny-model" / "detection.json"
    path.write_text(path.read_text() + " ")
    assert damaged_cases(plan.folder, [KEY]) == {KEY: "tiny-model/detection.json was changed"}
    path.unlink()
    assert "missing" in damaged_cases(plan.folder, [KEY])[KEY]


def test_the_same_model_twice_is_refused(detector: Path) -> None:
    with pytest.raises(ModelError, match="same name"):
        plan_models([str(detector), str(detector)])


def test_the_stamp_follows_the_file(plan: Plan, image: Path) -> None:
    before = stamp_of((image,))
    os.utime(image)
    assert stamp_of((image,)) != before
    assert records.find_case(plan.folder, KEY) is None


def test_a_scan_without_any_landmark_is_a_finished_case_with_its_files(
    plan: Plan, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from LandmarkDetectionLib.cohort.run import processing
    from LandmarkDetectionLib.core.detection import Detection
    from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
    from LandmarkDetectionLib.detectors.analysis import Analysis
    from LandmarkDetectionLib.detectors.evidence import Evidence
    from LandmarkDetectionLib.imaging.previews import image_views
    from LandmarkDetectionLib.io.volumes import read_volume

    def nothing(*_: object, **__: object) -> Analysis:
        names = ("head_top", "knee_left", "knee_right")
        marks = tuple(Landmark(name, [float("nan")] * 3, Status.ABSENT, 0.01) for name in names)
        detection = Detection(LandmarkSet(marks), "tiny-model", "1.0.0")
        return Analysis(detection, image_views(read_volume(image)), Evidence(None, None))

    monkeypatch.setattr(processing, "analyse", nothing)
    assert run(plan, image).state is State.DONE
    found = outcome(plan)
    assert (found.landmarks, found.present, found.confidence) == (3, 0, None)
    assert "detection.json" in found.files
    page = write_report(plan.folder)
    assert "<b>1</b><span>without any landmark in the scan</span>" in page.read_text()
