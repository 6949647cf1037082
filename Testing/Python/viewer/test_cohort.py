"""A cohort in the browser: the worst case first, and two people who never lose each other's work."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from LandmarkDetectionLib.cohort.results.records import CaseRecord, Cohort, read_case, write_case
from LandmarkDetectionLib.cohort.results.reviews import read_case_review, review_path, write_case_review
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.io.shared_review import who_reviews
from LandmarkDetectionLib.io.volumes import write_volume
from Testing.examples.cohort_cases import make_results, write_results
from Testing.Python.viewer.browser_cases import Page, Served, memory_mb, until

MODEL = "whole-body"


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Three cases with images."""
    return cohort_in(tmp_path_factory.mktemp("cohort"), 3)


def cohort_in(folder: Path, count: int) -> Cohort:
    """So many cases with images."""
    cohort = write_results(folder / "results", make_results(count, seed=4, share_failed=0))
    for number, key in enumerate(cohort.keys()):
        voxels = np.full((40, 20, 20), -1000, np.int16)
        voxels[4:-4, 5:-5, 5:-5] = 40 + number
        spacing = np.diag([-60.0, -60.0, 60.0, 1.0])
        spacing[:3, 3] = 600, 600, -1200
        write_volume(Volume(voxels, spacing, "CT", ""), folder / f"{key}.nrrd")
        record: CaseRecord = read_case(cohort.folder, key)
        write_case(cohort.folder, replace(record, source=str(folder / f"{key}.nrrd")))
    return cohort


@pytest.fixture(scope="module")
def page(serve: Callable[..., Served], browser: object, cohort: Cohort) -> Page:
    page = Page(browser, serve(cohort.folder, "--reviewer", "Anna").address)
    page.wait_for("hasLandmarks", True)
    return page


def open_case(page: Page) -> str:
    key = page.state("cases")[page.state("case")]["key"]
    assert isinstance(key, str)
    return key


def test_the_worst_case_is_open_and_marked(page: Page, cohort: Cohort) -> None:
    doubts = [one["doubt"] for one in page.state("cases")]
    assert doubts == sorted(doubts, reverse=True) and page.state("case") == 0
    assert [one.by for one in who_reviews(review_path(cohort, open_case(page), MODEL))] == ["Anna"]


def test_what_somebody_else_saved_is_shown_and_not_written_over(page: Page, cohort: Cohort) -> None:
    key = open_case(page)
    mine = page.state("selected")
    theirs = next(row["name"] for row in page.state("rows") if row["name"] != mine)
    path = review_path(cohort, key, MODEL)
    other = read_case_review(cohort, key, MODEL).mark_missing(theirs).mark_missing(mine)
    write_case_review(cohort, key, MODEL, other)
    before = path.read_bytes()
    page.press("a")
    page.wait("window.trame.state.get('review_conflict').length > 0")
    assert path.read_bytes() == before
    assert "Somebody else has saved this review meanwhile" in page.message
    assert page.tab.locator(".conflict tr").count() == 3
    page.picture("conflict")
    page.tab.locator("button.merge").click()
    page.wait("window.trame.state.get('review_conflict').length === 0")
    until(lambda: path.read_bytes() != before)
    both = read_case_review(cohort, key, MODEL)
    assert both.landmarks[theirs].status.value == "missing"
    assert both.landmarks[mine].status.value != "missing"


def test_keys_go_from_case_to_case_and_the_mark_goes_along(page: Page, cohort: Cohort) -> None:
    first = open_case(page)
    page.press("Shift+N")
    page.wait_for("case", 1)
    page.wait_for("hasLandmarks", True)
    second = open_case(page)
    until(lambda: bool(who_reviews(review_path(cohort, second, MODEL))))
    assert not who_reviews(review_path(cohort, first, MODEL))
    page.press("Shift+P")
    page.wait_for("case", 0)
    page.wait("window.trame.state.get('review_done') > 0")
    page.press("Shift+P")
    page.wait("window.trame.state.get('review_messageText') === 'This is the first case.'")


def test_ten_cases_one_after_another_leave_no_more_memory_than_three(
    serve: Callable[..., Served], browser: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cohort = cohort_in(tmp_path_factory.mktemp("ten"), 10)
    served = serve(cohort.folder)
    page = Page(browser, served.address)
    page.wait_for("hasLandmarks", True)
    used = []
    for case in range(10):
        page.press("a")
        page.wait_for("done", 1)
        used.append(memory_mb(served.process.pid))
        if case < 9:
            page.press("Shift+N")
            page.wait_for("case", case + 1)
            page.wait_for("done", 0)
            page.wait_for("hasLandmarks", True)
    # A case is a megabyte; what a scene would keep of it is several.
    assert used[9] - used[2] < 40, used
    page.context.close()
