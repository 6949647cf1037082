"""A worker elsewhere, seen from the panel: a real server on loopback, whose workers need no networks."""

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from LandmarkDetectionLib.remote.server import Server
from Testing.Python.slicer_module.mrml_cases import DETECTION, add_volume
from Testing.Python.slicer_module.panel_cases import complaint, open_panel, picture, press_detect, rows, said

TOKEN = "a token of more than sixteen letters"
MODEL = {
    "name": "only-there",
    "version": "3.2.1",
    "description": "Finds what the panel knows nothing of.",
    "card": "# A card from elsewhere",
    "capabilities": {
        "of_hands": False,
        "of_outlines": False,
        "chooses_depth": False,
        "single_images": False,
        "volumes": True,
        "channels": 1,
        "small": True,
        "propagates": False,
        "learns": True,
    },
    "protocol": {
        "name": "only-there",
        "title": "Only there",
        "version": "1.0.0",
        "region": "whole-body",
        "landmarks": [
            {"name": one.name, "title": f"The {one.name}", "definition": "Somewhere."}
            for one in DETECTION.landmarks
        ],
    },
}
ANSWER = {**DETECTION.to_record(), "model": {"name": "only-there", "version": "3.2.1"}}
PROGRAM = f"""
import json, os, sys, time
def say(**event): print(json.dumps(event), flush=True)
for line in sys.stdin:
    r = json.loads(line)
    if r['do'] == 'models':
        say(id=r['id'], event='done', result={{'models': [json.loads({json.dumps(MODEL)!r})]}})
        continue
    say(id=r['id'], event='progress', fraction=0.5, text='far away')
    if os.path.exists(WAIT):
        time.sleep(600)
    say(id=r['id'], event='done', result=json.loads({json.dumps(ANSWER)!r}))
"""


@pytest.fixture(autouse=True)
def own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Where the choice is kept, for this test alone."""
    pytest.importorskip("slicer")
    from LandmarkDetectionSlicer.process import elsewhere

    folder = tmp_path / "of-the-user"
    monkeypatch.setattr(elsewhere, "user_data_folder", lambda: folder)
    monkeypatch.setattr(elsewhere, "_read", None)
    yield folder


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start servers that end with the test."""
    servers: list[Server] = []
    program = PROGRAM.replace("WAIT", repr(str(tmp_path / "wait")))

    def start(port: int = 0) -> Server:
        server = Server("127.0.0.1", port, TOKEN, command=[sys.executable, "-c", program])
        threading.Thread(target=server.serve, daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.close()


def connect(host: Any, panel: Any, server: Server, token: str = TOKEN) -> None:
    """Enter an address and a token, and press the button."""
    panel.pages.show(panel.settings)
    ui = panel.settings.ui
    ui.addressEdit.text, ui.tokenEdit.text = f"127.0.0.1:{server.port}", token
    host.click(ui.testButton)
    host.wait_until(lambda: not panel.settings.workerPlace.isTesting, 60_000)
    if panel.logic.place is not None:
        host.wait_until(lambda: panel.context.models.usable or panel.logic.remoteTrouble, 60_000)


def detect(host: Any, panel: Any) -> None:
    panel.pages.show(panel.review)
    press_detect(host, panel)
    host.wait_until(lambda: panel.detect.run is None, 60_000)


def choose_volume(host: Any, panel: Any) -> Any:
    volume = add_volume("DOE^JOHN", np.zeros((4, 5, 6), np.int16))
    host.process_events()
    panel.parameters.inputVolume = volume
    panel.parameters.modelName = "only-there"
    host.process_events()
    return volume


def test_a_connection_that_works_is_used_and_kept_for_its_user_alone(
    host: Any, serve: Callable[..., Server], own_folder: Path
) -> None:
    panel = open_panel(host)
    ui = panel.settings.ui
    assert ui.placeText.text.startswith("This computer, version ")
    assert not ui.testButton.enabled
    server = serve()
    connect(host, panel, server)
    assert {message.kind for message in said(panel)} == {"information"}, said(panel)
    assert "The connection works" in panel.settings.message.text
    assert ui.placeText.text.startswith(f"127.0.0.1:{server.port}, version ")
    picture(host, panel, "settings-worker")
    assert [model.name for model in panel.context.models.usable] == ["only-there"]
    choose_volume(host, panel)
    detect(host, panel)
    assert len(rows(panel)) == len(DETECTION.landmarks), said(panel)
    assert rows(panel)[0][0].startswith("The ")
    file = own_folder / "worker.json"
    assert json.loads(file.read_text())["token"] == TOKEN
    if os.name != "nt":
        assert file.stat().st_mode & 0o077 == 0
    import slicer

    slicer.mrmlScene.SetSaveToXMLString(1)
    slicer.mrmlScene.Commit()
    scene = slicer.mrmlScene.GetSceneXMLString()
    assert "only-there" in scene and TOKEN not in scene


def test_a_wrong_token_is_a_sentence_and_changes_nothing(
    host: Any, serve: Callable[..., Server], own_folder: Path
) -> None:
    panel = open_panel(host)
    connect(host, panel, serve(), TOKEN[:-1])
    assert "refuses the token" in complaint(panel)
    assert panel.logic.place is None and not own_folder.exists()
    assert panel.settings.ui.placeText.text.startswith("This computer")
    connect(host, panel, serve())
    assert panel.logic.place is not None


def test_a_lost_connection_is_a_sentence_and_loses_nothing(
    host: Any, serve: Callable[..., Server], tmp_path: Path
) -> None:
    panel, server = open_panel(host), serve()
    connect(host, panel, server)
    choose_volume(host, panel)
    detect(host, panel)
    host.press_key("a")
    reviewed = rows(panel)
    (tmp_path / "wait").touch()
    press_detect(host, panel)
    host.wait_until(lambda: "Far away" in panel.detect.message.text, 60_000)
    server.close()
    host.wait_until(lambda: panel.detect.run is None, 60_000)
    assert "was lost; nothing was changed" in complaint(panel)
    assert rows(panel) == reviewed
    (tmp_path / "wait").unlink()
    detect(host, panel)
    assert "There is no answer of a worker" in complaint(panel)
    serve(server.port)
    detect(host, panel)
    assert not [message for message in said(panel) if message.kind == "error"], said(panel)
    assert [row[0] for row in rows(panel)] == [row[0] for row in reviewed]


def test_it_works_in_a_slicer_without_the_packages_and_asks_nothing(
    host: Any, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    from LandmarkDetectionSlicer.process import packages

    missing = (packages.TORCH, packages.Package("pydantic>=2.6", "checks models", 3))
    monkeypatch.setattr(packages, "missingPackages", lambda *further: missing)
    for name in list(sys.modules):
        if name.startswith(("LandmarkDetectionLib.models", "LandmarkDetectionLib.core.protocol")):
            monkeypatch.setitem(sys.modules, name, None)
    panel = open_panel(host)
    assert panel.detect.ui.installButton.visible
    connect(host, panel, serve())
    assert not panel.detect.ui.installButton.visible
    choose_volume(host, panel)
    detect(host, panel)
    assert len(rows(panel)) == len(DETECTION.landmarks), said(panel)
    host.press_key("a")
    assert panel.review.ui.progressLabel.text == "1 of 4 reviewed"
    assert not host.dialogs.texts()
    panel.pages.show(panel.models)
    panel.models.ui.modelTable.selectRow(0)
    assert panel.models.ui.modelTable.item(0, 2).text() == "on the computer of the worker"
    assert not panel.models.ui.removeButton.enabled
    assert packages.needsInstalling() is not None
    monkeypatch.setattr(packages, "missingPackages", lambda *further: missing[:1])
    assert packages.needsInstalling() is None


def test_the_choice_is_there_the_next_time_and_can_be_taken_back(
    host: Any, serve: Callable[..., Server], own_folder: Path
) -> None:
    from LandmarkDetectionSlicer.process import elsewhere

    panel, server = open_panel(host), serve()
    connect(host, panel, server)
    elsewhere._read = None
    assert elsewhere.chosenPlace() == panel.logic.place
    assert panel.logic.localWorker is not panel.logic.worker
    panel.settings.ui.addressEdit.text = ""
    panel.pages.show(panel.settings)
    assert panel.settings.ui.testButton.text == "Use this computer"
    host.click(panel.settings.ui.testButton)
    assert "on this computer from now on" in panel.settings.message.text
    assert panel.logic.place is None and panel.logic.worker is panel.logic.localWorker
    assert "whole-body-ct" in [model.name for model in panel.context.models.usable]
    assert not (own_folder / "worker.json").exists()
    own_folder.joinpath("worker.json").write_text("{broken")
    elsewhere._read = None
    assert elsewhere.chosenPlace() is None


def test_a_worker_that_cannot_be_reached_when_the_module_opens_is_a_sentence(
    host: Any, serve: Callable[..., Server]
) -> None:
    from LandmarkDetectionSlicer.process import elsewhere

    from LandmarkDetectionLib.remote.client import Elsewhere

    server = serve()
    server.close()
    elsewhere.choosePlace(Elsewhere(f"127.0.0.1:{server.port}", TOKEN))
    panel = open_panel(host)
    add_volume("scan", np.zeros((4, 5, 6), np.int16))
    host.wait_until(lambda: panel.logic.remoteTrouble, 60_000)
    host.process_events()
    assert "There is no answer of a worker" in complaint(panel)
    assert not panel.detect.ui.detectButton.enabled and not panel.detect.ui.installButton.visible
