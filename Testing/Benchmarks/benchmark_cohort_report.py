"""How long the report of a large cohort takes to write, how large it is, and how quickly a browser shows it.

    python Testing/Benchmarks/benchmark_cohort_report.py --count 10000

The results are generated. The browser is the system's Chromium, steered by Playwright; without both only the
writing is measured.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))


def main() -> None:
    """Print a table of what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000, help="cases (default: 10000)")
    parser.add_argument("--out", type=Path, help="folder to keep the report in")
    options = parser.parse_args()

    from LandmarkDetectionLib.cohort.report.data import report_data
    from LandmarkDetectionLib.cohort.report.page import write_page
    from LandmarkDetectionLib.io.protocols import load_protocol
    from Testing.examples.cohort_cases import make_results

    folder = options.out or Path(tempfile.mkdtemp(prefix="cohort-report-"))
    folder.mkdir(parents=True, exist_ok=True)
    results = make_results(options.count)
    protocols = {"whole-body 1.0.0": load_protocol("whole-body")}
    data = _timed("results compared", lambda: report_data(results, protocols))
    page = _timed("report written", lambda: write_page(data, folder))
    sizes = {path.name: path.stat().st_size for path in (folder / "report-data").iterdir()}
    cases = sum(size for name, size in sizes.items() if name.startswith("cases"))
    print(f"{'page':44}{page.stat().st_size / 1e6:9.2f} MB")
    print(f"{'what the page reads at once':44}{cases / 1e6:9.2f} MB")
    print(f"{'positions, read landmark by landmark':44}{(sum(sizes.values()) - cases) / 1e6:9.2f} MB")
    _in_browser(page)
    if options.out is None:
        shutil.rmtree(folder)


def _in_browser(page: Path) -> None:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if chromium is None:
        print("no browser to measure with (playwright and Chromium)")
        return
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1360, "height": 900})

        def opened() -> None:
            tab.goto(page.as_uri())
            tab.wait_for_selector("body[data-ready]", timeout=300_000)

        # Two frames later what was asked for is painted.
        painted = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"

        def then_painted(action: Callable[[], object]) -> Callable[[], object]:
            return lambda: (action(), tab.evaluate(painted))

        _timed("page opened in Chromium", then_painted(opened))
        _timed("next page of cases", then_painted(lambda: tab.click("#next")))
        _timed("filter by words", then_painted(lambda: tab.fill("#search", "swapped")))
        _timed("filters cleared", then_painted(lambda: tab.click("#clear")))
        _timed("all histograms", then_painted(lambda: tab.click("#tab-distributions")))
        tab.click("#tab-landmarks")

        def landmark() -> None:
            tab.click("#landmark-table tbody tr:first-child button")
            tab.wait_for_selector("#scatter-views canvas")

        _timed("one landmark in every case", then_painted(landmark))
        browser.close()


def _timed(text: str, action: Callable):
    start = time.perf_counter()
    result = action()
    print(f"{text:44}{time.perf_counter() - start:9.2f} s", flush=True)
    return result


if __name__ == "__main__":
    main()
