"""Dividing a data set into training, validation and test images, never one subject into two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from LandmarkDetectionLib.errors import InputError


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
            f"{len(names)} subject{'s' if len(names) != 1 else ''} cannot be divided into "
            f"{', '.join(wanted)}; each split needs one."
        )
    count = {name: sum(one == name for one in subjects) for name in names}
    shuffled = [names[n] for n in np.random.default_rng(seed).permutation(len(names))]
    target = {split: share * len(subjects) / sum(wanted.values()) for split, share in wanted.items()}
    filled = dict.fromkeys(wanted, 0)
    of_subject: dict[str, str] = {}
    order = sorted(shuffled, key=lambda name: -count[name])
    for left, name in zip(range(len(order), 0, -1), order, strict=True):
        empty = [split for split in wanted if not filled[split]]
        # The last subjects go where there is nobody yet.
        choice = empty if len(empty) >= left else list(wanted)
        split = max(choice, key=lambda one: target[one] - filled[one])
        of_subject[name] = split
        filled[split] += count[name]
    return tuple(of_subject[subject] for subject in subjects)
