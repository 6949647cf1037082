"""Splits: whole subjects, near the wanted shares, the same for the same seed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from LandmarkDetectionLib.datasets.splits import (
    assign_splits,
    find_split,
    is_test,
    is_training,
    is_validation,
    splits_to_learn_from,
)
from LandmarkDetectionLib.errors import InputError

SHARES = {"train": 0.7, "val": 0.1, "test": 0.2}


@given(st.lists(st.integers(1, 4), min_size=3, max_size=60), st.integers(0, 99))
def test_no_subject_is_divided_and_no_split_empty(images: list[int], seed: int) -> None:
    subjects = [f"s{n}" for n, count in enumerate(images) for _ in range(count)]
    splits = assign_splits(subjects, SHARES, seed)
    of_subject = {
        subject: {s for one, s in zip(subjects, splits, strict=True) if one == subject}
        for subject in subjects
    }
    assert all(len(found) == 1 for found in of_subject.values())
    assert set(splits) == set(SHARES)
    assert splits == assign_splits(subjects, SHARES, seed)


def test_shares_are_met() -> None:
    splits = assign_splits([f"s{n}" for n in range(100)], SHARES)
    assert {split: splits.count(split) for split in SHARES} == {"train": 70, "val": 10, "test": 20}


def test_another_seed_gives_other_splits() -> None:
    subjects = [f"s{n}" for n in range(50)]
    assert assign_splits(subjects, SHARES, 1) != assign_splits(subjects, SHARES, 2)


def test_fewer_subjects_than_splits_are_refused() -> None:
    with pytest.raises(InputError, match="2 subjects cannot be divided into train, val, test"):
        assign_splits(["a", "b", "a"], SHARES)
    with pytest.raises(InputError, match="none negative"):
        assign_splits(["a", "b"], {"train": 1.0, "val": -0.1})


@pytest.mark.parametrize(
    ("splits", "learned"),
    [
        (["train", "test1", "test2"], {"train"}),
        (["TRAIN", "Validation", "Test"], {"TRAIN"}),
        (["training", "validation", "testing"], {"training"}),
        (["imagesTr", "imagesTs"], {"imagesTr"}),
        (["train ", "external", ""], {"train "}),
        (["fold 1", "fold 2", "test"], {"fold 1", "fold 2"}),
        (["", "test"], {""}),
        (["val", "test"], set()),
        ([""], {""}),
        (["traindata", "testdata"], {"traindata"}),
        (["a", "testset", "imagesval", "Valset"], {"a"}),
        (["train_siteA", "siteB", "train_siteC"], {"train_siteA", "train_siteC"}),
        (["train", "train_extra"], {"train"}),
        (["site_val", "site_a", "holdout site"], {"site_a"}),
        (["train+val", "test"], {"train+val"}),
        (["internal", "external"], {"internal"}),
        (["seen", "unseen", "hidden", "benchmark"], {"seen"}),
    ],
)
def test_what_splits_are_called_says_which_are_learned_from(splits, learned):
    assert splits_to_learn_from(splits) == learned


@pytest.mark.parametrize(
    ("split", "kind"),
    [
        ("Training Set", (True, False, False)),
        ("train_1", (True, False, False)),
        ("pretraining", (False, False, False)),
        ("trainval", (False, False, False)),
        ("VALID", (False, True, False)),
        ("held_back", (False, True, False)),
        ("hold-out", (False, True, False)),
        ("Test-2", (False, False, True)),
        ("internal test set", (False, False, True)),
        ("contest", (False, False, False)),
        ("testimages", (False, False, True)),
        ("TrainingData", (True, False, False)),
        ("dataset", (False, False, False)),
        ("set", (False, False, False)),
        ("", (False, False, False)),
    ],
)
def test_names_of_splits_are_read_word_by_word(split, kind):
    assert (is_training(split), is_validation(split), is_test(split)) == kind


def test_a_split_is_found_whatever_its_case_unless_two_are_alike():
    assert find_split("TEST", ["train", "test"]) == "test"
    assert find_split("test", ["Test", "TEST"]) is None
    assert find_split("Test", ["Test", "TEST"]) == "Test"
