"""For tests of the Slicer side: a fresh scene for each test, or a whole host with a fresh window."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("slicer", reason="needs Slicer's classes: pip install slicer-core")
pytest.importorskip("PySide6.QtWidgets", reason="needs Qt and its system libraries", exc_type=ImportError)

MODULE_FOLDER = str(Path(__file__).resolve().parents[3] / "LandmarkDetection")
if MODULE_FOLDER not in sys.path:
    sys.path.append(MODULE_FOLDER)

# For tests without an application as well: there every text is its own translation.
sys.modules.setdefault("slicer.i18n", importlib.import_module("Testing.Python.slicer_host.i18n"))

if TYPE_CHECKING:
    from slicer import vtkMRMLScene

    from Testing.Python.slicer_host import SlicerHost


@pytest.fixture
def host() -> "Iterator[SlicerHost]":
    """Slicer 5.12 as far as a panel can see; fails the test for an exception lost in a slot."""
    from Testing.Python.slicer_host import SlicerHost

    host = SlicerHost()
    yield host
    host.close()
    assert not host.errors, "\n".join(host.errors)


@pytest.fixture
def scene() -> "Iterator[vtkMRMLScene]":
    """An empty scene as ``slicer.mrmlScene``, with the nodes that Slicer's application logic adds; no Qt."""
    import slicer

    before = getattr(slicer, "mrmlScene", None)
    scene = slicer.vtkMRMLScene()
    logic = slicer.vtkSlicerApplicationLogic()
    logic.SetMRMLScene(scene)
    slicer.mrmlScene = scene
    yield scene
    scene.Clear(True)
    slicer.mrmlScene = before
