"""Nothing that was begun in the panel reaches it any more once it is closed: its widgets are gone then."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from Testing.Python.slicer_module.mrml_cases import DETECTION, NAMES, add_volume
from Testing.Python.slicer_module.panel_cases import (
    drag,
    good_worker,
    open_panel,
    press_detect,
    show_detection,
    worker_that,
)


class Calls:
    """What was called back, and whether the panel was closed by then."""

    def __init__(self) -> None:
        self.is_closed = False
        self.before: list[str] = []
        self.late: list[str] = []

    def watched(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def watch(*arguments: Any) -> Any:
            (self.late if self.is_closed else self.before).append(getattr(call, "__qualname__", repr(call)))
            return call(*arguments)

        return watch


@pytest.fixture
def calls(host, monkeypatch) -> Calls:
    from LandmarkDetectionSlicer.logic.volume_request import VolumeRequest
    from LandmarkDetectionSlicer.process.in_background import InBackground
    from LandmarkDetectionSlicer.process.soon import Soon
    from LandmarkDetectionSlicer.process.worker import BackgroundWorker

    found = Calls()
    request, make, begin, later = (
        BackgroundWorker.request,
        VolumeRequest.__init__,
        InBackground.start,
        Soon.__call__,
    )

    def watch_volume(self: Any, worker: Any, node: Any, ask: Any, *rest: Any) -> None:
        make(self, worker, node, ask, *map(found.watched, rest[:3]), *rest[3:])

    monkeypatch.setattr(
        BackgroundWorker, "request", lambda self, asked, *to: request(self, asked, *map(found.watched, to))
    )
    monkeypatch.setattr(VolumeRequest, "__init__", watch_volume)
    monkeypatch.setattr(
        InBackground, "start", lambda self, work, *to: begin(self, work, *map(found.watched, to))
    )
    monkeypatch.setattr(Soon, "__call__", lambda self, call: later(self, found.watched(call)))
    return found


def a_detection_is_copying(host: Any, panel: Any) -> None:
    panel.logic._worker = worker_that("time.sleep(60)")
    press_detect(host, panel)


def a_detection_is_running(host: Any, panel: Any) -> None:
    a_detection_is_copying(host, panel)
    host.wait_until(lambda: panel.logic.worker.isBusy)


def a_detection_is_done_and_not_shown(host: Any, panel: Any) -> None:
    panel.logic._worker = good_worker(DETECTION.to_record())
    press_detect(host, panel)
    host.wait_until(lambda: panel.parameters is None or panel.logic.worker.soon.isWaiting)


def a_silhouette_is_drawn(host: Any, panel: Any) -> None:
    panel.logic._worker = worker_that("time.sleep(60)")
    panel.pages.show(panel.settings)
    host.wait_until(lambda: panel.logic.worker.isBusy)


def the_others_are_asked_about(host: Any, panel: Any) -> None:
    panel.logic._worker = worker_that("time.sleep(60)")
    node = show_detection(panel, panel.parameters.inputVolume, DETECTION)
    panel.settings.ui.othersBox.currentIndex = 1
    drag(node, NAMES.index("knee_left"), [-60.0, 12.0, -372.0])


def a_model_is_installed(host: Any, panel: Any) -> None:
    panel.models._installer = worker_that("time.sleep(60)")
    panel.pages.show(panel.models)
    panel.models.ui.sourceEdit.text = "nowhere"
    host.click(panel.models.ui.installModelButton)


def a_worker_elsewhere_is_tried(host: Any, panel: Any) -> None:
    panel.settings.ui.addressEdit.text = "127.0.0.1:9"
    panel.settings.ui.tokenEdit.text = "a token that nobody asks for"
    panel.settings.workerPlace.test()


def the_models_are_read(host: Any, panel: Any) -> None:
    panel.context.models = type(panel.context.models)()
    panel.refreshModels()


@pytest.mark.parametrize(
    "begin",
    [
        a_detection_is_copying,
        a_detection_is_running,
        a_detection_is_done_and_not_shown,
        a_silhouette_is_drawn,
        the_others_are_asked_about,
        a_model_is_installed,
        a_worker_elsewhere_is_tried,
        the_models_are_read,
    ],
    ids=lambda begin: begin.__name__,
)
def test_nobody_calls_the_panel_that_was_closed_while(host, calls, begin):
    import slicer

    panel = open_panel(host)
    add_volume("scan", np.zeros((4, 5, 6), np.int16))
    host.process_events()
    begin(host, panel)
    calls.is_closed = True
    panel.cleanup()
    slicer.mrmlScene.Clear(False)  # those who still watch a volume notice that
    host.process_events(400)
    assert calls.late == []


def test_every_worker_of_the_panel_is_closed_with_it(host, monkeypatch):
    from LandmarkDetectionSlicer.process.in_background import InBackground
    from LandmarkDetectionSlicer.process.worker import BackgroundWorker

    made: list[Any] = []
    for kind in (BackgroundWorker, InBackground):

        def noted(self: Any, *arguments: Any, make: Any = kind.__init__, **more: Any) -> None:
            make(self, *arguments, **more)
            made.append(self)

        monkeypatch.setattr(kind, "__init__", noted)
    panel = open_panel(host)
    for page in panel.pages:
        panel.pages.show(page)
    a_worker_elsewhere_is_tried(host, panel)
    assert len(made) >= 5, "of detections, learning, installing, reading ahead, and trying an address"
    panel.cleanup()
    assert [one for one in made if not one.isClosed] == []
    assert panel.logic.worker.isClosed, "whoever asks now makes no new one"


def test_a_closed_worker_starts_no_process(host):
    from LandmarkDetectionLib.requests import About

    worker = worker_that("say(id=r['id'], event='done', result={})")
    worker.close()
    heard: list[Any] = []
    worker.request(About(), *[lambda *what: heard.append(what)] * 3)
    host.process_events(100)
    assert not worker.isRunning and heard == []
