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
started, after every case (Linux).
"""

from __future__ import annotations

import argparse
import statistics
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
        cohort = make_cohort(Path(folder), options.cases, options.landmarks)
        begun = time.perf_counter()
        served = Served(cohort.folder, "--reviewer", "benchmark")
        up = time.perf_counter()
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = Page(browser, served.address)
        page.wait_for("hasLandmarks", True)
        print(f"server up after {up - begun:.1f} s, first case shown {time.perf_counter() - up:.1f} s later")
        try:
            review(page, served, options.cases, options.wrong)
        finally:
            browser.close()
            served.end()


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


def review(page: Page, served: Served, cases: int, wrong: int) -> None:
    """Go through all cases and print the tables."""
    page.tab.wait_for_selector(".views img")
    page.tab.evaluate(WATCH)
    keys = drags = 0
    key_ms: list[float] = []
    print("case  landmarks  keys  drags  seconds  memory MB")
    for case in range(cases):
        begun, keys, drags = time.perf_counter(), 0, 0
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
        print(f"{case + 1:4d}  {total:9d}  {keys:4d}  {drags:5d}  {seconds:7.1f}  {memory:9.0f}")
        if case + 1 < cases:
            page.press("Shift+N")
            page.wait_for("case", case + 1)
            page.wait_for("isOpening", False)
            page.wait_for("done", 0)
    steps = page.tab.evaluate("window.steps")
    drag, key = statistics.median(steps), statistics.median(key_ms)
    print(
        f"drag step: median {drag:.0f} ms of {len(steps)}; a key: median {key:.0f} ms; ratio {drag / key:.2f}"
    )


if __name__ == "__main__":
    main()
