"""What the code of the Slicer module needs of an application, where there is none: four things.

``slicer.mrmlScene``, the words of ``slicer.i18n`` (untranslated), ``slicer.util.loadVolume``, and a ``qt``
that has timers only, driven by the event loop of the server. Everything else of ``slicer`` is Slicer's own.
"""

from __future__ import annotations

import asyncio
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer
import slicer.util

SIDE = Path(__file__).resolve().parents[1] / "LandmarkDetection"


class QTimer:
    """Qt's timer as far as the module uses it; it runs in the event loop of asyncio."""

    def __init__(self, _parent: object = None) -> None:
        self._milliseconds = 0
        self._isSingle = False
        self._slots: list[Callable[[], Any]] = []
        self._handle: asyncio.TimerHandle | None = None

    def setInterval(self, milliseconds: int) -> None:
        """Every so many milliseconds; a timer that runs begins anew."""
        self._milliseconds = milliseconds
        if self._handle is not None:
            self.start()

    def setSingleShot(self, isSingle: bool) -> None:
        """Once instead of again and again."""
        self._isSingle = isSingle

    def connect(self, signal: str, slot: Callable[[], Any]) -> None:
        """Call a slot whenever time is up; there is one signal, ``timeout()``."""
        self._slots.append(slot)

    def disconnect(self, signal: str, slot: Callable[[], Any]) -> None:
        """Call it no longer."""
        self._slots.remove(slot)

    @property
    def active(self) -> bool:
        """Whether it runs."""
        return self._handle is not None

    def start(self) -> None:
        """Begin, or begin anew."""
        self.stop()
        self._handle = asyncio.get_event_loop().call_later(self._milliseconds / 1000, self._timeout)

    def stop(self) -> None:
        """Run no longer."""
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.cancel()

    def _timeout(self) -> None:
        self._handle = None
        if not self._isSingle:
            self.start()
        for slot in tuple(self._slots):
            slot()

    @staticmethod
    def singleShot(milliseconds: int, slot: Callable[[], Any]) -> None:
        """Call once, so much later."""
        asyncio.get_event_loop().call_later(milliseconds / 1000, slot)


def install(scene: Any) -> None:
    """Make a scene the one of ``slicer``, and let the module's code be imported.

    Parameters
    ----------
    scene : vtkMRMLScene
        With the nodes of Slicer's application logic.
    """
    slicer.mrmlScene = scene
    words = types.ModuleType("slicer.i18n")
    words.tr = lambda text: text  # type: ignore[attr-defined]
    words.translate = lambda context, text: text  # type: ignore[attr-defined]
    sys.modules["slicer.i18n"] = words
    timers = types.ModuleType("qt")
    timers.QTimer = QTimer  # type: ignore[attr-defined]
    sys.modules["qt"] = timers
    slicer.util.loadVolume = load_volume
    if SIDE.is_dir() and str(SIDE) not in sys.path:  # in a repository; a wheel has it beside this package
        sys.path.append(str(SIDE))


def load_volume(filename: str, properties: dict[str, Any] | None = None) -> Any:
    """Load an image with Slicer's reader, as ``slicer.util.loadVolume`` does; RuntimeError if it cannot."""
    name = (properties or {}).get("name") or Path(filename).stem
    scene = slicer.mrmlScene
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    storage = scene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    storage.SetFileName(str(filename))
    if not Path(filename).exists() or not storage.ReadData(node):
        scene.RemoveNode(storage)
        scene.RemoveNode(node)
        raise RuntimeError(f"Failed to load node from file: {filename}")
    node.SetAndObserveStorageNodeID(storage.GetID())
    node.CreateDefaultDisplayNodes()
    return node
