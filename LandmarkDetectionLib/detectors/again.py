"""Detecting again what a record tells of, and refusing when it comes out otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.core.options import possible_options
from LandmarkDetectionLib.core.review import Review
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.detectors.analysis import Analysis
from LandmarkDetectionLib.detectors.dispatch import analyse, look
from LandmarkDetectionLib.detectors.refining import TOLERANCE_MM
from LandmarkDetectionLib.errors import InputError, NoBodyError
from LandmarkDetectionLib.typing import Progress

if TYPE_CHECKING:
    from LandmarkDetectionLib.detectors.analysis import Views
    from LandmarkDetectionLib.models import Model


def detect_again(
    volume: Volume,
    model: Model,
    review: Review,
    *,
    device: str = "auto",
    channels: Sequence[Volume] = (),
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Analysis:
    """Detect as the record of a review was made, so that its corrections can be followed.

    Old records do not tell what was given from what was estimated: whichever gives the record's landmarks
    was meant.

    Parameters
    ----------
    volume, model, progress, cancelled
        As ``detectors.dispatch.analyse`` takes them.
    device, channels
        See ``DetectOptions``.
    review
        What is to be found again: its prediction, and what a person settled.

    Raises
    ------
    InputError
        The model finds something else in this volume than the record has (by more than 2 mm, or pixels where
        their size is unknown): it is of another image, or was made with another version of the model. Or a
        correction lies far outside the image.
    LandmarkDetectionError
        As ``analyse``.
    """
    require_near(volume, review.landmarks)
    problem = ""
    for given in possible_options(review.prediction.parameters):
        options = replace(given, device=device, channels=channels)
        try:
            fresh = analyse(volume, model, options, progress=progress, cancelled=cancelled)
        except NoBodyError as reason:
            problem = str(reason)
            continue
        found = difference(fresh, review)
        if found is None:
            return fresh
        problem = f"the model now finds {found}."
    versions = (review.prediction.model_version, model.version)
    other = f" (version {versions[1]}, the record's was {versions[0]})" if versions[0] != versions[1] else ""
    raise InputError(
        f"The record is not one of {volume.name or 'this image'} with this model{other}: {problem} Check "
        "that both belong together, or detect the landmarks again and correct those."
    )


def difference(fresh: Analysis, review: Review) -> str | None:
    """Where a fresh analysis differs from the one of a review, in words; None when it is the same."""
    found = _apart(fresh.detection, review.prediction.landmarks, set(review.reviewed))
    if found is None:
        return None
    # Old records that ``refine`` wrote have the others where they followed to, and nothing else.
    settled = LandmarkSet(tuple(mark for mark in review.landmarks if mark.status.by_person))
    if not len(settled) or not set(settled.names) <= set(fresh.detection.landmarks.names):
        return found
    followed = _apart(fresh.refine(settled).detection, review.landmarks, set(settled.names))
    return None if followed is None else found


def look_again(volume: Volume, model: Model | None, detection: Detection) -> Views:
    """What a detection looked at, for pictures; raises as ``detectors.dispatch.look``."""
    views, recorded = None, detection.used.threshold
    for given in possible_options(detection.parameters):
        views = look(volume, model, given)
        threshold = getattr(views, "threshold", None)
        if threshold is None or recorded is None or np.isclose(threshold, recorded):
            break
    assert views is not None
    return views


def require_near(volume: Volume, landmarks: LandmarkSet) -> None:
    """Refuse what a person cannot have meant.

    Raises
    ------
    InputError
        A settled landmark lies outside the image by more than its diagonal.
    """
    diagonal = float(np.linalg.norm(np.array(volume.size) * volume.spacing))
    for mark in landmarks:
        if not (mark.status.by_person and mark.is_present):
            continue
        ijk = volume.ras_to_ijk_points([mark.position])[0]
        beyond = np.maximum(np.maximum(-0.5 - ijk, ijk - np.array(volume.size) + 0.5), 0) * volume.spacing
        if float(np.linalg.norm(beyond)) > diagonal:
            raise InputError(
                f"{mark.name} is corrected to a place {np.linalg.norm(beyond):.3g} mm outside "
                f"{volume.name or 'the image'}; positions are RAS mm of this image."
            )


def _apart(fresh: Detection, before: LandmarkSet, settled: set[str]) -> str | None:
    """The landmark that is farthest from where it was, in words.

    Of what a person settled, the model's own place may not be known; where it is, it counts.
    """
    unit = fresh.unit
    worst, text = TOLERANCE_MM, None
    common = [mark for mark in fresh.landmarks if mark.name in before]
    if not common:
        return "none of its landmarks"
    for mark in common:
        old = before[mark.name]
        if mark.is_present and old.is_present:
            distance = float(np.linalg.norm(mark.position - old.position))
            if distance > worst:
                worst, text = distance, f"{mark.name} {distance:.1f} {unit} from where the record has it"
        elif mark.is_present != old.is_present and mark.name not in settled and text is None:
            text = f"{mark.name} {'' if mark.is_present else 'not '}in it, unlike the record"
    return text
