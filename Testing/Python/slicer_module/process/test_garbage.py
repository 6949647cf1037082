"""While the panel is open, Python looks for garbage only among what is new, and loses none for good."""

import gc
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from Testing.Python.slicer_host import SlicerHost
from Testing.Python.slicer_module.mrml_cases import DETECTION, add_volume
from Testing.Python.slicer_module.panel_cases import open_panel, show_detection, wait_for_files

NEW_AT_MOST = 20_000  # objects; the application has ten times as many


class Litter:
    """Holds itself, so that only a search for garbage finds it."""

    def __init__(self) -> None:
        self.itself = self


def litter() -> "weakref.ref[Litter]":
    return weakref.ref(Litter())


@pytest.fixture
def open_host() -> Iterator[tuple[SlicerHost, Any]]:
    host = SlicerHost()
    yield host, open_panel(host)
    host.close()
    assert not host.errors, "\n".join(host.errors)


def test_a_review_is_not_stopped_by_a_look_at_all_objects_of_the_application(open_host):
    host, panel = open_host
    show_detection(panel, add_volume("scan"), DETECTION)
    panel.review.desk.accept()
    for page in panel.pages:
        panel.pages.show(page)
    host.process_events()
    assert len(gc.get_objects()) < NEW_AT_MOST < gc.get_freeze_count()


def test_modules_that_are_imported_beside_the_window_are_not_looked_through_either(open_host, tmp_path):
    host, panel = open_host
    lines = "\n".join(f"def f{number}(): return {{}}" for number in range(NEW_AT_MOST))
    (tmp_path / "large_and_new.py").write_text(lines)
    sys.path.insert(0, str(tmp_path))
    try:
        panel.logic.background.start(lambda: __import__("large_and_new"), lambda _: None, lambda _: None)
        wait_for_files(host, panel)
    finally:
        sys.path.remove(str(tmp_path))
        del sys.modules["large_and_new"]
    assert len(gc.get_objects()) < NEW_AT_MOST


def test_leaving_the_panel_gives_everything_back(open_host):
    host, _panel = open_host
    host.exit("LandmarkDetection")
    assert gc.get_freeze_count() == 0
    host.enter("LandmarkDetection")
    assert gc.get_freeze_count() > NEW_AT_MOST


def test_garbage_from_before_goes_when_the_panel_is_entered_or_the_scene_is_closed(open_host):
    host, _panel = open_host
    host.exit("LandmarkDetection")
    garbage = litter()
    host.enter("LandmarkDetection")
    assert garbage() is None
    garbage = litter()
    gc.freeze()  # as after an import
    host.close_scene()
    assert garbage() is None


def test_files_beside_the_window_leave_the_application_alone_while_the_panel_is_closed(
    open_host, tmp_path: Path
):
    host, panel = open_host
    host.exit("LandmarkDetection")
    (tmp_path / "new_beside.py").write_text("")
    sys.path.insert(0, str(tmp_path))
    try:
        panel.logic.background.start(lambda: __import__("new_beside"), lambda _: None, lambda _: None)
        wait_for_files(host, panel)
    finally:
        sys.path.remove(str(tmp_path))
    assert gc.get_freeze_count() == 0
