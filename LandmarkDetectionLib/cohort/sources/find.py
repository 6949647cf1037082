"""Where cases come from: a folder of volumes and DICOM files, a BIDS data set, or a datalist.

:mod:`.case_source` says what a case is, :mod:`.folder`, :mod:`.dicom_archive`, :mod:`.bids` and
:mod:`.listed` find them, :mod:`.filters` leaves some out. Nothing is left out without a reason.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from LandmarkDetectionLib.cohort.sources import bids, folder, listed
from LandmarkDetectionLib.cohort.sources.case_source import Found
from LandmarkDetectionLib.cohort.sources.filters import Filters
from LandmarkDetectionLib.errors import InputError


def find_cases(
    source: Path,
    filters: Filters | None = None,
    *,
    skip: Path | None = None,
    looking: Callable[[str], None] | None = None,
) -> Found:
    """Look through a source.

    Parameters
    ----------
    source
        A folder with volumes and DICOM files in any order, searched with its subfolders; a BIDS data set (a
        folder with ``dataset_description.json``); a datalist (``.json``); or a single image.
    filters
        What to take; everything but what is clearly no scan of a patient by default.
    skip
        A folder that is not looked into: the results, when they lie inside the source.
    looking
        Told now and then what is looked at.

    Returns
    -------
    Found
        Cases and what is left out, in the order of their identities.

    Raises
    ------
    InputError
        The source holds no case.
    """
    filters = filters or Filters()
    say = looking or (lambda text: None)
    if source.is_file():
        found = listed.find(source) if source.suffix.lower() == ".json" else folder.find_one(source)
    elif (source / bids.DESCRIPTION).is_file():
        found = bids.find(source, skip)
    else:
        found = folder.find(source, skip, filters.every_series, say)
    kept = filters.apply(found)
    if not kept.cases:
        reasons = "; ".join(f"{count} x {reason}" for reason, count in kept.count_reasons()[:3])
        raise InputError(f"{source} holds no case to process" + (f" ({reasons})." if reasons else "."))
    return kept
