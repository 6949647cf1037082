"""How long measuring takes: the library alone, and the panel after one step of a dragged landmark.

The panel runs in the tests' stand-in for Slicer (PySide6 and the real MRML) with all lines and angles shown.

    python Testing/Benchmarks/benchmark_measurements.py
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "LandmarkDetection")]
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

LIMIT_S, REPEATS = 0.05, 40


def median(action: Callable[[int], Any]) -> float:
    """Median seconds of an action, once warm."""
    action(0)
    seconds = []
    for number in range(1, REPEATS + 1):
        start = time.perf_counter()
        action(number)
        seconds.append(time.perf_counter() - start)
    return sorted(seconds)[len(seconds) // 2]


def main() -> None:
    """Print a table, and fail when dragging takes longer than its limit."""
    import numpy as np

    from LandmarkDetectionLib.core.detection import Detection
    from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet
    from LandmarkDetectionLib.io.protocols import load_protocol
    from LandmarkDetectionLib.measurement import Frame, measure
    from Testing.examples.measurement_cases import BODY, FACE, in_picture, spine, spine_landmarks

    body = LandmarkSet(
        tuple(Landmark(name, np.array(place), covariance=np.eye(3) * 9) for name, place in BODY.items())
    )
    bends = spine(20 * np.cos(np.pi * np.arange(17) / 16))
    cases = {
        "cephalometric-19": (in_picture(FACE, 1.0), Frame.picture()),
        "spine-68": (spine_landmarks(bends, sd=1.0), Frame.picture(height=720.0)),
        "whole-body": (body, Frame.space()),
    }
    for name, (landmarks, frame) in cases.items():
        protocol = load_protocol(name)
        seconds = median(lambda _, a=landmarks, b=protocol, c=frame: measure(a, b, c))
        print(f"library, {name:36}{1000 * seconds:9.1f} ms")

    import slicer
    from LandmarkDetectionSlicer.scene import nodes

    from Testing.Python.slicer_host import SlicerHost

    host = SlicerHost()
    slow = False
    for name, landmarks in (("whole-body", body), ("cephalometric-19", in_picture(FACE, 1.0))):
        panel: Any = host.open_module(REPOSITORY / "LandmarkDetection" / "LandmarkDetection.py")
        host.wait_until(lambda panel=panel: not panel.logic.background.isBusy)  # the models are read
        voxels = np.zeros((1, 240, 240) if name == "cephalometric-19" else (4, 5, 6), np.int16)
        volume = slicer.util.addVolumeFromArray(voxels, np.diag([-1.0, -1.0, 1.0, 1.0]), name)
        titled = LandmarkSet(landmarks.landmarks, name=load_protocol(name).title)
        node = nodes.applyDetection(Detection(titled, "", ""), volume)
        panel.parameters.inputVolume = volume
        panel.showLandmarks(node)
        panel.pages.show(panel.measurements)
        panel.measurements.ui.allLinesBox.checked = True
        place = np.array(node.GetNthControlPointPosition(0))
        node.InvokeEvent(slicer.vtkMRMLMarkupsNode.PointStartInteractionEvent)
        seconds = median(
            lambda n, a=node, b=place: a.SetNthControlPointPositionWorld(0, b[0], b[1] + 0.1 * n, b[2])
        )
        node.InvokeEvent(slicer.vtkMRMLMarkupsNode.PointEndInteractionEvent)
        slow |= seconds > LIMIT_S
        text = f"panel, one step of dragging, {name} ({len(panel.measurements.lineNodes)} lines)"
        kept = "yes" if seconds <= LIMIT_S else "NO"
        print(f"{text:45}{1000 * seconds:9.1f} ms   at most {1000 * LIMIT_S:g}: {kept}")
    sys.stdout.flush()
    os._exit(1 if slow else 0)


if __name__ == "__main__":
    main()
