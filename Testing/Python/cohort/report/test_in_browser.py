"""A person goes through the report of 3,000 cases in a browser, from a disk, without a network."""

import os
import shutil
from collections.abc import Iterator

import numpy as np
import pytest

from LandmarkDetectionLib.cohort.report.data import report_data
from LandmarkDetectionLib.cohort.report.page import write_page, write_report
from LandmarkDetectionLib.core.landmarks import Status
from LandmarkDetectionLib.io.protocols import load_protocol
from Testing.examples.cohort_cases import make_results, write_results

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright to steer a browser")
CHROMIUM = os.environ.get("LANDMARK_DETECTION_CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
COUNT = 3000


@pytest.fixture(scope="module")
def results():
    return make_results(COUNT, seed=11)


@pytest.fixture(scope="module")
def folder(results, tmp_path_factory):
    """The report, with the files of a few cases only: who scrolls past the others sees their names."""
    folder = tmp_path_factory.mktemp("browser") / "my cohort"
    write_results(folder, results[:60])
    write_page(report_data(results, {"whole-body 1.0.0": load_protocol("whole-body")}), folder)
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator["playwright.Browser"]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser, folder) -> Iterator["playwright.Page"]:
    """The page, loaded; the test fails when a script fails or anything is asked of a network."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda asked: None if asked.url.startswith("file:") else wrong.append(asked.url))
    page.goto((folder / "report.html").as_uri())
    page.wait_for_selector("body[data-ready]")
    yield page
    context.close()
    assert wrong == []


def shown(page) -> list[str]:
    """The cases on this page of the grid."""
    return page.eval_on_selector_all(".tile", "tiles => tiles.map(tile => tile.dataset.case)")


def count(page) -> int:
    """How many cases pass the filters."""
    return int(page.text_content("#count").split()[0].replace(",", ""))


def test_the_worst_case_comes_first_and_pages_follow_each_other(page, results):
    assert count(page) == COUNT
    first = shown(page)
    assert len(first) == 48 and page.is_disabled("#previous")
    page.click("#next")
    second = shown(page)
    assert not set(first) & set(second)
    page.click("#last")
    last = shown(page)
    failed = {one.case for one in results if one.reason}
    assert page.is_disabled("#next") and set(last) <= failed, "what has no result comes last"
    page.fill("#page", "2")
    assert shown(page) == second
    page.select_option("#order", "name")
    assert shown(page)[0] == "case-00000"


def test_filters_keep_what_they_say(page, results):
    failed = [one.case for one in results if one.reason]
    page.select_option("#state", "failed")
    assert count(page) == len(failed) and set(shown(page)) <= set(failed)
    page.click("#clear")
    assert count(page) == COUNT
    page.fill("#search", failed[0])
    assert shown(page) == [failed[0]]
    page.fill("#search", "holds no body")
    assert count(page) == sum("holds no body" in one.reason for one in results)
    page.click("#clear")
    warned = sum(any(doubt.subject == "side" for doubt in one.doubts) for one in results)
    label = page.eval_on_selector_all(
        "#warning option", "all => all.find(one => one.text.includes('side')).value"
    )
    page.select_option("#warning", label)
    assert count(page) == warned
    page.click("#clear")
    lowest = [
        round(100 * min(c for c, s in zip(one.confidence, one.status, strict=True) if s.has_position))
        for one in results
        if one.names
    ]
    page.eval_on_selector(
        "#below",
        "slider => { slider.value = 40; slider.dispatchEvent(new Event('input', {bubbles: true})); }",
    )
    assert count(page) == sum(value < 40 for value in lowest)
    page.click("#clear")
    chin = sum(
        "chin" in one.names and not one.status[one.names.index("chin")].has_position for one in results
    )
    page.select_option("#absent", "chin")
    assert count(page) == chin


def test_a_view_can_be_bookmarked(page, folder):
    page.select_option("#outlier", "any")
    page.click("#next")
    there, outliers = shown(page), count(page)
    assert 0 < outliers < COUNT
    address = page.url
    other = page.context.new_page()
    other.goto(address)
    other.wait_for_selector("body[data-ready]")
    assert shown(other) == there and other.input_value("#outlier") == "any"


def test_a_case_opens_with_its_numbers_its_files_and_the_command_for_slicer(page, results, folder):
    page.click(".tile .open")
    assert page.text_content("#case-title") == shown(page)[0]
    assert page.locator("#case-body tbody tr").count() > len(results[0].names)
    commands = page.locator(".command code").all_text_contents()
    assert f"'{folder}', '{shown(page)[0]}'" in commands[0] and commands[1] == str(folder)
    page.keyboard.press("ArrowRight")
    assert page.text_content("#case-title") == shown(page)[1]
    page.keyboard.press("Escape")
    assert not page.is_visible("#case")
    page.fill("#search", results[1].case)
    page.click(".tile .open")
    with page.context.expect_page() as opened:
        page.click("#case-body .link-list a >> nth=0")
    assert opened.value.url.endswith("detection.json")


def test_a_bar_of_a_histogram_keeps_its_cases(page):
    page.click("#tab-distributions")
    assert page.locator(".chart svg").count() > 10
    bar = page.locator('.chart[data-name="score"] .hit >> nth=-1')
    within = int(bar.get_attribute("aria-label").rsplit(" ", 1)[1].replace(",", ""))
    bar.focus()
    page.keyboard.press("Enter")
    assert count(page) == within > 0
    page.click("#chips button")
    assert count(page) == COUNT


def test_a_landmark_is_seen_in_every_case_and_its_outliers_are_named(page, results):
    page.click("#tab-landmarks")
    page.click("#landmark-table tbody tr:first-child button")
    page.wait_for_selector("#scatter-views canvas")
    outliers = page.locator("#scatter-outliers .link-list button")
    named = outliers.first.text_content().split(" ")[0]
    title = page.text_content("#scatter-title")
    many = int(page.text_content("#landmark-table tbody tr:first-child td:last-child"))
    assert page.text_content("#scatter-outliers h3").startswith(f"{many} outlier")
    outliers.first.click()
    assert page.text_content("#case-title") == named
    assert title in page.text_content("#case-body")
    page.keyboard.press("Escape")
    page.click("text=Show their pictures")
    assert count(page) == many and named in shown(page)


def test_thumbnails_are_fetched_when_they_come_into_view(page):
    loads = page.eval_on_selector_all(".tile img", "all => all.map(one => one.loading)")
    assert loads and set(loads) == {"lazy"}


def test_reasons_of_failures_are_counted(page, results):
    page.click("#tab-failures")
    rows = page.locator("#failure-table tbody tr")
    total = sum(int(text) for text in rows.locator("td.number").all_text_contents())
    assert rows.count() == 3 and total == sum(bool(one.reason) for one in results)
    several = rows.first.locator("td.number").text_content()
    page.click("#failure-table tbody tr:first-child button:last-child")
    assert count(page) == int(several)


def test_keys_alone_reach_every_part(page):
    page.focus("#tab-cases")
    for part in ("distributions", "landmarks", "failures", "results"):
        page.keyboard.press("ArrowRight")
        assert page.is_visible(f"#{part}")
    unnamed = page.evaluate(
        "() => [...document.querySelectorAll('button, input, select, img')].filter(one =>"
        " !(one.labels?.length || one.ariaLabel || one.title || one.alt || one.textContent.trim()))"
        ".map(one => one.outerHTML)"
    )
    assert unnamed == []


def test_without_its_data_the_page_says_what_is_missing(browser, folder, tmp_path):
    shutil.copy(folder / "report.html", tmp_path)
    page = browser.new_page()
    page.goto((tmp_path / "report.html").as_uri())
    page.wait_for_selector("#trouble:not([hidden])")
    assert "needs the folder report-data beside it" in page.text_content("#trouble")
    page.close()


def open_page(browser, folder, results):
    """The page of a small cohort; the test fails when a script of it fails."""
    write_results(folder, results)
    write_report(folder)
    page = browser.new_page()
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto((folder / "report.html").as_uri())
    page.wait_for_selector("body[data-ready]")
    return page, wrong


def test_a_single_case_is_shown_large_and_nothing_is_compared(browser, tmp_path):
    page, wrong = open_page(browser, tmp_path / "one", make_results(1, share_failed=0.0))
    assert not any(page.is_visible(f"#{name}") for name in ("tabs", "filters", "paging"))
    assert page.get_attribute(".tile img", "src").endswith("overlay.png")
    page.click(".tile .open")
    assert page.locator("#case-body tbody tr").count() > 31
    assert wrong == []
    page.close()


def test_three_cases_are_points_and_one_without_landmarks_says_so(browser, tmp_path):
    results = make_results(3, share_failed=0.0)
    none = {
        "positions": np.full_like(results[1].positions, np.nan),
        "status": (Status.ABSENT,) * len(results[1].names),
        "confidence": np.full(len(results[1].names), 0.01),
        "measurements": {},
        "doubts": (),
    }
    results[1] = type(results[1])(**{**vars(results[1]), **none})
    page, wrong = open_page(browser, tmp_path / "three", results)
    tabs = page.eval_on_selector_all("[role=tab]", "all => all.filter(one => !one.hidden).map(one => one.id)")
    assert tabs == ["tab-cases", "tab-distributions", "tab-landmarks"], "no case failed"
    assert page.locator(".tile .score", has_text="No landmark of the model in this scan").count() == 1
    assert "without any landmark in the scan" in page.text_content(".cards")
    page.click("#tab-distributions")
    assert page.locator('.chart[data-name="score"] .dot').count() == 3
    assert page.locator('.chart[data-name="lowest"] .dot').count() == 2
    median = int(page.text_content('.chart[data-name="confidence"] p').split()[1])
    assert median > 50, "what is absent has no confidence to count"
    page.click('.chart[data-name="score"] .dot >> nth=0')
    assert page.is_visible("#case")
    page.keyboard.press("Escape")
    page.click("#tab-landmarks")
    assert page.is_visible("#without-frame") and not page.is_visible("#frame")
    assert page.locator("#landmark-table tbody tr").count() == len(results[0].names)
    assert wrong == []
    page.close()
