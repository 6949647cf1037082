"""A reviewer at the panel: keys and clicks for a case with wrong points, and how long the window stops.

    python Testing/Benchmarks/benchmark_review.py
    python Testing/Benchmarks/benchmark_review.py --landmarks 25 --wrong 4 --size 420 700

The panel runs in the tests' stand-in for Slicer (PySide6 and the real MRML), as large as the module panel on
a screen of 1366 x 768. A stand-in for the process in the background answers at once with landmarks, some of
them far from the truth that the reviewer knows. The reviewer presses Detect, looks at the landmarks in the
order of the list, drags what is wrong and accepts the rest by key, takes one step back and does it again,
saves, and opens the file. A click counts one; what must be scrolled to before it is clicked counts one more.
At last all pages are shown, a report is written, and landmarks are placed by hand, for their stops alone.

How long the window stops is the time that its thread works between two beats of a timer: processor time,
which other programs lengthen less; the time on the clock stands beside it, and how much of the work was
Python looking for garbage among all objects of the application, which may come at any time.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
MODULE = REPOSITORY / "LandmarkDetection" / "LandmarkDetection.py"
STEPS_AT_MOST, STILL_MS, NEXT_MS = 60, 50.0, 100.0
BEAT_MS = 5

sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "LandmarkDetection")]
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


class Heart:
    """A timer of the window; what is between two beats is a stop."""

    def __init__(self) -> None:
        import qt

        self.longest: dict[str, tuple[float, float, float]] = {}
        self._garbage = self._begun = 0.0
        gc.callbacks.append(self.on_garbage)
        self._what = ""
        self._last = (0.0, 0.0)
        self._timer = qt.QTimer()
        self._timer.setInterval(BEAT_MS)
        self._timer.connect("timeout()", self.beat)
        self._timer.start()

    def on_garbage(self, phase: str, _about: object) -> None:
        """Python begins or ends looking for garbage."""
        if phase == "start":
            self._begun = time.thread_time()
        else:
            self._garbage += time.thread_time() - self._begun

    def during(self, what: str) -> None:
        """From now on stops are those of this."""
        self._what, self._last = what, (time.thread_time(), time.perf_counter())
        self._garbage = 0.0

    def beat(self) -> None:
        """Note what has passed since the last beat, in ms of work and on the clock."""
        now = time.thread_time(), time.perf_counter()
        work, clock = (1000 * (new - old) for new, old in zip(now, self._last, strict=True))
        if work > self.longest.get(self._what, (0.0,))[0]:
            self.longest[self._what] = work, clock, 1000 * self._garbage
        self._last, self._garbage = now, 0.0


class Reviewer:
    """Hands at the mouse and the keyboard, which count."""

    def __init__(self, host: Any) -> None:
        self.host = host
        self.keys = self.clicks = self.scrolls = 0

    def click(self, widget: Any) -> None:
        """Click a control; scroll to it when it is out of sight."""
        from PySide6.QtCore import QPoint, QRect

        window = self.host.window
        place = QRect(widget.mapTo(window, QPoint(0, 0)), widget.size)
        if not widget.visible or not QRect(QPoint(0, 0), window.size).contains(place):
            self.scrolls += 1
        self.clicks += 1
        self.host.click(widget)
        self.host.process_events()

    def press(self, key: str) -> None:
        """Press a letter, or Ctrl and a letter."""
        import qt

        control = qt.Qt.ControlModifier if key.startswith("Ctrl+") else qt.Qt.NoModifier
        self.keys += 1
        self.host.press_key(getattr(qt.Qt, f"Key_{key[-1]}"), control)
        self.host.process_events()

    def drag(self, node: Any, index: int, place: Any) -> None:
        """Take a point in a view and put it elsewhere: press, move and release are turns of their own."""
        import slicer

        self.clicks += 1
        slicer.mrmlScene.SaveStateForUndo()  # as the mouse does
        node.GetDisplayNode().SetActiveControlPoint(index)
        node.InvokeEvent(node.PointStartInteractionEvent)
        self.host.process_events()
        node.SetNthControlPointPositionWorld(index, *place)
        self.host.process_events()
        node.InvokeEvent(node.PointEndInteractionEvent)
        self.host.process_events()


def main() -> None:
    """Print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--landmarks", type=int, default=25, help="landmarks of the case (default: 25)")
    parser.add_argument("--wrong", type=int, default=4, help="how many of them are wrong (default: 4)")
    parser.add_argument(
        "--size",
        type=int,
        nargs=2,
        default=(420, 700),
        metavar=("WIDTH", "HEIGHT"),
        help="of the panel, pixels",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there, too")
    options = parser.parse_args()
    review(options.landmarks, options.wrong, tuple(options.size), options.json)


def review(landmarks: int, wrong: int, size: tuple[int, int], file_of_numbers: Path | None) -> None:
    """Review a case, print a table, and end with 1 when anything in it is too much."""
    import numpy as np

    from Testing.Python.slicer_host import SlicerHost
    from Testing.Python.slicer_module.mrml_cases import add_volume
    from Testing.Python.slicer_module.panel_cases import good_worker, worker_that

    host = SlicerHost()
    host.window.statusBar().hide()
    host.window.resize(*size)
    panel: Any = host.open_module(MODULE)
    host.wait_until(lambda: not panel.logic.background.isBusy)  # the models are read
    detection, truth = make_case(panel.context.models.usable, landmarks, wrong)
    voxels = np.random.default_rng(0).integers(-1000, 1000, (200, 256, 256)).astype(np.int16)
    panel.parameters.modelName = detection.model
    panel.parameters.inputVolume = add_volume("scan", voxels)
    host.process_events(200)
    panel.logic._worker = good_worker(detection.to_record())
    panel.logic.worker.start()
    person, heart, nexts = Reviewer(host), Heart(), []
    begun = time.thread_time()

    heart.during("detection")
    person.click(panel.detect.ui.detectButton)
    host.wait_until(lambda: panel.detect.run is None, 60_000)
    host.process_events(50)
    if panel.parameters.landmarks is None:
        sys.exit(f"The detection failed: {panel.detect.message.text}")
    heart.during("review")
    node, ui = panel.parameters.landmarks, panel.review.ui
    for step in range(landmarks):
        name = panel.review.selected
        index = detection.landmarks.names.index(name)
        if np.linalg.norm(np.subtract(node.GetNthControlPointPositionWorld(index), truth[name])) > 5:
            person.drag(node, index, truth[name])
        start = time.thread_time()
        person.press("A")
        nexts.append(1000 * (time.thread_time() - start))
        if step == 2:
            for key in ("Ctrl+Z", "Ctrl+Y", "A"):
                person.press(key)
    done = panel.review.review.progress
    heart.during("saving")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "case.mrk.json"
        host.dialogs.answer_file(file, file)
        person.click(ui.saveButton)
        person.keys += 1  # Enter, in the dialog
        host.wait_until(lambda: not panel.logic.background.isBusy)
        host.process_events(50)
        saved = file.is_file()
        work = time.thread_time() - begun
        heart.during("opening the file")
        panel.review.actions.open.trigger()
        host.wait_until(lambda: not panel.logic.background.isBusy)
        host.process_events(50)
        panel.logic._worker = worker_that("time.sleep(600)")  # the settings would ask for a preview
        heart.during("showing every page")
        for page in panel.pages:
            panel.pages.show(page)
            host.process_events(50)
        heart.during("a report")
        panel.measurements.report(Path(folder) / "case.pdf")
        host.wait_until(lambda: not panel.logic.background.isBusy, 60_000)
        heart.during("placing by hand")
        panel.pages.show(panel.place)
        panel.place.start()
        host.process_events(50)
        panel.place.stop()
        heart.during("")
    off = [
        float(np.linalg.norm(np.subtract(node.GetNthControlPointPositionWorld(number), truth[mark])))
        for number, mark in enumerate(detection.landmarks.names)
    ]
    print(f"{landmarks} landmarks, {wrong} wrong; reviewed {done[0]} of {done[1]}, saved: {saved}")
    print(f"farthest from the truth afterwards: {max(off):.1f} mm; errors of the panel: {len(host.errors)}\n")
    total = person.keys + person.clicks + person.scrolls
    rows = [
        ("keys", person.keys, None, ""),
        ("clicks and drags", person.clicks, None, ""),
        ("scrolled", person.scrolls, 0, ""),
        ("keys, clicks and scrolling", total, STEPS_AT_MOST, ""),
        ("work of the window in all", 1000 * work, None, " ms"),
        ("accept and go on, median", sorted(nexts)[len(nexts) // 2], NEXT_MS, " ms"),
        ("accept and go on, longest", max(nexts), NEXT_MS, " ms"),
    ]
    for text, value, limit, unit in rows:
        kept = "" if limit is None else f"   at most {limit:g}: {'yes' if value <= limit else 'NO'}"
        print(f"{text:36}{value:9.0f}{unit}{kept}")
    for what, (worked, clock, garbage) in heart.longest.items():
        if what:
            kept = "yes" if worked <= STILL_MS else "NO"
            print(
                f"{'longest stop, ' + what:36}{worked:9.0f} ms   at most {STILL_MS:g}: {kept}"
                f"   ({clock:.0f} ms on the clock, {garbage:.0f} ms garbage)"
            )
    if file_of_numbers is not None:
        numbers = {
            "keys": person.keys,
            "clicks": person.clicks,
            "work_seconds": work,
            "key_ms": sorted(nexts)[len(nexts) // 2],
        }
        file_of_numbers.write_text(json.dumps(numbers), encoding="utf-8")
    is_wrong = done[0] != done[1] or not saved or max(off) > 5 or bool(host.errors)
    is_slow = any(worked > STILL_MS for what, (worked, *_) in heart.longest.items() if what)
    is_much = any(limit is not None and value > limit for _, value, limit, _ in rows)
    sys.stdout.flush()
    os._exit(1 if is_wrong or is_slow or is_much else 0)


def make_case(models: Any, count: int, wrong: int) -> tuple[Any, dict[str, Any]]:
    """A detection of a hand with some landmarks 15 to 30 mm off, and where all of them are (world RAS mm).

    Of the wrong ones all but one are little trusted, as it happens with real models.
    """
    import numpy as np

    from LandmarkDetectionLib.core.detection import Detection
    from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status

    random = np.random.default_rng(25)
    model = next(one for one in models if len(one.protocol.names) >= count)
    names = model.protocol.names[:count]
    truth = {name: random.normal(0, 60, 3) for name in names}
    chosen = list(random.choice(names, wrong, replace=False))
    marks = []
    for name in names:
        is_doubted = name in chosen[1:]
        direction = random.normal(size=3)
        shift = direction / np.linalg.norm(direction) * (random.uniform(15, 30) if name in chosen else 0.5)
        marks.append(
            Landmark(
                name,
                truth[name] + shift,
                Status.UNCERTAIN if is_doubted else Status.DETECTED,
                confidence=float(random.uniform(0.2, 0.5) if is_doubted else random.uniform(0.85, 0.99)),
                covariance=np.eye(3) * (100.0 if is_doubted else 4.0),
            )
        )
    return Detection(LandmarkSet(tuple(marks)), model.name, model.version), truth


if __name__ == "__main__":
    main()
