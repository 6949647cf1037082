"""Which cases are tested by a method that was trained on which others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from LandmarkDetectionLib.datasets.splits import assign_splits
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.wording import counted

Kind = Literal["three-fold", "k-fold", "leave-one-out"]


@dataclass(frozen=True)
class Fold:
    """Indices of the cases to learn from and of those to test on."""

    name: str
    train: tuple[int, ...]
    test: tuple[int, ...]


def make_folds(
    subjects: Sequence[str], kind: Kind = "three-fold", count: int = 3, seed: int = 0
) -> tuple[Fold, ...]:
    """Divide cases so that every case is tested once and no subject is both learned from and tested.

    Subjects are shuffled and dealt out, those with most images first, so that folds are of nearly equal size.

    Parameters
    ----------
    subjects
        Subject of every case.
    kind
        "three-fold" as the paper's hands, "leave-one-out" (one subject) as its bodies, or "k-fold".
    count
        Folds of "k-fold".
    seed
        Of the shuffling.

    Raises
    ------
    InputError
        When there are fewer subjects than folds, or a single subject.
    """
    names = sorted(set(subjects))
    wanted = {"three-fold": 3, "k-fold": count, "leave-one-out": len(names)}[kind]
    if not 2 <= wanted <= len(names):
        raise InputError(
            f"{counted(len(names), 'subject')} cannot be divided into {counted(wanted, 'fold')}; take "
            "between 2 folds and as many as there are subjects."
        )
    folds = [f"fold {number} of {wanted}" for number in range(1, wanted + 1)]
    tested = assign_splits(subjects, dict.fromkeys(folds, 1.0), seed)
    return tuple(
        Fold(
            fold,
            tuple(n for n, one in enumerate(tested) if one != fold),
            tuple(n for n, one in enumerate(tested) if one == fold),
        )
        for fold in folds
    )
