"""The background process: it answers in lines of JSON, keeps what it has seen, and ends with its parent."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from LandmarkDetectionLib.core.detection import detection_from_record
from LandmarkDetectionLib.core.doubts import Doubt, DoubtKind, doubts_to_record
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet
from LandmarkDetectionLib.core.search_path import SearchPath
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.volumes import read_volume
from LandmarkDetectionLib.requests import request_of
from LandmarkDetectionLib.worker.reading import open_volume
from LandmarkDetectionLib.worker.tasks import Worker
from Testing.examples.worker_process import Message, Process, message_of

MODEL = "whole-body-ct"


def opened(volume: Message) -> Volume:
    """As the worker opens it."""
    return open_volume(request_of({"do": "detect", "volume": volume, "model": MODEL}).volume)


@pytest.fixture(scope="module")
def worker(repository: Path) -> Iterator[Process]:
    process = Process(repository)
    yield process
    process.process.kill()
    process.process.communicate()


@pytest.fixture(scope="module")
def scan(phantom: tuple[Volume, LandmarkSet], tmp_path_factory: pytest.TempPathFactory) -> Message:
    return message_of(phantom[0], tmp_path_factory.mktemp("voxels"))


def test_it_says_first_that_it_is_ready_and_which_version_it_is(worker: Process) -> None:
    assert worker.greeting["event"] == "ready"
    assert worker.greeting["version"]


def test_a_detection_over_the_process_is_that_of_the_library(
    worker: Process, scan: Message, phantom: tuple[Volume, LandmarkSet]
) -> None:
    from LandmarkDetectionLib.detectors.dispatch import detect
    from LandmarkDetectionLib.models import load_model

    events = worker.ask("detect", volume=scan, model=MODEL, device="cpu")
    there = detection_from_record(events[-1]["result"])
    here = detect(phantom[0], load_model(MODEL), device="cpu")
    assert there.landmarks.names == here.landmarks.names
    np.testing.assert_allclose(there.landmarks.positions, here.landmarks.positions, atol=0.05)
    fractions = [event["fraction"] for event in events if event["event"] == "progress"]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0
    assert fractions[-1] == 1


def test_the_ways_of_search_agents_come_with_their_detection(spot_agents: Path, tmp_path: Path) -> None:
    volume = read_volume(spot_agents / "data" / "case01.nrrd")
    events: list[Message] = []
    request = {"id": 1, "do": "detect", "model": str(spot_agents / "run" / "spots"), "device": "cpu"}
    Worker(events.append).answer({**request, "volume": message_of(volume, tmp_path)})
    record = events[-1]["result"]
    found = detection_from_record(record).landmarks
    ways = [SearchPath.from_record(one) for one in record["paths"]]
    assert tuple(one.landmark for one in ways) == found.names
    for way, mark in zip(ways, found, strict=True):
        assert np.linalg.norm(way.positions[-1] - mark.position) < 2.0 and not way.left


def test_voxels_of_another_byte_order_are_understood(
    worker: Process, scan: Message, phantom: tuple[Volume, LandmarkSet], tmp_path: Path
) -> None:
    voxels = phantom[0].voxels
    swapped = Volume(voxels.astype(voxels.dtype.newbyteorder()), phantom[0].ijk_to_ras)
    one, other = (
        detection_from_record(worker.result("detect", volume=volume, model=MODEL, device="cpu"))
        for volume in (scan, message_of(swapped, tmp_path, "2"))
    )
    np.testing.assert_array_equal(one.landmarks.positions, other.landmarks.positions)


def test_smaller_questions_about_the_same_volume(
    worker: Process, scan: Message, phantom: tuple[Volume, LandmarkSet], tmp_path: Path
) -> None:
    record = worker.result("detect", volume=scan, model=MODEL, device="cpu")
    near = phantom[1]["hip_left"].position.tolist()
    events = worker.ask("locate_near", volume=scan, model=MODEL, landmark="hip_left", near=near)
    assert len(events) == 1, "the last detection was not at hand"
    found = Landmark.from_record(events[0]["result"])
    assert np.linalg.norm(found.position - near) < 15
    preview, case = str(tmp_path / "preview.png"), str(tmp_path / "case.png")
    shown = worker.result("silhouette", volume=scan, model=MODEL, threshold=None, path=preview)
    assert shown == {"threshold": -400.0, "picture": preview}
    assert worker.result("picture", volume=scan, record=record, path=case) == {"picture": case}
    for path in (preview, case):
        assert Path(path).read_bytes().startswith(b"\x89PNG")


def test_a_landmark_near_a_click_is_found_in_a_volume_never_seen(
    worker: Process, scan: Message, phantom: tuple[Volume, LandmarkSet]
) -> None:
    near = phantom[1]["hip_left"].position.tolist()
    unseen = {**scan, "token": "unseen"}
    events = worker.ask("locate_near", volume=unseen, model=MODEL, landmark="hip_left", near=near)
    assert events[-1]["result"]["name"] == "hip_left"
    assert "finding landmarks" in [event.get("text") for event in events]


def test_what_a_user_got_wrong_is_one_sentence_with_its_kind(worker: Process, scan: Message) -> None:
    air = {**scan, "token": "air"}
    np.full(scan["shape"], -1000, np.int16).tofile(Path(scan["file"]).with_name("air.raw"))
    air["file"] = str(Path(scan["file"]).with_name("air.raw"))
    for request, kind in (
        ({"volume": scan, "model": "no-such-model"}, "ModelError"),
        ({"volume": scan, "model": MODEL, "depth": "guess"}, "InputError"),
        ({"volume": air, "model": MODEL}, "NoBodyError"),
        ({"volume": {**scan, "token": "gone", "file": "/nowhere.raw"}, "model": MODEL}, "InputError"),
    ):
        answer = worker.ask("detect", **request)[-1]
        assert (answer["event"], answer["kind"]) == ("error", kind)
        assert "\n" not in answer["message"]
        assert answer["message"].endswith(".")


def test_a_defect_is_answered_with_its_traceback_and_the_process_lives_on(
    repository: Path, scan: Message
) -> None:
    broken = (
        "import LandmarkDetectionLib.worker.__main__ as worker, LandmarkDetectionLib.models as models\n"
        "load = models.load_model\n"
        "models.load_model = lambda name: {}['volume'] if name == 'broken' else load(name)\n"
        "worker.main()\n"
    )
    process = Process(repository, broken)
    answer = process.ask("detect", volume=scan, model="broken")[-1]
    assert answer["kind"] == "Defect"
    assert "Traceback" in answer["message"]
    assert process.ask("detect", volume=scan, model="no-such-model")[-1]["kind"] == "ModelError"
    process.process.kill()
    process.process.communicate()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"dtype": "O"}, "There are no voxels of the type 'O'"),
        ({"dtype": "nonsense"}, "There are no voxels of the type 'nonsense'"),
        (
            {"ijk_to_ras": [[0.0] * 4] * 3 + [[0, 0, 0, 1]]},
            "The place of Scan cannot be used: ijk_to_ras has a",
        ),
        ({"ijk_to_ras": [[1.0] * 4] * 4}, "The place of Scan cannot be used: ijk_to_ras must be"),
    ],
)
def test_a_volume_that_cannot_be_is_refused_in_one_sentence(
    scan: Message, change: Message, sentence: str
) -> None:
    with pytest.raises(InputError) as problem:
        opened({**scan, **change})
    assert str(problem.value).startswith(sentence) and str(problem.value).endswith(".")


@pytest.mark.parametrize("entry", ["record", "protocol"])
def test_what_cannot_be_saved_is_refused_in_one_sentence(
    worker: Process, scan: Message, tmp_path: Path, entry: str
) -> None:
    from LandmarkDetectionLib.core.protocol import protocol_of_names

    asked = {
        "record": {"schema_version": 1, "landmarks": []},
        "protocol": protocol_of_names(("chin",), "Chin").model_dump(mode="json", exclude_defaults=True),
        "store": str(tmp_path / "store"),
        "ijk_to_ras": scan["ijk_to_ras"],
        "volume": scan,
    }
    answer = worker.ask("annotate", **{**asked, entry: {"landmarks": 5}})[-1]
    assert answer["kind"] == "InputError" and "cannot be used" in answer["message"], answer
    assert "\n" not in answer["message"] and not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"hello",
        b"null",
        b"[1, 2]",
        b'"detect"',
        b"{}",
        b'{"do": "dance"}',
        b'{"do": ["detect"]}',
        b'{"do": null, "id": 7}',
        b'{"id": NaN, "do": "dance"}',
        b"[" * 100_000,
        b"\xff\xfe\x00",
    ],
    ids=range(12),
)
def test_a_line_that_is_no_request_is_answered_by_an_error_and_the_process_lives_on(
    worker: Process, scan: Message, line: bytes
) -> None:
    assert worker.process.stdin is not None
    worker.process.stdin.flush()
    worker.process.stdin.buffer.write(line + b"\n")
    worker.process.stdin.buffer.flush()
    answer = worker.event()
    assert answer["event"] == "error"
    assert worker.ask("detect", volume=scan, model="no-such-model")[-1]["kind"] == "ModelError"


def test_a_record_that_is_broken_is_refused_in_one_sentence(worker: Process, scan: Message) -> None:
    answer = worker.ask("refine", volume=scan, model=MODEL, record={"landmarks": 5, "schema_version": 1})[-1]
    assert (answer["event"], answer["kind"]) == ("error", "InputError")
    assert "record of the review cannot be used" in answer["message"]


def test_a_file_that_is_not_complete_is_refused(scan: Message, tmp_path: Path) -> None:
    path = tmp_path / "half.raw"
    path.write_bytes(Path(scan["file"]).read_bytes()[:-2])
    with pytest.raises(InputError, match="not complete"):
        opened({**scan, "file": str(path)})


@pytest.mark.parametrize("dtype", ["<i2", ">u2", "|i1", "<f8", ">f4", "<u4"])
def test_voxels_are_mapped_as_they_are(tmp_path: Path, dtype: str) -> None:
    voxels = np.arange(24).reshape(2, 3, 4).astype(dtype)
    volume = opened(message_of(Volume(voxels, np.eye(4)), tmp_path))
    np.testing.assert_array_equal(volume.voxels, voxels)
    assert volume.voxels.dtype == np.dtype(dtype)


def test_a_picture_of_unknown_size_stays_one(tmp_path: Path) -> None:
    message = message_of(Volume(np.zeros((1, 4, 5), np.uint8), np.diag([-0.2, -0.2, 1, 1])), tmp_path)
    assert opened(message).spacing_known
    assert not opened({**message, "spacing_known": False}).spacing_known


def test_what_is_doubtful_of_a_size_is_handed_over(scan: Message) -> None:
    assert opened(scan).spacing_known and opened(scan).warnings == ()
    doubt = Doubt("Pixel size: not known.", DoubtKind.PIXEL_SIZE)
    volume = opened({**scan, "spacing_known": False, "doubts": doubts_to_record([doubt])})
    assert not volume.spacing_known and volume.doubts == (doubt,)


def test_what_libraries_print_does_not_get_among_the_answers(repository: Path, scan: Message) -> None:
    """Python and C alike may print; here on the way to a model that is not there."""
    noisy = (
        "import os, LandmarkDetectionLib.worker.__main__ as worker, LandmarkDetectionLib.models as model\n"
        "def load(name):\n"
        "    print('hello'); os.write(1, b'hello from C')\n"
        "    raise MemoryError\n"
        "model.load_model = load\n"
        "worker.main()\n"
    )
    process = Process(repository, noisy)
    answer = process.ask("detect", volume=scan, model=MODEL)[-1]
    assert answer["kind"] == "MemoryError"
    out, err = process.process.communicate(timeout=30)
    assert out == ""
    assert "hello from C" in err


def end_by_quitting(process: Process) -> None:
    process.write(do="quit")


def end_by_closing_its_input(process: Process) -> None:
    assert process.process.stdin is not None
    process.process.stdin.close()


@pytest.mark.parametrize("end", [end_by_quitting, end_by_closing_its_input])
def test_it_ends_when_told_or_when_nobody_is_left_to_ask(
    repository: Path, end: Callable[[Process], None]
) -> None:
    process = Process(repository)
    end(process)
    assert process.process.wait(timeout=30) == 0


def test_it_does_not_finish_its_work_for_a_parent_that_is_gone(repository: Path) -> None:
    busy = (
        "import time, LandmarkDetectionLib.worker.__main__ as worker\n"
        "worker.Worker.answer = lambda self, request: time.sleep(600)\n"
        "worker.main()\n"
    )
    process = Process(repository, busy)
    process.write(id=1, do="detect")
    end_by_closing_its_input(process)
    assert process.process.wait(timeout=30) == 0


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="looks at what is mapped, on Linux")
def test_only_the_last_volume_is_kept(
    worker: Process, scan: Message, phantom: tuple[Volume, LandmarkSet], tmp_path: Path
) -> None:
    other = message_of(phantom[0], tmp_path, "other")
    for volume in (scan, other):
        worker.result("silhouette", volume=volume, model=MODEL, path=str(tmp_path / "preview.png"))
    maps = Path(f"/proc/{worker.process.pid}/maps").read_text()
    assert other["file"] in maps
    assert scan["file"] not in maps
