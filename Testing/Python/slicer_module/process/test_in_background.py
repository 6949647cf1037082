"""What is done beside the window: in order, told on the main thread, and with nothing of Qt in its hands."""

import gc
import threading
from typing import Any

import pytest

from LandmarkDetectionLib.errors import InputError


@pytest.fixture
def background(host) -> Any:
    from LandmarkDetectionSlicer.process.in_background import InBackground

    background = InBackground()
    yield background
    background.close()


def failing() -> None:
    raise InputError("The file is gone; look for it.")


def test_pieces_are_done_in_order_elsewhere_and_told_here(host, background):
    threads: list[threading.Thread] = []
    told: list[Any] = []

    def tell(what: Any) -> None:
        told.append((what, threading.current_thread() is threading.main_thread()))

    for number in range(3):
        background.start(
            lambda number=number: threads.append(threading.current_thread()) or number, tell, tell
        )
    background.start(failing, tell, tell)
    host.wait_until(lambda: not background.isBusy)
    assert told == [(0, True), (1, True), (2, True), ("The file is gone; look for it.", True)]
    assert threading.main_thread() not in threads


def test_garbage_is_never_looked_for_in_the_thread(host, background):
    where: list[threading.Thread] = []

    class Held:
        def __del__(self) -> None:
            where.append(threading.current_thread())

    def litter() -> None:
        held: Any = Held()
        held.itself = held

    litter()
    background.start(lambda: len([[number] for number in range(300_000)]), lambda _: None, lambda _: None)
    host.wait_until(lambda: not background.isBusy)
    assert gc.isenabled()
    gc.collect()
    assert where == [threading.main_thread()]


def test_what_is_being_written_when_all_is_closed_is_written_to_its_end(host, background, tmp_path):
    heard: list[Any] = []
    started = threading.Event()

    def write() -> None:
        started.set()
        (tmp_path / "file").write_text("all of it")

    background.start(write, heard.append, heard.append)
    assert started.wait(10)
    background.close()
    host.process_events(50)
    assert (tmp_path / "file").read_text() == "all of it" and heard == [] and gc.isenabled()
