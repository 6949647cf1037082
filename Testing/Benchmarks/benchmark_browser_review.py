"""A reviewer at the page in the browser: keys and clicks, latency of a drag, memory of a session.

    export LANDMARK_DETECTION_VIEWER_PYTHON=.venv-viewer/bin/python
    python Testing/Benchmarks/benchmark_browser_review.py
    python Testing/Benchmarks/benchmark_browser_review.py --cases 3 --landmarks 25 --wrong 4

A cohort of synthetic cases is served as users serve it, and Chromium does what a reviewer does: looks at the
landmarks in the order of the list, drags what is wrong with the mouse and accepts the rest by key, then goes
to the next case. A click or a drag counts one.

The latency of a drag step is the time from a mouse event to the next picture of the view, as the browser's
script sees both; beside it, as a yardstick of the same run, that of a key that accepts a landmark: the table
is written anew, and all views go to the next one. Memory is that of the server with the processes it has
started, after every case (Linux); beside it is the server's processor time, which a busy machine lengthens
less than the time on the clock. At the end the panel's reviewer (benchmark_review.py) goes through as many
landmarks, as many of them wrong, and both stand side by side; the panel's count has the detection, a step
back and the saving in it.
How busy the machine was is printed at both ends.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from LandmarkDetectionLib.cohort.results.records import Cohort, read_case, write_case  # noqa: E402
from LandmarkDetectionLib.core.volume import Volume  # noqa: E402
from LandmarkDetectionLib.io.volumes import write_volume  # noqa: E402
from Testing.examples.cohort_cases import make_results, write_results  # noqa: E402
from Testing.Python.viewer.browser_cases import CHROMIUM, PYTHON, Page, Served, memory_mb  # noqa: E402

#: Every picture of a view is another address of its <img>.
WATCH = """
() => {
  window.steps = [];
  let begun = null;
  window.addEventListener('mousemove', () => { begun ??= performance.now(); }, true);
  new MutationObserver(() => {
    if (begun !== null) { window.steps.push(performance.now() - begun); begun = null; }
  }).observe(document.querySelector('.views'),
             { subtree: true, attributes: true, attributeFilter: ['src'] });
}
"""


def main() -> None:
    """Print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cases", type=int, default=10)
    parser.add_argument("--landmarks", type=int, default=25)
    parser.add_argument("--wrong", type=int, default=4)
    options = parser.parse_args()
    if PYTHON is None or CHROMIUM is None:
        sys.exit("This needs trame-slicer (LANDMARK_DETECTION_VIEWER_PYTHON) and Chromium.")
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        print(f"load of the machine: {busy()}")
        cohort = make_cohort(Path(folder), options.cases, options.landmarks)
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        begun = time.perf_counter()
        served = Served(cohort.folder, "--reviewer", "benchmark")
        up, worked = time.perf_counter(), processor_seconds(served.process.pid)
        page = Page(browser, served.address)
        page.wait_for("hasLandmarks", True)
        page.tab.wait_for_selector(".views img")
        shown, used = time.perf_counter() - up, processor_seconds(served.process.pid) - worked
        print(
            f"server up after {up - begun:.1f} s ({worked:.1f} s of a processor), the first case with its "
            f"views shown {shown:.1f} s later ({used:.1f} s of the server's processor)"
        )
        try:
            browsed = review(page, served, options.cases, options.wrong)
        finally:
            browser.close()
            served.end()
        compare(browsed, panel(Path(folder), options.landmarks, options.wrong))
        print(f"load of the machine: {busy()}")


def busy() -> str:
    """Programs that wanted a core in the last minute, and how many cores there are."""
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return f"{load} on {os.cpu_count()} cores"


def panel(folder: Path, landmarks: int, wrong: int) -> dict[str, float]:
    """The numbers of the panel's reviewer; empty, with a word, where the panel cannot run here."""
    file = folder / "panel.json"
    script = REPOSITORY / "Testing" / "Benchmarks" / "benchmark_review.py"
    command = [sys.executable, script, "--landmarks", str(landmarks), "--wrong", str(wrong), "--json", file]
    told = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    if not file.is_file():
        print(f"the panel was not measured: {(told.stderr.strip().splitlines() or ['no reason'])[-1]}")
        return {}
    numbers: dict[str, float] = json.loads(file.read_text(encoding="utf-8"))
    return numbers


def compare(browsed: dict[str, float], shown: dict[str, float]) -> None:
    """Print the first case in the browser and one in the panel side by side."""
    print(f"{'one case':28}{'panel':>10}{'browser':>10}")
    for name, words in (
        ("keys", "keys"),
        ("clicks", "clicks and drags"),
        ("work_seconds", "processor seconds"),
        ("key_ms", "a key, median ms"),
    ):
        cells = (f"{numbers[name]:10.1f}" if name in numbers else " " * 10 for numbers in (shown, browsed))
        print(f"{words:28}{''.join(cells)}")


def make_cohort(folder: Path, cases: int, landmarks: int) -> Cohort:
    """Results with so many landmarks, and an image for each."""
    results = [
        replace(
            one,
            names=one.names[:landmarks],
            positions=one.positions[:landmarks],
            confidence=one.confidence[:landmarks],
            status=one.status[:landmarks],
        )
        for one in make_results(cases, seed=4, share_failed=0)
    ]
    cohort = write_results(folder / "results", results)
    rng = np.random.default_rng(0)
    for key in cohort.keys():
        voxels = np.full((240, 120, 120), -1000, np.int16)
        voxels[20:-20, 30:-30, 30:-30] = rng.normal(40, 10, (200, 60, 60))
        placed = np.diag([-10.0, -10.0, 10.0, 1.0])
        placed[:3, 3] = 600, 600, -1200
        write_volume(Volume(voxels, placed, "CT", ""), folder / f"{key}.nrrd")
        record = read_case(cohort.folder, key)
        write_case(cohort.folder, replace(record, source=str(folder / f"{key}.nrrd")))
    return cohort


def review(page: Page, served: Served, cases: int, wrong: int) -> dict[str, float]:
    """Go through all cases and print the tables; gives the numbers of the first case."""
    first: dict[str, float] = {}
    page.tab.wait_for_selector(".views img")
    page.tab.evaluate(WATCH)
    keys = drags = 0
    key_ms: list[float] = []
    print("case  landmarks  keys  drags  seconds  processor s  memory MB")
    for case in range(cases):
        begun, keys, drags = time.perf_counter(), 0, 0
        worked = processor_seconds(served.process.pid)
        while page.state("done") < page.state("total"):
            done, selected = page.state("done"), page.state("selected")
            changed = (
                f"window.trame.state.get('review_done') !== {done} || "
                f"window.trame.state.get('review_selected') !== '{selected}'"
            )
            if drags < wrong:
                page.drag("Axial", 30, 20)
                drags += 1
                page.wait(f"window.trame.state.get('review_done') !== {done}")
                page.press("n")
            else:
                before = time.perf_counter()
                page.press("a")
                page.wait(changed)
                key_ms.append(1000 * (time.perf_counter() - before))
            keys += 1
        total, memory = page.state("total"), memory_mb(served.process.pid)
        seconds = time.perf_counter() - begun
        worked = processor_seconds(served.process.pid) - worked
        print(
            f"{case + 1:4d}  {total:9d}  {keys:4d}  {drags:5d}  {seconds:7.1f}  {worked:11.1f}"
            f"  {memory:9.0f}",
            flush=True,
        )
        first = first or {"keys": keys, "clicks": drags, "work_seconds": worked}
        if case + 1 < cases:
            page.press("Shift+N")
            page.wait_for("case", case + 1)
            page.wait_for("isOpening", False)
            page.wait_for("done", 0)
    steps = page.tab.evaluate("window.steps")
    first["key_ms"] = statistics.median(key_ms)
    drag, key = statistics.median(steps), statistics.median(key_ms)
    print(
        f"drag step: median {drag:.0f} ms of {len(steps)}; a key: median {key:.0f} ms; ratio {drag / key:.2f}"
    )
    return first


def processor_seconds(pid: int) -> float:
    """Processor time of a process so far; NaN where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
