"""Work that is done once: every finished part of a study lies in a file of its own, whole or not at all."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from LandmarkDetectionLib.errors import Cancelled
from LandmarkDetectionLib.files import atomic_write, read_json, write_text
from LandmarkDetectionLib.typing import Array


@dataclass(frozen=True)
class Parts:
    """Finished parts in a folder, each with a record of when it was done and how long it took.

    Attributes
    ----------
    folder
        Made when missing.
    cancelled
        Asked before each part.
    """

    folder: Path
    cancelled: Callable[[], bool] | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    def file(self, name: str, suffix: str, make: Callable[[Path], Any]) -> Path:
        """The file of a part; ``make`` writes it when it is not there yet.

        Raises
        ------
        Cancelled
            When the part is still to do and ``cancelled`` says so.
        """
        path, record = self.folder / (name + suffix), self._record(name)
        if not (path.exists() and record.exists()):
            if self.cancelled is not None and self.cancelled():
                raise Cancelled(f"Stopped before {name}; the same command goes on from there.")
            started, cpu = time.monotonic(), _cpu_seconds()
            make(path)
            content = {
                "seconds": round(time.monotonic() - started, 1),
                "cpu_seconds": round(_cpu_seconds() - cpu, 1),
                "finished_utc": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime()),
            }
            write_text(record, json.dumps(content) + "\n")
        return path

    def arrays(self, name: str, make: Callable[[], dict[str, Array]]) -> dict[str, Array]:
        """The arrays of a part, computed when they are not there yet."""

        def write(path: Path) -> None:
            content: dict[str, Any] = make()
            with atomic_write(path) as temporary, temporary.open("wb") as stream:
                np.savez(stream, **content)

        with np.load(self.file(name, ".npz", write)) as stored:
            return {key: stored[key] for key in stored.files}

    def seconds(self, name: str) -> tuple[float, float]:
        """How long a finished part took: by the clock, and on all cores together."""
        record = read_json(self._record(name))
        return float(record["seconds"]), float(record["cpu_seconds"])

    def _record(self, name: str) -> Path:
        return self.folder / f"{name}.done.json"


def _cpu_seconds() -> float:
    """Of this process and the finished ones that it started."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
