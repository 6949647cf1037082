"""A served review and a browser for the tests of a file.

The viewer has an environment of its own: its packages and those of the other tests exclude each other. It is
that of ``LANDMARK_DETECTION_VIEWER_PYTHON``, or this one if it has trame-slicer; without either, tests skip.
"""

from collections.abc import Callable, Iterator

import pytest

from Testing.Python.viewer.browser_cases import CHROMIUM, PYTHON, Served

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright to steer a browser")


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[..., Served]]:
    """Serve a review; it ends with the tests of the file."""
    if PYTHON is None:
        pytest.skip(
            "needs trame-slicer, in an environment of its own: pip install '.[viewer]' there, and set "
            "LANDMARK_DETECTION_VIEWER_PYTHON to its Python"
        )
    served: list[Served] = []

    def start(*arguments: object) -> Served:
        served.append(Served(*arguments))
        return served[-1]

    yield start
    for one in served:
        one.end()


@pytest.fixture(scope="module")
def browser() -> Iterator["playwright.Browser"]:
    """Chromium."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
