"""The sample in the browser: found, reviewed by keys and by the mouse, saved, and there again."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from LandmarkDetectionLib.core.landmarks import Status
from LandmarkDetectionLib.core.review import Review
from LandmarkDetectionLib.files import resource_path
from LandmarkDetectionLib.io.records import read_review
from Testing.Python.viewer.browser_cases import Page, Served, until

NAME = "sample-of-nobody"
#: A landmark that something is measured from.
MEASURED = "hip_left"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("body")
    shutil.copy(resource_path("SampleData", "synthetic-body-ct.nrrd"), folder / f"{NAME}.nrrd")
    return folder


@pytest.fixture(scope="module")
def served(serve: Callable[..., Served], folder: Path) -> Served:
    return serve(folder / f"{NAME}.nrrd", "--model", "whole-body-skin")


@pytest.fixture(scope="module")
def page(served: Served, browser: object) -> Iterator[Page]:
    page = Page(browser, served.address)
    page.wait_for("canDetect", True)
    yield page
    assert page.errors == []


@pytest.fixture(scope="module")
def detected(page: Page) -> Page:
    """The page with the landmarks that were found there."""
    page.tab.locator("button.detect").click()
    page.wait_for("hasLandmarks", True)
    return page


@pytest.fixture
def begun(detected: Page) -> Page:
    """Nothing settled, the others staying."""
    while detected.state("canUndo") and detected.state("done"):
        done = detected.state("done")
        detected.press("Control+z")
        detected.wait(f"window.trame.state.get('review_done') !== {done}")
    detected.tab.locator("select[aria-label='Other landmarks']").select_option("stay")
    detected.wait_for("others", "stay")
    return detected


def saved(folder: Path) -> Review:
    return read_review(folder / f"{NAME}-review.json")


def test_neither_title_nor_address_names_the_patient_or_the_token(page: Page, served: Served) -> None:
    token = served.address.partition("token=")[2]
    page.wait("document.title === 'Landmark review'")
    assert token not in page.tab.url and NAME not in page.tab.url
    assert token not in page.tab.evaluate("document.cookie")


def test_a_detection_shows_how_far_it_is_and_can_be_cancelled(page: Page) -> None:
    page.tab.locator("button.detect").click()
    page.wait_for("isDetecting", True)
    page.tab.locator("progress[aria-label=Detection]").wait_for()
    page.tab.locator("button.cancel").click()
    page.wait_for("isDetecting", False)
    assert page.message == "Cancelled; nothing was changed."
    assert not page.state("hasLandmarks")


def test_the_worst_landmark_is_first_and_selected(detected: Page) -> None:
    rows = detected.state("rows")
    assert len(rows) == 31
    assert detected.state("selected") == rows[0]["name"]
    assert detected.tab.locator(".landmarks tr.is-selected").inner_text().split("\n")[0]
    detected.wait("window.trame.state.get('review_title') && window.trame.state.get('review_remarks')")


def test_keys_mean_what_they_mean_in_the_panel(begun: Page) -> None:
    first, second = (row["name"] for row in begun.state("rows")[:2])
    begun.press("n")
    begun.wait_for("selected", second)
    begun.press("p")
    begun.wait_for("selected", first)
    begun.press("m")
    begun.wait_for("selected", second)
    assert begun.status_of(first) == "missing"
    begun.press("p", "r")
    begun.wait_for("done", 0)
    begun.press("a")
    begun.wait_for("done", 1)
    begun.press("Control+z")
    begun.wait_for("done", 0)
    begun.press("Control+y")
    begun.wait_for("done", 1)


def test_a_landmark_is_dragged_in_a_slice_and_one_undo_takes_it_back(begun: Page, folder: Path) -> None:
    name = begun.state("selected")
    begun.drag("Axial", 60, 30)
    begun.wait_for("done", 1)
    assert begun.status_of(name) == "corrected"
    begun.picture("review")
    until(lambda: (folder / f"{NAME}-review.json").is_file() and saved(folder).reviewed == (name,))
    mark = saved(folder).landmarks[name]
    moved = mark.position - saved(folder).prediction.landmarks[name].position
    # To the right on the screen is the left of the body, and down is back.
    assert moved[0] < -1 and moved[1] < -1 and abs(moved[2]) < 1
    begun.press("Control+z")
    begun.wait_for("done", 0)


def test_a_landmark_is_dragged_in_the_3d_view(begun: Page, folder: Path) -> None:
    name = begun.state("selected")
    begun.drag("3D", 40, 0)
    begun.wait_for("done", 1)
    assert begun.status_of(name) == "corrected"
    until(lambda: saved(folder).reviewed == (name,))
    moved = saved(folder).landmarks[name].position - saved(folder).prediction.landmarks[name].position
    assert moved[0] < -1  # from the front, right is the left of the body


def test_arrow_keys_move_a_landmark_and_measurements_with_it(begun: Page, folder: Path) -> None:
    name = begun.state("selected")
    begun.press("Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowUp")
    begun.wait_for("done", 1)

    def moved() -> list[float]:
        review = saved(folder)
        place = review.landmarks[name].position - review.prediction.landmarks[name].position
        return [round(float(value), 3) for value in place]

    until(lambda: saved(folder).reviewed == (name,) and moved() == [-2.0, 0.0, 1.0])
    assert begun.state("measurements")
    begun.press(*["Control+z"] * 3)
    begun.wait_for("done", 0)


def test_the_others_follow_and_one_undo_takes_all_of_them_back(begun: Page, folder: Path) -> None:
    before = {row["name"]: row["status"] for row in begun.state("rows")}
    begun.tab.locator("select[aria-label='Other landmarks']").select_option("follow")
    begun.wait_for("others", "follow")
    begun.drag("Axial", 80, 40)
    begun.wait("window.trame.state.get('review_messageText').includes('moved')")
    until(lambda: _moved(saved(folder)) > 1)
    begun.press("Control+z")
    begun.wait_for("done", 0)
    until(lambda: _moved(saved(folder)) == 0)
    assert {row["name"]: row["status"] for row in begun.state("rows")} == before


def test_the_others_follow_while_dragging_and_measurements_are_live(begun: Page, folder: Path) -> None:
    begun.tab.locator("select[aria-label='Other landmarks']").select_option("live")
    begun.wait_for("others", "live")
    select(begun, MEASURED)
    before = json.dumps(begun.state("measurements"))

    def while_held() -> None:
        begun.wait(f"JSON.stringify(window.trame.state.get('review_measurements')) !== {before!r}")
        assert begun.state("done") <= 1, "a drag is one step, however far it goes"

    begun.drag("Axial", 80, 0, while_held)
    begun.wait_for("done", 1)
    # As many as have pale rings now.
    begun.wait("window.trame.state.get('review_messageText').includes('moved')")
    begun.picture("follow")
    until(lambda: _moved(saved(folder)) > 1)
    begun.press("Control+z")
    begun.wait_for("done", 0)
    until(lambda: _moved(saved(folder)) == 0)


def test_the_model_looks_again_near_a_click(begun: Page, folder: Path) -> None:
    select(begun, MEASURED)
    begun.press("f")
    begun.wait_for("isFinding", True)
    begun.press("Escape")
    begun.wait_for("isFinding", False)
    begun.press("f")
    begun.wait_for("isFinding", True)
    x, y = begun.middle("Axial")
    begun.tab.mouse.move(x + 20, y + 5, steps=4)
    begun.settle()
    begun.tab.mouse.click(x + 20, y + 5)
    begun.wait_for("isFinding", False)
    begun.wait_for("done", 1)
    assert begun.status_of(MEASURED) == "corrected"
    until(lambda: saved(folder).reviewed == (MEASURED,))
    review = saved(folder)
    away = review.landmarks[MEASURED].position - review.prediction.landmarks[MEASURED].position
    assert np.linalg.norm(away) < 60, "it is looked for near the click"
    begun.press("Control+z")
    begun.wait_for("done", 0)


def test_locked_points_do_not_follow_the_mouse(begun: Page) -> None:
    begun.press("l")
    begun.wait_for("isLocked", True)
    begun.drag("Axial", 60, 30)
    begun.press("Shift+ArrowRight")
    begun.press("l")
    begun.wait_for("isLocked", False)
    assert begun.state("done") == 0


def test_definition_and_reference_picture_are_beside_the_landmark(begun: Page) -> None:
    select(begun, MEASURED)
    assert begun.state("remarks")[0].endswith(".")
    picture = begun.tab.locator("img.reference")
    assert picture.get_attribute("alt") == "Where the left hip is on an ordinary body"
    assert picture.evaluate("one => one.complete && one.naturalWidth > 0")


def test_each_status_has_a_sign_of_its_own_besides_its_colour(begun: Page) -> None:
    begun.press("a")
    begun.wait_for("done", 1)
    begun.press("m")
    begun.wait_for("done", 2)
    begun.press("Shift+ArrowUp")
    begun.wait_for("done", 3)
    signs = {row["status"]: row["symbol"] for row in begun.state("rows")}
    assert {"accepted", "missing", "corrected", "detected"} <= set(signs)
    assert len(set(signs.values())) == len(signs)
    shown = begun.tab.locator(".landmarks .symbol").all_inner_texts()
    assert set(shown) == set(signs.values())


@pytest.mark.parametrize("size", [(1280, 800), (1280, 640), (1920, 1080)])
def test_all_of_the_page_is_on_the_screen(begun: Page, size: tuple[int, int]) -> None:
    width, height = size
    begun.tab.set_viewport_size({"width": width, "height": height})
    try:
        begun.wait(
            "![...document.querySelectorAll('.side button, .side select, .views img')]"
            ".filter(one => { const box = one.getBoundingClientRect(); return box.width && (box.left < 0 ||"
            " box.top < 0 || box.right > innerWidth + 1 || box.bottom > innerHeight + 1); }).length"
        )
        assert begun.tab.evaluate("document.documentElement.scrollWidth") <= width
        assert begun.tab.locator(".landmarks").bounding_box()["height"] >= 100
    finally:
        begun.tab.set_viewport_size({"width": 1280, "height": 800})


def test_every_control_has_a_name_and_is_reached_by_the_keyboard(begun: Page) -> None:
    unnamed = begun.tab.evaluate(
        "() => [...document.querySelectorAll('.review button, .review select, .review [role=slider], '"
        " + '.review input:not([aria-hidden], .v-slider input)')].filter(one =>"
        " !(one.labels?.length || one.ariaLabel || one.title || one.textContent.trim()) || one.tabIndex < 0)"
        ".map(one => one.outerHTML.slice(0, 120))"
    )
    assert unnamed == []


def select(page: Page, name: str) -> None:
    """Go to a landmark by a click on its row."""
    page.tab.locator(f"#row-{name}").click()
    page.wait_for("selected", name)
    page.wait("window.trame.state.get('review_title') !== ''")


def _moved(review: Review) -> int:
    pairs = zip(review.landmarks, review.prediction.landmarks, strict=True)
    return sum(
        one.is_present and bool(np.abs(one.position - was.position).max() > 0.01) for one, was in pairs
    )


def test_everything_is_reviewed_by_the_keyboard_alone_and_is_there_after_loading_again(
    begun: Page, folder: Path
) -> None:
    total = begun.state("total")
    begun.accept_all()
    assert begun.message == f"All {total} landmarks are reviewed."
    begun.press("Control+s")
    begun.wait_for("isSaved", True)
    assert saved(folder).progress == (total, total)
    assert all(mark.status in (Status.ACCEPTED, Status.MISSING) for mark in saved(folder).landmarks)
    begun.tab.reload()
    begun.wait_for("done", total)
    begun.tab.locator("button[aria-label='Dark or light']").click()
    begun.wait_for("theme", "light")
    begun.picture("light")


def test_whoever_has_no_token_gets_nothing(served: Served, browser: object, page: Page) -> None:
    stranger = browser.new_context()  # type: ignore[attr-defined]
    for path in ("", "index.html", "__landmark_review/page.js", "alive", "ws", "?token=guessed"):
        answer = stranger.request.get(served.root + path)
        assert answer.status == 401 and "token" in answer.text(), path
    stranger.close()


def test_a_page_of_another_address_cannot_connect(served: Served, page: Page) -> None:
    answer = page.context.request.get(
        f"{served.root}ws", headers={"Origin": "https://elsewhere.example", "Upgrade": "websocket"}
    )
    assert answer.status == 403


def test_a_second_browser_is_told_that_somebody_is_there(served: Served, browser: object, page: Page) -> None:
    other = browser.new_context()  # type: ignore[attr-defined]
    tab = other.new_page()
    tab.goto(served.address)
    assert "Somebody has this review open" in tab.inner_text("body")
    other.close()


def test_it_ends_cleanly_and_has_named_nobody(served: Served, page: Page) -> None:
    assert served.end() == 0
    said = [line for line in served.said if "address" not in line]
    assert NAME not in "".join(said)
    page.tab.wait_for_selector("#review-lost:not([hidden])")
