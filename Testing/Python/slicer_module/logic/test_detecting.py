"""Detecting in the background: the window lives on, and whatever ends a detection early changes nothing."""

import gc
import hashlib
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import slicer
import vtk

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.requests import Request, VolumeMessage

if TYPE_CHECKING:
    from LandmarkDetectionLib.models import Model
    from Testing.Python.slicer_host import SlicerHost

from Testing.Python.slicer_module.mrml_cases import DETECTION, SHIFT, add_transform, add_volume
from Testing.Python.slicer_module.panel_cases import worker_that

MODEL = "whole-body-ct"
SLEEP = "say(id=r['id'], event='progress', fraction=0.1, text='looking')\ntime.sleep(600)"
DETECTED = f"say(id=r['id'], event='done', result={DETECTION.to_record()!r})"
# The file's contents, its name and what is said of it.
HASH = (
    "import hashlib\n"
    "data = open(r['volume']['file'], 'rb').read()\n"
    "say(id=r['id'], event='done', result={**r['volume'], 'hash': hashlib.sha256(data).hexdigest()})"
)


class Outcome:
    """How a run went: its progress, and its one end."""

    def __init__(self) -> None:
        self.progress: list[tuple[float, str, float | None]] = []
        self.finished: list[tuple[Any, str]] = []
        self.failed: list[str] = []

    @property
    def is_over(self) -> bool:
        return bool(self.finished or self.failed)

    def callbacks(self) -> dict[str, Any]:
        return {
            "onProgress": lambda *progress: self.progress.append(progress),
            "onFinished": lambda *result: self.finished.append(result),
            "onFailed": self.failed.append,
        }


class Turns:
    """Counts how often the event loop comes round."""

    def __init__(self) -> None:
        import qt

        self.count = 0
        self._timer = qt.QTimer()
        self._timer.setInterval(0)
        self._timer.connect("timeout()", self._turn)
        self._timer.start()

    def stop(self) -> None:
        self._timer.stop()

    def _turn(self) -> None:
        self.count += 1


def detection(worker: Any, volume: Any, **options: Any) -> tuple[Any, Outcome]:
    """A run that has been started, and what becomes of it."""
    from LandmarkDetectionSlicer.logic.detecting import DetectionRun

    outcome = Outcome()
    run = DetectionRun(worker, volume, MODEL, **options, **outcome.callbacks())
    run.start()
    return run, outcome


def content(scene: Any) -> dict[str, int]:
    """Every node of a scene and when it was last changed."""
    # In Slicer every scene has one; in a bare scene the first who asks makes it.
    slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    nodes = (scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes()))
    return {node.GetID(): node.GetMTime() for node in nodes}


def temporary_files(worker: Any) -> list[Path]:
    folder = worker.voxels._folder
    return [] if folder is None else list(Path(folder.name).iterdir())


@pytest.fixture
def body(phantom: tuple[Volume, LandmarkSet], host: "SlicerHost") -> Any:
    """The synthetic adult in the scene."""
    return slicer.util.addVolumeFromArray(phantom[0].voxels, phantom[0].ijk_to_ras, "body")


@pytest.fixture
def real_worker(host: "SlicerHost") -> Iterator[Any]:
    from LandmarkDetectionSlicer.process.worker import BackgroundWorker

    worker = BackgroundWorker()
    yield worker
    worker.stop()


def test_ways_of_search_agents_become_curves(host: "SlicerHost") -> None:
    from LandmarkDetectionSlicer.scene.ways import waysTo

    way = {"landmark": "chin", "positions": [[0.0, 0, 0], [4, 0, 0]], "cell_mm": [4.0, 4.0], "left": False}
    result = {**DETECTION.to_record(), "paths": [way]}
    worker = worker_that(f"say(id=r['id'], event='done', result={result!r})")
    _, outcome = detection(worker, add_volume())
    host.wait_until(lambda: outcome.is_over)
    (curve,) = waysTo(outcome.finished[0][0])
    assert curve.GetName() == "way to chin" and curve.GetCurveLengthWorld() == pytest.approx(4.0)
    worker.stop()


# --- the window lives on --------------------------------------------------------------------------------


def test_the_event_loop_comes_round_between_slabs_and_while_the_process_looks(
    host: "SlicerHost", monkeypatch: pytest.MonkeyPatch
) -> None:
    """How long it is ever held up is measured by Testing/Benchmarks/benchmark_panel.py."""
    from LandmarkDetectionSlicer.scene import voxels

    monkeypatch.setattr(voxels, "SLAB_BYTES", 20_000)
    turns = Turns()
    copied: list[tuple[int, float]] = []
    advance = voxels.VoxelCopy.advance

    def count(copy: Any, volume_node: Any) -> float:
        copied.append((turns.count, advance(copy, volume_node)))
        return copied[-1][1]

    monkeypatch.setattr(voxels.VoxelCopy, "advance", count)
    look = "say(id=r['id'], event='progress', fraction=0.1, text='looking')\ntime.sleep(0.2)\n"
    worker = worker_that(look + DETECTED)
    volume = add_volume(voxels=np.zeros((40, 50, 60), np.int16))
    _, outcome = detection(worker, volume)
    host.wait_until(lambda: any(text == "looking" for _, text, _ in outcome.progress))
    asked = turns.count
    host.wait_until(lambda: outcome.is_over)
    turns.stop()
    assert not outcome.failed
    at, fractions = zip(*copied, strict=True)
    assert len(set(at)) == len(at) > 240_000 // 20_000, "one look at the voxels in a turn"
    assert max(np.diff(fractions, prepend=0.0)) < 2 * 20_000 / 240_000, "one slab in a look"
    assert turns.count > asked
    worker.stop()


def test_landmarks_arrive_where_they_are_with_a_summary(
    host: "SlicerHost",
    phantom: tuple[Volume, LandmarkSet],
    body: Any,
    real_worker: Any,
    body_model: "Model",
) -> None:
    _, outcome = detection(real_worker, body, device="cpu")
    host.wait_until(lambda: outcome.is_over, 120_000)
    ((node, summary),) = outcome.finished
    truth = phantom[1]["hip_left"].position
    found = np.array(node.GetNthControlPointPosition(node.GetControlPointIndexByLabel("hip_left")))
    assert np.linalg.norm(found - truth) < 30
    assert f"of {len(body_model.protocol.names)} landmarks found" in summary
    assert "on the processor" in summary
    fractions = [fraction for fraction, _, _ in outcome.progress]
    assert fractions == sorted(fractions)
    assert {"reading the volume", "finding landmarks"} <= {text for _, text, _ in outcome.progress}


def test_smaller_questions_are_answered_without_another_copy(
    host: "SlicerHost", phantom: tuple[Volume, LandmarkSet], body: Any, real_worker: Any, tmp_path: Path
) -> None:
    """The preview, one landmark near a click, and the picture of the case."""
    from LandmarkDetectionSlicer.logic import detecting

    _, outcome = detection(real_worker, body, device="cpu")
    host.wait_until(lambda: outcome.is_over, 120_000)
    ((node, _),) = outcome.finished
    copies = temporary_files(real_worker)
    assert len(copies) == 1
    results: list[Any] = []
    preview, case = tmp_path / "preview.png", tmp_path / "case.png"

    detecting.previewSilhouette(
        real_worker, body, MODEL, None, str(preview), lambda *result: results.append(result), results.append
    )
    truth = phantom[1]["hip_left"].position
    detecting.locateNear(real_worker, body, MODEL, "hip_left", truth.tolist(), results.append, results.append)
    detecting.drawPicture(real_worker, body, node, str(case), results.append, results.append)
    host.wait_until(lambda: len(results) == 3, 120_000)
    (threshold, path), landmark, picture = results
    assert (threshold, path, picture) == (-400.0, str(preview), str(case))
    assert preview.read_bytes()[:4] == case.read_bytes()[:4] == b"\x89PNG"
    assert landmark.name == "hip_left"
    assert np.linalg.norm(landmark.position - truth) < 15
    assert temporary_files(real_worker) == copies


def test_the_processor_takes_over_when_the_graphics_card_is_too_small(host: "SlicerHost", body: Any) -> None:
    """No such card is here: in the process, placing the networks on it fails as it would on one."""
    from LandmarkDetectionSlicer.process.worker import BackgroundWorker

    program = (
        "import torch\n"
        "import LandmarkDetectionLib.worker.__main__ as worker\n"
        "from LandmarkDetectionLib.detectors import dispatch\n"
        "from LandmarkDetectionLib.models import Model\n"
        "plain = Model.build_networks\n"
        "def build(self, device='cpu'):\n"
        "    if device == 'cuda': raise torch.cuda.OutOfMemoryError('CUDA out of memory.')\n"
        "    return plain(self, device)\n"
        "Model.build_networks = build\n"
        "dispatch.choose_device = lambda device: device\n"
        "worker.main()\n"
    )
    worker = BackgroundWorker([sys.executable, "-c", program])
    _, outcome = detection(worker, body, device="cuda")
    host.wait_until(lambda: outcome.is_over, 120_000)
    ((_, summary),) = outcome.finished
    assert "on the processor" in summary
    assert "memory of the CUDA device was too small" in summary
    worker.stop()


# --- whatever ends it early changes nothing -------------------------------------------------------------


def test_cancelling_at_once_leaves_the_scene_as_it_was(host: "SlicerHost") -> None:
    worker, volume = worker_that(SLEEP), add_volume()
    before = content(host.scene)
    run, outcome = detection(worker, volume)
    host.wait_until(lambda: any(text == "looking" for _, text, _ in outcome.progress))
    assert temporary_files(worker)
    run.cancel()
    # What it would otherwise do takes minutes.
    host.wait_until(lambda: not worker.isRunning)
    assert outcome.failed == ["Cancelled; nothing was changed."]
    assert not run.isActive
    assert temporary_files(worker) == []
    assert content(host.scene) == before
    run.cancel()
    assert len(outcome.failed) == 1
    worker.stop()


def test_cancelling_while_the_voxels_are_copied(host: "SlicerHost", monkeypatch: pytest.MonkeyPatch) -> None:
    from LandmarkDetectionSlicer.scene import voxels

    monkeypatch.setattr(voxels, "SLAB_BYTES", 100)
    worker, volume = worker_that(DETECTED), add_volume(voxels=np.zeros((50, 60, 70), np.int16))
    before = content(host.scene)
    run, outcome = detection(worker, volume)
    host.wait_until(lambda: outcome.progress)
    run.cancel()
    host.process_events(100)
    assert outcome.failed == ["Cancelled; nothing was changed."]
    assert outcome.finished == []
    assert temporary_files(worker) == []
    assert content(host.scene) == before
    assert not worker.isRunning
    worker.stop()


def end_by_closing_the_scene(host: "SlicerHost", volume: Any) -> None:
    host.close_scene()


def end_by_removing_the_volume(host: "SlicerHost", volume: Any) -> None:
    host.scene.RemoveNode(volume)


def end_by_changing_a_voxel(host: "SlicerHost", volume: Any) -> None:
    slicer.util.arrayFromVolume(volume)[0, 0, 0] = 1
    volume.GetImageData().GetPointData().GetScalars().Modified()


def end_by_moving_the_volume(host: "SlicerHost", volume: Any) -> None:
    add_transform(SHIFT, volume)


def end_by_taking_its_image(host: "SlicerHost", volume: Any) -> None:
    volume.SetAndObserveImageData(None)


@pytest.mark.parametrize("during", ["reading the volume", "looking"])
@pytest.mark.parametrize(
    ("end", "words"),
    [
        (end_by_closing_the_scene, "removed from the scene"),
        (end_by_removing_the_volume, "removed from the scene"),
        (end_by_changing_a_voxel, "changed or moved"),
        (end_by_moving_the_volume, "changed or moved"),
        (end_by_taking_its_image, "changed or moved"),
    ],
)
def test_what_happens_to_the_volume_meanwhile_ends_the_run_with_one_sentence(
    host: "SlicerHost", monkeypatch: pytest.MonkeyPatch, end: Any, words: str, during: str
) -> None:
    from LandmarkDetectionSlicer.scene import voxels

    monkeypatch.setattr(voxels, "SLAB_BYTES", 400)
    worker, volume = worker_that(SLEEP), add_volume(voxels=np.zeros((30, 20, 10), np.int16))
    run, outcome = detection(worker, volume)
    host.wait_until(lambda: any(text == during for _, text, _ in outcome.progress))
    end(host, volume)
    host.wait_until(lambda: outcome.is_over)
    host.process_events(100)
    (sentence,) = outcome.failed
    assert words in sentence
    assert sentence.startswith("scan ")
    assert slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode") == []
    assert not run.isActive
    assert not worker.isBusy
    worker.stop()


def test_a_killed_process_is_one_sentence_and_the_next_detection_works(host: "SlicerHost") -> None:
    worker = worker_that(
        "import pathlib\n"
        "if pathlib.Path(r['volume']['file']).with_suffix('.seen').exists():\n"
        f"    {DETECTED}\n"
        "else:\n"
        "    pathlib.Path(r['volume']['file']).with_suffix('.seen').touch()\n"
        "    os.kill(os.getpid(), 9)"
    )
    volume = add_volume()
    before = content(host.scene)
    _, outcome = detection(worker, volume)
    host.wait_until(lambda: outcome.is_over)
    (sentence,) = outcome.failed
    assert "ended unexpectedly" in sentence
    assert content(host.scene) == before
    _, outcome = detection(worker, volume)
    host.wait_until(lambda: outcome.is_over)
    ((node, _),) = outcome.finished
    assert node.GetNumberOfControlPoints() == len(DETECTION.landmarks)
    worker.stop()


def test_what_the_library_refuses_is_its_own_sentence(host: "SlicerHost") -> None:
    worker = worker_that("say(id=r['id'], event='error', kind='NoBodyError', message='scan holds only air.')")
    _, outcome = detection(worker, add_volume())
    host.wait_until(lambda: outcome.is_over)
    assert outcome.failed == ["scan holds only air."]
    worker.stop()


def test_what_cannot_work_is_refused_at_once_without_a_process(host: "SlicerHost") -> None:
    worker = worker_that(DETECTED)
    for volume in (None, host.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")):
        run, outcome = detection(worker, volume)
        assert len(outcome.failed) == 1
        assert not run.isActive
    assert not worker.isRunning
    worker.stop()


def test_a_full_or_missing_temporary_folder_is_one_sentence(
    host: "SlicerHost", monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from LandmarkDetectionSlicer.scene import voxels

    worker, volume = worker_that(DETECTED), add_volume()
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
        _, outcome = detection(worker, volume)
    assert "no such file or directory" in outcome.failed[0]
    with monkeypatch.context() as patch:
        patch.setattr(voxels.shutil, "disk_usage", lambda path: voxels.shutil._ntuple_diskusage(1, 1, 0))
        _, outcome = detection(worker, volume)
    assert "no space left" in outcome.failed[0]
    assert "make room" in outcome.failed[0]
    # The disk that fills up while the voxels are written.
    full = Path("/dev/full")
    if full.exists():
        with monkeypatch.context() as patch:
            patch.setattr(voxels.VoxelStore, "_newFile", lambda self, size: full)
            _, outcome = detection(worker, volume)
            host.wait_until(lambda: outcome.is_over)
        assert "no space left" in outcome.failed[0]
    _, outcome = detection(worker, volume)
    host.wait_until(lambda: outcome.is_over)
    assert outcome.finished
    worker.stop()


# --- the voxels' way ------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Hash(Request):
    """What only a test's own process answers."""

    do = "hash"
    volume: VolumeMessage


def asked(host: "SlicerHost", worker: Any, volume: Any) -> dict[str, Any]:
    """What the process was told of a volume, and the hash of what it can read."""
    from LandmarkDetectionSlicer.logic.volume_request import VolumeRequest

    results: list[Any] = []
    VolumeRequest(worker, volume, Hash, lambda fraction, text: None, results.append, results.append).start()
    host.wait_until(lambda: results)
    assert isinstance(results[0], dict), results[0]
    return results[0]


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8"])
@pytest.mark.parametrize("slab", [1, 100, 10_000])
def test_the_process_reads_the_voxels_as_they_are(
    host: "SlicerHost", monkeypatch: pytest.MonkeyPatch, dtype: str, slab: int
) -> None:
    """Rows, planes or everything at a time, whichever slabs are cut."""
    from LandmarkDetectionSlicer.scene import voxels

    monkeypatch.setattr(voxels, "SLAB_BYTES", slab)
    values = np.arange(5 * 3 * 7).reshape(5, 3, 7).astype(dtype)
    worker = worker_that(HASH)
    told = asked(host, worker, add_volume(voxels=values))
    assert told["hash"] == hashlib.sha256(values.tobytes()).hexdigest()
    assert np.dtype(told["dtype"]) == values.dtype
    assert told["shape"] == [5, 3, 7]
    worker.stop()


def test_slabs_cover_every_voxel_once_in_order(host: "SlicerHost", monkeypatch: pytest.MonkeyPatch) -> None:
    from LandmarkDetectionSlicer.scene import voxels

    rng = np.random.default_rng(0)
    for _ in range(200):
        shape = tuple(int(n) for n in rng.integers(1, 12, 3))
        monkeypatch.setattr(voxels, "SLAB_BYTES", int(rng.integers(1, 3000)))
        array = np.arange(np.prod(shape)).reshape(shape)
        pieces = [array[slab].ravel() for slab in voxels.slabs(shape, 8)]
        np.testing.assert_array_equal(np.concatenate(pieces), array.ravel())
        assert max(piece.nbytes for piece in pieces) <= max(voxels.SLAB_BYTES, 8 * shape[2])


def test_the_process_is_told_where_the_volume_is_in_the_world(host: "SlicerHost") -> None:
    volume = add_volume()
    own = np.diag([-2.0, -2.0, 3.0, 1.0])
    worker = worker_that(HASH)
    np.testing.assert_allclose(asked(host, worker, volume)["ijk_to_ras"], own)
    add_transform(SHIFT, volume)
    np.testing.assert_allclose(asked(host, worker, volume)["ijk_to_ras"], SHIFT @ own)
    worker.stop()


def test_an_unchanged_volume_is_copied_once_and_only_the_latest_is_kept(host: "SlicerHost") -> None:
    worker, volume, other = worker_that(HASH), add_volume(), add_volume("other", np.ones((3, 3, 3)))
    first = asked(host, worker, volume)
    add_transform(SHIFT, volume)
    assert asked(host, worker, volume)["token"] == first["token"]
    slicer.util.arrayFromVolume(volume)[0, 0, 0] = 7
    slicer.util.arrayFromVolumeModified(volume)
    changed = asked(host, worker, volume)
    assert changed["token"] != first["token"]
    assert changed["hash"] != first["hash"]
    asked(host, worker, other)
    assert len(temporary_files(worker)) == 1
    folder = temporary_files(worker)[0].parent
    worker.stop()
    assert not folder.exists()


def test_two_volumes_can_be_on_their_way_at_once(host: "SlicerHost", monkeypatch: pytest.MonkeyPatch) -> None:
    from LandmarkDetectionSlicer.logic.volume_request import VolumeRequest
    from LandmarkDetectionSlicer.scene import voxels

    monkeypatch.setattr(voxels, "SLAB_BYTES", 400)
    worker = worker_that(HASH)
    arrays = [np.full((20, 5, 6), value, np.int16) for value in (1, 2)]
    results: list[Any] = []
    for array in arrays:
        VolumeRequest(
            worker, add_volume(voxels=array), Hash, lambda *_: None, results.append, results.append
        ).start()
    host.wait_until(lambda: len(results) == 2)
    assert {result["hash"] for result in results} == {
        hashlib.sha256(array.tobytes()).hexdigest() for array in arrays
    }
    worker.stop()


def test_a_removed_volume_is_not_kept_in_memory(host: "SlicerHost") -> None:
    worker, volume = worker_that(HASH), add_volume()
    asked(host, worker, volume)
    reference = vtk.vtkWeakReference()
    reference.Set(volume)
    host.scene.RemoveNode(volume)
    del volume
    gc.collect()
    assert reference.Get() is None
    worker.stop()


# --- time left ------------------------------------------------------------------------------------------


def test_the_time_left_is_told_when_it_can_be_known_and_runs_down(host: "SlicerHost") -> None:
    from LandmarkDetectionSlicer.logic.detecting import TimeLeft

    now = 0.0
    left = TimeLeft(clock=lambda: now)
    assert left.after(0.0) is None
    now = 0.5
    assert left.after(0.1) is None
    now = 2.0
    assert left.after(0.2) == pytest.approx(8.0)
    now = 3.0
    assert left.after(0.2) == pytest.approx(7.0)
    now = 4.0
    # Twice as fast as thought: the end comes nearer, but not at once.
    assert 4.0 < left.after(0.5) < 6.0
    now = 60.0
    assert left.after(0.5) is None


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("detected", "The landmark was found in 1.5 s."),
        ("uncertain", "The landmark was found in 1.5 s, and is uncertain."),
        ("absent", "The landmark was not found; it took 1.5 s."),
    ],
)
def test_what_came_of_a_model_of_one_landmark_is_said_of_one(host, status, sentence):
    from LandmarkDetectionSlicer.logic.detecting import summary

    chin = LandmarkSet((Landmark("chin", [1.0, 2.0, 3.0], status),))
    assert summary(Detection(chin, "one", "1", seconds={"total": 1.5})) == sentence
