"""What the page in the browser does with cases and files, without a browser: its desk on Slicer's scene."""

import asyncio
import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.io.records import read_review, write_detection
from LandmarkDetectionLib.io.shared_review import Mark, write_if_unchanged
from LandmarkDetectionLib.io.volumes import write_volume
from LandmarkDetectionLib.models import load_model
from Testing.examples.cohort_cases import make_results, write_results

NAMES = ("chin", "sternal_notch", "knee_left")


class State(dict):
    """As trame's: changes are sent when the block ends."""

    def __enter__(self) -> "State":
        return self

    def __exit__(self, *_: object) -> None: ...


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A scan, and what was found in it beside."""
    write_volume(Volume(np.zeros((4, 5, 6), np.int16), np.eye(4)), tmp_path / "ct.nrrd")
    marks = tuple(Landmark(name, [1.0, 2.0, 3.0], Status.DETECTED, 0.5) for name in NAMES)
    write_detection(Detection(LandmarkSet(marks, name="body"), "some-model", "1"), tmp_path / "ct.json")
    return tmp_path / "ct.nrrd"


@pytest.fixture
def at(host: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Run what a person does at the desk of what is opened: ``at(path, action)``; gives what it gives."""
    import slicer
    from LandmarkDetectionSlicer.logic import case_review
    from LandmarkDetectionSlicer.logic.known_models import KnownModels

    from LandmarkDetectionViewer import desk as viewer_desk
    from LandmarkDetectionViewer import keeping
    from LandmarkDetectionViewer.cases import open_cases
    from LandmarkDetectionViewer.host import QTimer, load_volume
    from LandmarkDetectionViewer.state import PageState

    monkeypatch.setattr(case_review, "qt", SimpleNamespace(QTimer=QTimer))
    monkeypatch.setattr(case_review, "SAVE_AFTER_MS", 20)
    monkeypatch.setattr(keeping, "AGAIN_MS", 60)
    monkeypatch.setattr(slicer.util, "loadVolume", load_volume)

    def at(path: Path, action: Callable[[Any], Any], **more: Any) -> Any:
        async def sit() -> Any:
            state = PageState(State())
            # Nothing is drawn.
            views: Any = SimpleNamespace(
                isVolume=False, layouts=SimpleNamespace(layout_id="volume"), show=lambda node: None
            )
            known = KnownModels((load_model("whole-body-ct"),))
            desk = viewer_desk.PageDesk(state, views, open_cases(path, **more), known, "Anna")
            desk.opening.begin()
            await seen(lambda: desk.desk.session is not None)
            try:
                return await action(desk)
            finally:
                desk.close()

        return asyncio.run(sit())

    yield at


async def seen(condition: Callable[[], bool]) -> None:
    """Wait until it is so."""
    for _ in range(3000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never was")


@contextlib.contextmanager
def full_disk(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[None]:
    """Nothing fits into a folder any more while the block runs."""
    replace = os.replace

    def refuse(source: Any, target: Any, **more: Any) -> None:
        if Path(target).is_relative_to(folder):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target, **more)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        patch.setattr(Path, "replace", lambda self, target: refuse(self, target) or Path(target))
        yield


def test_a_full_disk_is_said_and_what_was_done_is_saved_when_there_is_room(
    at: Callable, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = image.with_name("ct-review.json")

    async def review(desk: Any) -> None:
        with full_disk(monkeypatch, image.parent):
            desk.press("A")
            await seen(lambda: "no space left" in desk.state.messageText.lower())
            assert desk.state.messageKind == "error" and not path.exists()
            assert desk.desk.review.progress == (1, 3)
        await seen(path.exists)
        await seen(lambda: desk.state.messageText == "Now it could be saved.")
        await seen(lambda: desk.state.isSaved)

    at(image, review)
    assert read_review(path).progress == (1, 3)


def test_with_a_full_disk_no_other_case_is_opened(
    at: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cohort = small_cohort(tmp_path)

    async def review(desk: Any) -> None:
        with full_disk(monkeypatch, cohort):
            desk.press("A")
            desk.opening.go(1)
            # The saving that follows a key may fail before the one that goes before opening does.
            await seen(lambda: desk.state.messageKind == "error" and desk.opening._asked is None)
            assert desk.state.case == 0 and desk.desk.review.progress[0] == 1
        desk.opening.go(1)
        await seen(lambda: desk.state.case == 1 and desk.desk.session is not None)
        assert desk.state.cases[0]["done"] == 1

    at(cohort, review)


def test_what_cannot_be_saved_at_the_end_is_put_elsewhere_and_the_sentence_names_no_case(
    at: Callable, image: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    refuge = tmp_path_factory.mktemp("refuge")
    monkeypatch.setattr("tempfile.tempdir", str(refuge))

    async def review(desk: Any) -> str:
        desk.press("A")
        with full_disk(monkeypatch, image.parent):
            return str(desk.close())

    sentence = at(image, review)
    (kept,) = refuge.glob("*/review.json")
    assert str(kept) in sentence and "ct" not in sentence.replace(str(kept), "").split()
    assert read_review(kept).progress == (1, 3)
    assert kept.parent.stat().st_mode & 0o077 == 0 or os.name == "nt"


def test_many_quick_steps_to_another_case_open_the_last_one_only(at: Callable, tmp_path: Path) -> None:
    async def review(desk: Any) -> list[int]:
        opened = []
        desk.views.show = lambda node: opened.append(desk.state.case)
        for _ in range(2):
            desk.press("Shift+N")
        await seen(lambda: bool(opened) and desk.desk.session is not None)
        return opened

    assert at(small_cohort(tmp_path), review) == [2]


def test_where_a_review_is_kept_aside_is_still_said_when_the_next_case_is_open(
    at: Callable, tmp_path: Path
) -> None:
    from LandmarkDetectionLib.io.shared_review import NONE

    async def review(desk: Any) -> str:
        case = desk.review.case
        write_if_unchanged(case.read().mark_missing("chin"), case.path, NONE)
        desk.desk.select("chin")
        desk.press("A")
        await seen(lambda: bool(desk.state.conflict))
        assert desk.state.messageText.startswith("Somebody else has saved this review meanwhile")
        assert [one["theirs"] for one in desk.state.conflict if one["title"] == "Chin"] == ["missing"]
        desk.press("Shift+N")
        await seen(lambda: desk.state.case == 1 and desk.desk.session is not None)
        return str(desk.state.messageText)

    said = at(small_cohort(tmp_path), review)
    assert "what was said here is in" in said and "not-merged-1.json" in said


def test_a_case_that_somebody_opens_later_is_marked_in_the_list(at: Callable, tmp_path: Path) -> None:
    cohort = small_cohort(tmp_path)

    async def review(desk: Any) -> None:
        await seen(lambda: desk.opening._looking.done())
        assert not desk.state.cases[2]["open"]
        other = desk.opening._cases.case(desk.opening.entries[2], "")
        mark = Mark(other.path, "Ben")
        mark.renew()
        desk.opening._lookForMarks()
        await seen(lambda: desk.state.cases[2]["open"])
        mark.remove()

    at(cohort, review)


def test_the_reference_picture_shows_where_a_landmark_is(at: Callable, image: Path) -> None:
    async def review(desk: Any) -> tuple[str, str]:
        desk.desk.select("chin")
        await seen(lambda: desk.state.title == "Chin")
        chin = desk.state.picture
        desk.desk.select("knee_left")
        await seen(lambda: desk.state.picture != chin)
        return chin, desk.state.picture

    for address in at(image, review):
        assert address.startswith("data:image/png;base64,")


def test_a_close_up_marks_the_landmark_itself() -> None:
    import base64
    import io

    from LandmarkDetectionViewer.pictures import MARKED, SCALE, SIZE, ReferencePictures

    model = load_model("whole-body-ct")
    pictures = ReferencePictures(model)
    address = pictures.of("chin")
    picture = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))
    assert max(picture.width / SIZE[0], picture.height / SIZE[1]) == SCALE
    left, top, across, _down = model.reference.close_up("chin", SIZE)
    x, y = model.reference.landmarks["chin"]
    scale = picture.width / across
    color = tuple(int(MARKED[start : start + 2], 16) for start in (1, 3, 5))
    assert picture.getpixel((round((x - left) * scale), round((y - top) * scale))) == color
    assert pictures.of("nothing_like_it") == "" and ReferencePictures(None).of("chin") == ""


def small_cohort(folder: Path) -> Path:
    """Three cases with images."""
    from dataclasses import replace

    from LandmarkDetectionLib.cohort.results.records import read_case, write_case

    cohort = write_results(folder / "results", make_results(3, seed=4, share_failed=0))
    for key in cohort.keys():
        write_volume(Volume(np.zeros((4, 5, 6), np.int16), np.eye(4)), folder / f"{key}.nrrd")
        write_case(cohort.folder, replace(read_case(cohort.folder, key), source=str(folder / f"{key}.nrrd")))
    return cohort.folder
