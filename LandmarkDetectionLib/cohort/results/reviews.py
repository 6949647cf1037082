"""What people say of the cases of a cohort: one review per case and model, apart from the predictions.

::

    reviews/<key>/<model>.json       the review: what the model said beside what a person says
    reviews/<key>/<model>.mrk.json   the landmarks as they stand, for Slicer

They lie beside the folder ``cases``, so that a case that is done again takes no review with it. Several
people may review one cohort: :mod:`LandmarkDetectionLib.io.shared_review` keeps the work of each.
"""

from __future__ import annotations

from pathlib import Path

from LandmarkDetectionLib.cohort.results.records import Cohort
from LandmarkDetectionLib.core.review import Review
from LandmarkDetectionLib.files import make_folder
from LandmarkDetectionLib.io.markups import write_landmarks
from LandmarkDetectionLib.io.records import read_review, write_review
from LandmarkDetectionLib.io.shared_review import write_if_unchanged

REVIEWS = "reviews"


def review_path(cohort: Cohort, key: str, model: str) -> Path:
    """Where the review of a case is, or would be."""
    return cohort.folder / REVIEWS / key / f"{model}.json"


def read_case_review(cohort: Cohort, key: str, model: str) -> Review:
    """The review of a case as it stands; one just begun when nobody has looked at it.

    When the model was run again since, what was settled stays, and the rest is the new prediction.

    Raises
    ------
    InputError
        The prediction or the review cannot be read.
    """
    detection = cohort.detection(key, model)
    path = review_path(cohort, key, model)
    if not path.is_file():
        return Review.of(detection)
    review = read_review(path)
    return review if review.prediction == detection else review.rerun(detection)


def write_case_review(
    cohort: Cohort, key: str, model: str, review: Review, version: str | None = None
) -> Path:
    """Write the review of a case, each file in one step; the prediction is left alone.

    Parameters
    ----------
    version
        What the review was read as, of ``io.shared_review.version_of``: another one is not written over. With
        None whatever is there is.

    Returns
    -------
    Path
        The review; the landmarks for Slicer lie beside it.

    Raises
    ------
    OutputError
        A file cannot be written; what was written before is then as it was.
    ReviewChangedError
        Somebody else has saved the case since.
    """
    path = review_path(cohort, key, model)
    make_folder(path.parent, "the review is not saved")
    # The record first: with it alone nothing is lost.
    if version is None:
        write_review(review, path)
    else:
        write_if_unchanged(review, path, version)
    write_landmarks(review.landmarks, path.with_name(f"{model}.mrk.json"))
    return path
