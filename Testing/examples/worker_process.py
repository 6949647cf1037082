"""A worker of the library as a process, asked on its pipes, and volumes as it is handed them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from LandmarkDetectionLib.core.volume import Volume

Message = dict[str, Any]


class Process:
    """A running worker, asked one thing at a time."""

    def __init__(
        self,
        repository: Path,
        program: str | None = None,
        module: str = "LandmarkDetectionLib.worker",
        **environment: str,
    ) -> None:
        start = ["-m", module] if program is None else ["-c", program]
        self.process = subprocess.Popen(
            [sys.executable, *start],
            cwd=repository,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.greeting = self.event()
        self.count = 0

    def event(self) -> Message:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def write(self, **request: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()

    def ask(self, do: str, **request: Any) -> list[Message]:
        """All events of a request, the last one its answer."""
        self.count += 1
        self.write(id=self.count, do=do, **request)
        events = [self.event()]
        while events[-1]["event"] not in ("done", "error"):
            events.append(self.event())
        assert {event["id"] for event in events} == {self.count}
        return events

    def result(self, do: str, **request: Any) -> Message:
        answer = self.ask(do, **request)[-1]
        assert answer["event"] == "done", answer
        return answer["result"]

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


def message_of(volume: Volume, folder: Path, token: str = "1") -> Message:
    """A volume as the parent hands it over."""
    path = folder / f"{token}.raw"
    path.write_bytes(np.ascontiguousarray(volume.voxels).tobytes())
    return {
        "file": str(path),
        "dtype": volume.voxels.dtype.str,
        "shape": list(volume.shape),
        "ijk_to_ras": volume.ijk_to_ras.tolist(),
        "name": "Scan",
        "modality": "CT",
        "token": token,
    }
