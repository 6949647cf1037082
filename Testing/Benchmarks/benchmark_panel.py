"""How long people wait for the panel: opening it, its longest stop during a detection, cancelling, one step.

The panel runs in the tests' stand-in for Slicer (PySide6 and the real MRML), each opening in its own process.
All but cancelling is processor time of the thread of the window, which other programs lengthen less than time
on the clock: while it works, the window does nothing else.

    python Testing/Benchmarks/benchmark_panel.py
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "numba", "scipy", "matplotlib", "SimpleITK")
OPEN_S, GAP_S, CANCEL_S = 0.4, 0.05, 1.0
LARGE = (1000, 270, 200)  # voxels of 54 million, as of a whole body at 2 mm

sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "LandmarkDetection")]
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


def main() -> None:
    """Print a table of what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3, help="openings to measure (default: 3)")
    parser.add_argument("--only-open", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only_open:
        _open_once()
        return
    with tempfile.TemporaryDirectory() as compiled:
        openings = [_opening(compiled) for _ in range(options.repeat)]
    loaded = sorted({name for *_, names in openings for name in names})
    rows = [
        ("panel opened (best)", min(opened for opened, *_ in openings), OPEN_S),
        ("all threads, until the models are read", min(read for _, read, _ in openings), None),
        *_in_the_panel(),
    ]
    for text, seconds, limit in rows:
        kept = "" if limit is None else f"   at most {limit:g}: {'yes' if seconds <= limit else 'NO'}"
        print(f"{text:44}{1000 * seconds:9.1f} ms{kept}")
    print(f"heavy packages loaded by opening: {', '.join(loaded) or 'none'}")
    if loaded or any(limit is not None and seconds > limit for _, seconds, limit in rows):
        sys.exit(1)


def _opening(compiled: str) -> tuple[float, float, list[str]]:
    """Python keeps what it has compiled in a folder, as in an application that was started before."""
    command = [sys.executable, __file__, "--only-open"]
    keeping = {**os.environ, "PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}
    answer = subprocess.run(command, check=True, capture_output=True, text=True, env=keeping)
    words = answer.stdout.split()
    return float(words[0]), float(words[1]), words[2:]


def _open_once() -> None:
    """Print the seconds from importing the module to the panel, and to the models, and what was imported."""
    from Testing.Python.slicer_host import SlicerHost

    host = SlicerHost()
    start, start_of_all = time.thread_time(), time.process_time()
    panel: Any = host.open_module(REPOSITORY / "LandmarkDetection" / "LandmarkDetection.py")
    host.process_events()
    opened = time.thread_time() - start
    host.wait_until(lambda: not panel.logic.background.isBusy)
    read = time.process_time() - start_of_all
    print(opened, read, *(name for name in HEAVY if name in sys.modules), flush=True)
    os._exit(0)


def _in_the_panel() -> list[tuple[str, float, float | None]]:
    import numpy as np
    import slicer

    from LandmarkDetectionLib.synthesis.body.phantom import make_phantom
    from Testing.Python.slicer_host import SlicerHost

    host = SlicerHost()
    panel: Any = host.open_module(REPOSITORY / "LandmarkDetection" / "LandmarkDetection.py")
    host.wait_until(lambda: not panel.logic.background.isBusy)  # the models are read
    phantom, _ = make_phantom(3, spacing_mm=8.0)
    # Every voxel several times: as much to copy and to look at as in a large scan.
    times = [max(1, round(wanted / there)) for wanted, there in zip(LARGE, phantom.voxels.shape, strict=True)]
    voxels = phantom.voxels
    for axis, factor in enumerate(times):
        voxels = np.repeat(voxels, factor, axis=axis)
    matrix = phantom.ijk_to_ras @ np.diag([1 / times[2], 1 / times[1], 1 / times[0], 1.0])
    panel.parameters.inputVolume = slicer.util.addVolumeFromArray(voxels, matrix, "large")
    panel.logic.worker.start()  # the first request is not the subject here

    panel.detect.detect()
    host.wait_until(lambda: panel.detect.ui.progressBar.value > 20, 60_000)
    start = time.perf_counter()
    panel.detect.cancel()
    host.wait_until(lambda: panel.detect.run is None, 10_000)
    cancelling = time.perf_counter() - start

    gaps: list[float] = []
    last = [time.thread_time()]

    def beat() -> None:
        now = time.thread_time()
        gaps.append(now - last[0])
        last[0] = now

    import qt

    timer = qt.QTimer()
    timer.setInterval(10)
    timer.connect("timeout()", beat)
    timer.start()
    last[0] = time.thread_time()
    panel.detect.detect()
    host.wait_until(lambda: panel.detect.run is None, 120_000)
    timer.stop()
    if panel.parameters.landmarks is None:
        sys.exit(f"The detection failed: {panel.detect.message.text}")
    steps = []
    for _ in range(10):
        start = time.thread_time()
        panel.review.desk.accept()
        host.process_events()
        steps.append(time.thread_time() - start)
    host.close()
    return [
        (f"longest stop, {voxels.size / 1e6:.0f} million voxels", max(gaps), GAP_S),
        ("cancelled", cancelling, CANCEL_S),
        ("one landmark accepted (median)", sorted(steps)[len(steps) // 2], None),
    ]


if __name__ == "__main__":
    main()
