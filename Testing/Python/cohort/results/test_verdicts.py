"""Verdicts of several readers and who did what, in lines that are only ever added."""

import json
import multiprocessing
import os
from pathlib import Path

import pytest

from LandmarkDetectionLib.cohort.results.verdicts import (
    Deed,
    Entry,
    Given,
    Verdict,
    is_for_second_reading,
    log_path,
    note,
    read_log,
    verdicts_of,
)
from LandmarkDetectionLib.errors import OutputError

CASE = ("3f", "hand")


def said(verdict: Verdict | None, by: str, case: str = "3f") -> Entry:
    """A verdict, or that one is taken back."""
    return Entry(case, "hand", Deed.VERDICT if verdict else Deed.WITHDREW, by, verdict=verdict)


def test_lines_come_back_dated_and_in_order(tmp_path: Path) -> None:
    note(tmp_path, Entry(*CASE, Deed.OPENED, "Ada"))
    note(tmp_path, Entry(*CASE, Deed.SAVED, "Ada", reviewed=3, landmarks=21))
    note(tmp_path, said(Verdict.DOUBT, "Ada"))
    log = read_log(tmp_path)
    assert [one.did for one in log] == [Deed.OPENED, Deed.SAVED, Deed.VERDICT]
    assert (log[1].reviewed, log[1].landmarks, log[2].verdict) == (3, 21, Verdict.DOUBT)
    assert all(one.at.endswith("+00:00") for one in log)
    first = json.loads(log_path(tmp_path).read_text().splitlines()[0])
    assert set(first) == {"case", "model", "did", "by", "at"}


def test_the_latest_verdict_of_each_reader_stands_and_can_be_taken_back() -> None:
    entries = [
        said(Verdict.ACCEPT, "Ada"),
        said(Verdict.REJECT, "Ben"),
        said(Verdict.DOUBT, "Ada"),
        said(Verdict.ACCEPT, "Ada", "9c"),
        said(None, "Ada", "9c"),
        Entry(*CASE, Deed.SAVED, "Eve", reviewed=1, landmarks=2),
    ]
    assert verdicts_of(entries) == {CASE: (Given("Ada", Verdict.DOUBT), Given("Ben", Verdict.REJECT))}


def test_a_second_reading_is_for_who_has_not_read_what_another_has() -> None:
    given = (Given("Ada", Verdict.ACCEPT),)
    assert is_for_second_reading(given, "Ben")
    assert not is_for_second_reading(given, "Ada") and not is_for_second_reading((), "Ben")


def test_a_line_that_was_cut_off_or_makes_no_sense_takes_no_other_with_it(tmp_path: Path) -> None:
    note(tmp_path, said(Verdict.ACCEPT, "Ada"))
    with log_path(tmp_path).open("ab") as stream:
        stream.write(b'[]\nnull\n{"case": 1, "model": "hand", "did": "opened"}\n')
        stream.write(b'{"case": "3f", "model": "hand", "did": "verdict"}\n{"case": "3f", "mod')
    note(tmp_path, said(Verdict.DOUBT, "Ben"))
    assert [one.by for one in read_log(tmp_path)] == ["Ada", "Ben"]


def test_where_nobody_did_anything_there_is_no_log(tmp_path: Path) -> None:
    assert read_log(tmp_path) == () and not log_path(tmp_path).exists()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the administrator may write everywhere")
def test_a_folder_that_may_not_be_written_is_refused_in_a_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="not noted"):
        note(tmp_path, said(Verdict.ACCEPT, "Ada"))


def test_a_file_in_the_place_of_the_folder_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "reviews").write_text("in the way")
    with pytest.raises(OutputError) as refused:
        note(tmp_path, said(Verdict.ACCEPT, "Ada"))
    assert "\n" not in str(refused.value)


def _write(folder: Path, reader: int) -> None:
    for number in range(25):
        note(folder, said(Verdict.ACCEPT, f"reader {reader}", f"case {number}"))


def test_two_readers_at_once_lose_no_line(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    readers = [context.Process(target=_write, args=(tmp_path, number)) for number in range(2)]
    for one in readers:
        one.start()
    for one in readers:
        one.join(120)
    assert len(read_log(tmp_path)) == 50
