"""A radiograph in the browser: one view, pixels instead of millimetres."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.io.records import read_review, write_detection
from LandmarkDetectionLib.io.volumes import read_volume
from Testing.examples.hand_radiograph import TIPS, drawn_radiograph
from Testing.Python.viewer.browser_cases import Page, Served, until


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture, and a record of its fingertips beside it."""
    folder = tmp_path_factory.mktemp("radiograph")
    Image.fromarray(drawn_radiograph().clip(0, 255).astype(np.uint8)).save(folder / "hand.png")
    volume = read_volume(folder / "hand.png")
    marks = tuple(
        Landmark(name, (volume.ijk_to_ras @ [*place, 0, 1])[:3], Status.DETECTED, 0.6 + 0.05 * number)
        for number, (name, place) in enumerate(TIPS.items())
    )
    write_detection(Detection(LandmarkSet(marks, name="Fingertips"), "", ""), folder / "hand.json")
    return folder


@pytest.fixture(scope="module")
def page(serve: Callable[..., Served], browser: object, folder: Path) -> Page:
    page = Page(browser, serve(folder / "hand.png").address)
    page.wait_for("hasLandmarks", True)
    return page


def test_one_view_shows_it(page: Page) -> None:
    assert page.tab.locator(".views .view-name:visible").count() == 1
    assert page.tab.locator(".view-name:visible").inner_text().startswith("Image")
    assert page.tab.locator(".view-slider:visible").count() == 0, "there is but one slice"
    assert [row["name"] for row in page.state("rows")] == list(TIPS)
    page.picture("radiograph")


def test_a_point_is_dragged_in_its_plane(page: Page, folder: Path) -> None:
    page.drag("Image", 40, 0)
    page.wait_for("done", 1)
    until(lambda: (folder / "hand-review.json").is_file())
    review = read_review(folder / "hand-review.json")
    mark, was = review.landmarks["thumb"], review.prediction.landmarks["thumb"]
    to_pixel = np.linalg.inv(read_volume(folder / "hand.png").ijk_to_ras)
    column, row, depth = ((to_pixel @ [*mark.position, 1]) - (to_pixel @ [*was.position, 1]))[:3]
    assert column > 1 and abs(row) < 1 and abs(depth) < 1e-3
    assert mark.status is Status.CORRECTED


def test_all_of_it_is_reviewed_by_keys(page: Page, folder: Path) -> None:
    page.accept_all()
    page.press("Control+s")
    page.wait_for("isSaved", True)
    assert read_review(folder / "hand-review.json").progress == (len(TIPS), len(TIPS))
    # What the detection wrote is left as it was.
    assert read_review(folder / "hand.json").reviewed == ()
