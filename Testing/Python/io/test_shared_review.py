"""Several people at one review: nobody writes over what another one saved, and all see who is there."""

import json
import os
import threading
import time
from pathlib import Path

import pytest

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.review import Review
from LandmarkDetectionLib.errors import OutputError
from LandmarkDetectionLib.files import locked
from LandmarkDetectionLib.io.records import read_review
from LandmarkDetectionLib.io.shared_review import (
    NONE,
    STALE_SECONDS,
    Mark,
    ReviewChangedError,
    differences,
    merged,
    version_of,
    who_reviews,
    write_if_unchanged,
)

NAMES = ("chin", "knee_left", "knee_right")


@pytest.fixture
def begun() -> Review:
    marks = tuple(Landmark(name, [10.0 * row, 0, 0], Status.DETECTED, 0.8) for row, name in enumerate(NAMES))
    return Review.of(Detection(LandmarkSet(marks, name="body"), "some-model", "1.0.0"))


def test_a_review_is_written_over_the_version_that_was_read(begun: Review, tmp_path: Path) -> None:
    path = tmp_path / "review.json"
    first = write_if_unchanged(begun, path, NONE)
    second = write_if_unchanged(begun.accept("chin"), path, first)
    assert second == version_of(path) != first
    assert read_review(path).reviewed == ("chin",)


def test_what_somebody_else_saved_is_not_written_over_and_the_difference_is_told(
    begun: Review, tmp_path: Path
) -> None:
    path = tmp_path / "review.json"
    version = write_if_unchanged(begun, path, NONE)
    write_if_unchanged(begun.correct("knee_left", [10, 3, 4]), path, version)
    before = path.read_bytes()
    with pytest.raises(ReviewChangedError) as refused:
        write_if_unchanged(begun.accept("chin"), path, version)
    assert path.read_bytes() == before
    assert [one.name for one in refused.value.differences] == ["chin", "knee_left"]
    assert refused.value.differences[1].distance == pytest.approx(5.0)
    assert str(refused.value) == (
        "Somebody else has saved this review meanwhile, so it was not written over: chin detected, here "
        "accepted; knee_left corrected, here detected, 5.0 mm apart."
    )
    assert write_if_unchanged(begun.accept("chin"), path, refused.value.version) == version_of(path)


def test_one_that_appeared_since_counts_as_somebody_elses(begun: Review, tmp_path: Path) -> None:
    path = tmp_path / "review.json"
    write_if_unchanged(begun.accept("chin"), path, NONE)
    with pytest.raises(ReviewChangedError):
        write_if_unchanged(begun, path, NONE)


def test_two_who_say_the_same_are_not_troubled(begun: Review, tmp_path: Path) -> None:
    path = tmp_path / "review.json"
    write_if_unchanged(begun.accept("chin"), path, NONE)
    assert write_if_unchanged(begun.accept("chin"), path, NONE) == version_of(path)


def test_a_merge_keeps_what_was_said_here_and_takes_the_rest_from_the_other(begun: Review) -> None:
    mine = begun.accept("chin").correct("knee_left", [11, 0, 0])
    theirs = begun.mark_missing("chin").mark_missing("knee_right")
    both = merged(begun, mine, theirs)
    assert both.landmarks["chin"].status is Status.ACCEPTED
    assert both.landmarks["knee_left"].position.tolist() == [11, 0, 0]
    assert both.landmarks["knee_right"].status is Status.MISSING
    assert {one.name for one in differences(both, theirs)} == {"chin", "knee_left"}


def test_of_many_who_save_at_once_one_succeeds(begun: Review, tmp_path: Path) -> None:
    path = tmp_path / "review.json"
    version = write_if_unchanged(begun, path, NONE)
    said: list[str] = []

    def save(place: float) -> None:
        try:
            write_if_unchanged(begun.correct("chin", [place, 1, 1]), path, version)
            said.append("written")
        except ReviewChangedError:
            said.append("refused")

    threads = [threading.Thread(target=save, args=(float(number + 1),)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(said) == ["refused"] * 7 + ["written"]


def test_a_lock_that_another_one_holds_ends_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "review.json"
    with (
        locked(path),
        pytest.raises(OutputError, match="another program is writing it; try again"),
        locked(path, seconds=0.1),
    ):
        pass


def test_a_folder_that_cannot_be_written_ends_in_a_sentence(begun: Review, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="choose a folder you may write to"):
        write_if_unchanged(begun, tmp_path / "nowhere" / "review.json", NONE)


def test_whoever_has_a_review_open_is_seen_until_they_leave(tmp_path: Path) -> None:
    path = tmp_path / "case" / "model.json"
    anna, berta = Mark(path, "Anna"), Mark(path, "Berta")
    anna.renew()
    berta.renew()
    assert sorted(one.by for one in who_reviews(path)) == ["Anna", "Berta"]
    (other,) = anna.others()
    assert str(other) == f"Berta has had this case open since {other.since:%H:%M}."
    berta.remove()
    assert anna.others() == []
    anna.remove()
    assert who_reviews(path) == [] and not path.parent.exists()


def test_the_mark_of_a_program_that_was_killed_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    left = Mark(path, "Anna")
    left.renew()
    (file,) = tmp_path.iterdir()
    past = time.time() - 2 * STALE_SECONDS
    os.utime(file, (past, past))
    assert who_reviews(path) == []


def test_marks_that_are_damaged_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    for number, text in enumerate(("{", json.dumps({"by": "Anna"}), json.dumps({"by": 1, "since": "soon"}))):
        (tmp_path / f".model.json.{number}.open").write_text(text)
    assert who_reviews(path) == []
