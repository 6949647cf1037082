"""Dividing a data set into training, validation and test images, never one subject into two.

What a split is called says what it is for: `Train`, `training` and `tr` are learned from, `val`, `dev` and
`held back` are measured on while a method is chosen, `test1` and `Testing` only at the very end.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.wording import counted

#: Of a growing data set every third subject is held out until there are so many, then every fifth.
ENOUGH_HELD_OUT, FIRST_SHARE, LATER_SHARE = 5, 3, 5
#: Words that say what a split is for, and words beside them that say nothing.
_TRAINING = frozenset({"train", "training", "trn", "tr"})
_VALIDATION = frozenset(
    {"val", "valid", "validation", "validate", "vl", "dev", "development", "tune", "tuning"}
)
_TEST = frozenset({"test", "tests", "testing", "tst", "ts", "te", "eval", "evaluation"}) | {
    "external",
    "unseen",
    "hidden",
    "benchmark",
}
_HELD_OUT = frozenset({"heldback", "heldout", "holdout", "holdback"})
_EMPTY_WORDS = frozenset({"set", "split", "data", "dataset", "cases", "images", "part", "subset", "the"})


def assign_splits(subjects: Sequence[str], shares: Mapping[str, float], seed: int = 0) -> tuple[str, ...]:
    """Give every case a split, all cases of a subject the same one.

    Subjects are shuffled and dealt out, those with most cases first, each to the split that is farthest below
    its share, so that the shares are met as closely as whole subjects allow and no wanted split stays empty.

    Parameters
    ----------
    subjects
        Subject of every case.
    shares
        Split and its share of the cases; those of 0 are left out, the others are scaled to a sum of 1.
    seed
        The same seed gives the same splits.

    Returns
    -------
    tuple of str
        Split of every case.

    Raises
    ------
    InputError
        A share is negative, all are 0, or there are fewer subjects than splits.
    """
    wanted = {split: share for split, share in shares.items() if share > 0}
    if not wanted or any(not np.isfinite(share) or share < 0 for share in shares.values()):
        raise InputError("The shares of the splits must be numbers, none negative and not all 0.")
    names = sorted(set(subjects))
    if len(names) < len(wanted):
        raise InputError(
            f"{counted(len(names), 'subject')} cannot be divided into "
            f"{', '.join(wanted)}; each split needs one."
        )
    count = Counter(subjects)
    target = {split: share * len(subjects) / sum(wanted.values()) for split, share in wanted.items()}
    filled = dict.fromkeys(wanted, 0)
    of_subject: dict[str, str] = {}
    order = sorted(shuffled_subjects(subjects, seed), key=lambda name: -count[name])
    for left, name in zip(range(len(order), 0, -1), order, strict=True):
        empty = [split for split in wanted if not filled[split]]
        # The last subjects go where there is nobody yet.
        choice = empty if len(empty) >= left else list(wanted)
        split = max(choice, key=lambda one: target[one] - filled[one])
        of_subject[name] = split
        filled[split] += count[name]
    return tuple(of_subject[subject] for subject in subjects)


def shuffled_subjects(subjects: Iterable[str], seed: int = 0) -> list[str]:
    """Every subject once, in an order that only the seed decides."""
    names = sorted(set(subjects))
    return [names[n] for n in np.random.default_rng(seed).permutation(len(names))]


def holds_out_next(subjects: int, held_out: int) -> bool:
    """Whether a new subject of a growing data set is held out, beside so many of which some are.

    Every third is until there are enough to compare models on, then every fifth.
    """
    count = subjects + 1
    return held_out < max(min(ENOUGH_HELD_OUT, count // FIRST_SHARE), count // LATER_SHARE)


def is_training(split: str) -> bool:
    """Whether a split is called what is learned from.

    Examples
    --------
    >>> [is_training(name) for name in ("train", " Training set", "imagesTr", "TRAIN_1", "pretrained")]
    [True, True, True, True, False]
    """
    words = _words(split)
    return bool(words) and words <= _TRAINING


def is_validation(split: str) -> bool:
    """Whether a split is called what is held out to measure on while methods are chosen.

    Examples
    --------
    >>> [is_validation(name) for name in ("Val", "validation set", "held out", "held-out", "fold 1")]
    [True, True, True, True, False]
    """
    words = _words(split)
    return bool(words) and (words <= _VALIDATION or "".join(_letters(split)) in _HELD_OUT)


def is_test(split: str) -> bool:
    """Whether a split is called what is measured on at the end; any of its words tells.

    Examples
    --------
    >>> [is_test(name) for name in ("test1", "Test 2", "imagesTs", "external test", "train", "fold 1")]
    [True, True, True, True, False, False]
    """
    return bool(_words(split) & _TEST)


def splits_to_learn_from(splits: Iterable[str]) -> frozenset[str]:
    """Which splits may be learned from.

    Where one is called train, only that one; every other has its purpose, whatever it is called. Where none
    is, but some speak of training (``train_siteA``), only those; otherwise all that do not speak of
    measuring.

    Parameters
    ----------
    splits
        Of a data set; empty for cases that are in none.

    Examples
    --------
    >>> sorted(splits_to_learn_from(["train", "test1", "test2"]))
    ['train']
    >>> sorted(splits_to_learn_from(["fold 1", "fold 2", "test"]))
    ['fold 1', 'fold 2']
    """
    there = frozenset(splits)
    trained = frozenset(one for one in there if is_training(one))
    free = frozenset(one for one in there if not _speaks_of_measuring(one))
    return trained or frozenset(one for one in free if _words(one) & _TRAINING) or free


def find_split(name: str, splits: Iterable[str]) -> str | None:
    """The split of this name, or the only one whose name differs from it in nothing but case and blanks."""
    there = list(dict.fromkeys(splits))
    if name in there:
        return name
    alike = [one for one in there if one and one.strip().casefold() == name.strip().casefold()]
    return alike[0] if len(alike) == 1 else None


def _speaks_of_measuring(split: str) -> bool:
    """Whether any word says so; ``train+val`` is what is left to learn from beside a test set."""
    words = _words(split)
    held_out = any(one in "".join(_letters(split)) for one in _HELD_OUT)
    return is_test(split) or held_out or bool(words & _VALIDATION and not words & _TRAINING)


def _letters(split: str) -> list[str]:
    """Words of a name in lower case, without digits; ``imagesTr`` has two, ``testdata`` is ``test``."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", split)
    words = map(_telling, re.findall(r"[^\W\d_]+", apart.casefold()))
    return [word for word in words if word not in _EMPTY_WORDS]


def _telling(word: str) -> str:
    """The word itself, or what is left of one that an empty word is glued to."""
    for empty in sorted(_EMPTY_WORDS, key=len, reverse=True):
        for rest in (word.removesuffix(empty), word.removeprefix(empty)):
            if rest in _TRAINING | _VALIDATION | _TEST | _HELD_OUT:
                return rest
    return word


def _words(split: str) -> frozenset[str]:
    return frozenset(_letters(split))
