"""A store that people share: one damaged or forged file stops nobody and hides nothing of others."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from LandmarkDetectionLib.datasets.annotations import AnnotationStore, read_store, summarise_store
from LandmarkDetectionLib.errors import InputError
from Testing.examples.store_cases import blob_cases, save_case


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    return blob_cases(tmp_path_factory.mktemp("images"))


@pytest.fixture
def store(tmp_path: Path) -> AnnotationStore:
    return AnnotationStore(tmp_path / "store")


def edited(file: Path, **entries: Any) -> None:
    record = json.loads(file.read_text())
    record["annotation"] |= entries
    file.write_text(json.dumps(record))


DAMAGE = {
    "cut off": lambda file: file.write_bytes(file.read_bytes()[:300]),
    "empty": lambda file: file.write_bytes(b""),
    "no text": lambda file: file.write_bytes(b"\xff\xfe\x00" * 40),
    "of a newer version": lambda file: edited(file, schema_version=2),
    "of no split": lambda file: edited(file, split="test"),
    "of no time": lambda file: edited(file, seconds=float("nan")),
    "of endless time": lambda file: edited(file, seconds=10**400),
    "of nobody": lambda file: edited(file, subject=None),
    "a list": lambda file: edited(file, landmarks=[1, 2]),
    "a folder": lambda file: (file.unlink(), file.mkdir()),
}


@pytest.mark.parametrize("damage", list(DAMAGE))
def test_one_damaged_annotation_keeps_nobody_from_saving_and_learning(store, cases, damage):
    first = save_case(store, cases[0])
    save_case(store, cases[1])
    file = store.file_of(first)
    DAMAGE[damage](file)
    third = save_case(store, cases[2], reviewer="Bob")
    assert third in store.standing() and len(store.standing()) == 2
    data = read_store(store.path)
    assert len(data) == 2
    assert any(file.name in str(warning) and "left out" in str(warning) for warning in data.warnings)
    assert file.name in summarise_store(store.path).damaged[0]
    with pytest.raises(InputError, match=file.name):
        store.history()


def test_a_store_of_nothing_but_damage_is_refused_by_its_file(store, cases):
    file = store.file_of(save_case(store, cases[0]))
    file.write_text("{")
    with pytest.raises(InputError, match=file.name):
        read_store(store.path)


def test_an_annotation_replaces_only_those_of_the_same_person_and_image(store, cases):
    mine = save_case(store, cases[0], reviewer="Ann")
    others = [save_case(store, cases[0], reviewer="Bob"), save_case(store, cases[1], reviewer="Ann")]
    edited(store.file_of(mine), replaces=[one.id for one in others] + [mine.id])
    assert {one.id for one in store.current()} == {mine.id, *(one.id for one in others)}


def test_two_that_replace_one_another_do_not_both_vanish(store, cases):
    first = save_case(store, cases[0], reviewer="Ann")
    second = save_case(store, cases[0], reviewer="Ann")
    edited(store.file_of(first), replaces=[second.id])
    (kept,) = store.current()
    assert kept.id in (first.id, second.id)


def test_a_copy_of_an_annotation_is_no_annotation_of_its_own(store, cases):
    file = store.file_of(save_case(store, cases[0]))
    copy = file.with_name("copy of " + file.name)
    copy.write_bytes(file.read_bytes())
    assert len(store.standing()) == 1 and copy.name in store.readable()[1][0]


def test_a_damaged_note_of_where_an_image_is_stops_nobody(store, cases):
    annotation = save_case(store, cases[0])
    (store.path / "local" / f"{annotation.image}.json").write_text("{")
    save_case(store, cases[1])
    assert save_case(store, cases[0]).image == annotation.image, "saving says where it is again"
    assert len(read_store(store.path)) == 2


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_the_key_of_pseudonyms_is_for_its_owner_or_for_the_group_that_shares_the_store(store, cases):
    save_case(store, cases[0])
    key = store.path / "local" / "key.txt"
    os.chmod(store.path, 0o755)  # noqa: PTH101
    key.chmod(0o644)
    save_case(store, cases[1])
    assert stat.S_IMODE(key.stat().st_mode) == 0o600, "of a store of before, too"
    store.path.chmod(0o2770)
    key.chmod(0o644)
    save_case(store, cases[2])
    assert stat.S_IMODE(key.stat().st_mode) == 0o640


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_a_new_key_is_never_readable_by_others(store, cases, monkeypatch):
    seen = []
    link = Path.hardlink_to

    def watched(self: Path, target: Path) -> None:
        if self.name == "key.txt":
            seen.append(stat.S_IMODE(Path(target).stat().st_mode))
        link(self, target)

    monkeypatch.setattr(Path, "hardlink_to", watched)
    save_case(store, cases[0])
    assert seen == [0o600]


def test_a_damaged_key_is_told_and_gives_no_other_pseudonyms(store, cases):
    save_case(store, cases[0])
    (store.path / "local" / "key.txt").write_text("")
    with pytest.raises(InputError, match=r"key\.txt, which pseudonyms are made with, is damaged"):
        save_case(store, cases[1])
