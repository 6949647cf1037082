"""Keys name cases and no patients; sentences name no files; contents are recognised."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from LandmarkDetectionLib.cohort.run import keys
from LandmarkDetectionLib.cohort.run.hashing import fingerprint
from LandmarkDetectionLib.cohort.run.privacy import without_names
from LandmarkDetectionLib.cohort.sources.case_source import SERIES, CaseSource
from LandmarkDetectionLib.errors import InputError, OutputError

SECRET = bytes(range(32))
NAMES = st.text(st.characters(categories=("L", "N"), include_characters=" ._-^"), min_size=3, max_size=30)


def case(path: str, series: str = "") -> CaseSource:
    return CaseSource(f"series {series}" if series else path, (Path("/data") / path,), "NIfTI", series)


@given(st.lists(NAMES, unique=True, min_size=1, max_size=20))
def test_hashed_keys_are_stable_differ_and_name_nobody(names: list[str]) -> None:
    cases = [case(name) for name in names]
    by_key = keys.hashed_keys(cases, SECRET)
    assert keys.hashed_keys(cases, SECRET) == by_key
    assert len(by_key) == len(names)
    assert all(len(key) == 12 and set(key) <= set("0123456789abcdef") for key in by_key)
    assert set(keys.hashed_keys(cases, bytes(32))).isdisjoint(by_key)


@given(st.lists(NAMES, unique=True, min_size=1, max_size=20))
def test_readable_keys_can_be_folders_on_every_system(names: list[str]) -> None:
    by_key = keys.readable_keys([case(name) for name in names], SECRET)
    assert len({key.lower() for key in by_key}) == len(names)
    assert all(key.isascii() and len(key) <= 64 and key[0] not in "-." and "/" not in key for key in by_key)


def test_a_key_file_gives_codes_and_takes_what_is_new(tmp_path: Path) -> None:
    path = tmp_path / "key.csv"
    path.write_text("code,source,note\nS001,Doe.nii,x\nS002,1.2.3,\n")
    cases = [case("a/Doe.nii"), case("b/f", series="1.2.3"), case("new.nii")]
    by_key, complete = keys.coded_keys(cases, SECRET, keys.read_key_file(path))
    assert by_key["S001"] is cases[0]
    assert by_key["S002"] is cases[1]
    (code,) = set(by_key) - {"S001", "S002"}
    keys.write_key_file(path, complete)
    assert keys.read_key_file(path)[code] == "/data/new.nii"
    assert keys.coded_keys(cases, bytes(32), keys.read_key_file(path))[0] == by_key


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,path\na,b\n", "columns code and source"),
        ("code,source\n../x,a\n", "cannot name a folder"),
        ("code,source\n,a\n", "cannot name a folder"),
        ("code,source\nA,a\na,b\n", "occurs twice"),
    ],
)
def test_a_key_file_that_cannot_be_used_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "key.csv").write_text(text)
    with pytest.raises(InputError, match=said):
        keys.read_key_file(tmp_path / "key.csv")


def test_a_key_file_among_the_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="keep it elsewhere"):
        keys.check_outside(tmp_path / "out" / "key.csv", tmp_path / "out")


def test_the_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    secret = keys.read_secret(tmp_path / ".secret")
    assert keys.read_secret(tmp_path / ".secret") == secret
    assert (tmp_path / ".secret").stat().st_mode & 0o077 == 0
    (tmp_path / ".secret").write_bytes(b"short")
    with pytest.raises(InputError, match="damaged"):
        keys.read_secret(tmp_path / ".secret")


@given(NAMES.filter(lambda name: name.strip(" .") and name[0].isalnum() and name[-1].isalnum()))
def test_no_sentence_keeps_the_name_of_a_file(name: str) -> None:
    one = CaseSource(name, (Path("/data/x") / f"{name}.nii.gz",), "NIfTI", description=name)
    for text in (f"/data/x/{name}.nii.gz is empty.", f"{name} has NaN.", f"({name}.nii.gz, {name})"):
        told = without_names(text, one, "K1")
        assert "K1" in told
        assert name not in told.replace("K1", "") or name in "is empty has NaN"


def test_contents_are_recognised_whatever_the_files_are_called(tmp_path: Path) -> None:
    for name, content in (("a", b"1"), ("b", b"2"), ("c", b"2"), ("d", b"1")):
        (tmp_path / name).write_bytes(content)

    def digest(*names: str, kind: str = "NIfTI") -> str:
        return fingerprint(CaseSource("x", tuple(tmp_path / name for name in names), kind)).digest

    assert digest("a") == digest("d") != digest("b")
    assert digest("a", "b", kind=SERIES) == digest("c", "d", kind=SERIES)
    assert digest("a", "b") != digest("b", "a")


def test_a_stamp_is_only_trusted_when_the_last_change_is_long_ago(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"1")
    one = CaseSource("a", (path,), "NIfTI")
    assert fingerprint(one).stamp == ""
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 60)
    before = fingerprint(one)
    assert before.stamp == fingerprint(one).stamp != ""
    # The same size and the same times as before, which only the time of the change itself betrays.
    times = path.stat()
    path.write_bytes(b"2")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert fingerprint(one).stamp != before.stamp


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: no such file"):
        fingerprint(CaseSource("a", (tmp_path / "a",), "NIfTI"))
