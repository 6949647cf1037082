"""Whose image it is: what file names tell, so that no person is both learned from and measured."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from LandmarkDetectionLib.datasets.importers.writing import ImportedCase
from LandmarkDetectionLib.datasets.splits import is_training


def without_subjects_of_tests(cases: Sequence[ImportedCase]) -> tuple[list[ImportedCase], list[str]]:
    """Leave out the training cases whose subject is in another split, too.

    Returns
    -------
    cases : list of ImportedCase
        The others.
    left_out : list of str
        Names of those that were left out.
    """
    elsewhere = {case.subject for case in cases if case.split and not is_training(case.split)}
    leaking = [case.name for case in cases if is_training(case.split) and case.subject in elsewhere]
    return [case for case in cases if case.name not in leaking], leaking


def numbered_subjects(cases: Sequence[ImportedCase]) -> tuple[list[ImportedCase], int]:
    """Give cases whose names have a person's number that number as their subject.

    The number is the first one behind a date (``02-Jan-2017-162 A AP`` is an image of person 162, and so is
    ``04-Jan-2017-162 B AP``). Names without a date tell nothing.

    Returns
    -------
    cases : list of ImportedCase
        With subjects.
    told : int
        How many names tell a person.
    """
    numbers = [_number_behind_date(case.name) for case in cases]
    named = [
        case if number is None else replace(case, subject=f"person {number}")
        for case, number in zip(cases, numbers, strict=True)
    ]
    return named, sum(number is not None for number in numbers)


def _number_behind_date(name: str) -> int | None:
    found = re.search(r"(?<!\d)\d{1,2}-[A-Za-z]{3,9}-\d{4}(?!\d)[^\d]*(\d+)", name)
    return int(found[1]) if found else None
