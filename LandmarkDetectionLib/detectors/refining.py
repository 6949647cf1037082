"""A person's corrections, and what the other landmarks make of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.correction import Propagated, propagate
from LandmarkDetectionLib.detectors.joint import Answer, JointEvidence
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.quality.calibration import PRESENT_ABOVE, UNCERTAIN_BELOW
from LandmarkDetectionLib.quality.conformal import chance_within
from LandmarkDetectionLib.typing import Array

Corrections = LandmarkSet | Mapping[str, npt.ArrayLike | None]

#: A move that is shorter never matters: mm, or pixels where their size is unknown.
TOLERANCE_MM = 2.0
#: Shares of points inside the image, and probabilities of being near, are kept so far from 0 and 1.
UNSURE, SURE = 0.02, 1e-3
#: Points that stand for a landmark's Gaussian when its share inside the image is asked for.
SAMPLES = 64


def refine(
    detection: Detection, evidence: JointEvidence | None, settled: Mapping[str, Landmark]
) -> Detection:
    """The detection once some of its landmarks are settled; see ``analysis.Analysis.refine``."""
    evidence = _movable(detection, evidence)
    if not settled:
        return detection
    landmarks = detection.landmarks
    known, places, missing = _as_arrays(evidence, landmarks, settled)
    answer = evidence.answer
    if evidence.answer_again is not None and known.any():
        answer = evidence.answer_again(known, places)
    before = _propagate(evidence, evidence.answer, np.zeros_like(known), missing, places)
    after = _propagate(evidence, answer, known, missing, places)
    present = _presence(evidence, answer, before, after)
    result = []
    for n, landmark in enumerate(landmarks):
        if landmark.name in settled:
            result.append(_by_person(landmark, settled[landmark.name]))
        else:
            result.append(_propagated(evidence, landmark, n, before, after, float(present[n])))
    return replace(detection, landmarks=replace(landmarks, landmarks=tuple(result)))


def with_expected_errors(detection: Detection, evidence: JointEvidence | None) -> Detection:
    """The detection whose landmarks tell how far off they may be, where its model knows."""
    if evidence is None or evidence.joint is None:
        return detection
    nobody = np.zeros(len(detection.landmarks), bool)
    now = _propagate(evidence, evidence.answer, nobody, nobody, evidence.answer.observed.position)
    errors = _expected_mm(evidence, now)
    marks = tuple(
        replace(mark, expected_error=float(error)) if mark.is_present else mark
        for mark, error in zip(detection.landmarks, errors, strict=True)
    )
    return replace(detection, landmarks=replace(detection.landmarks, landmarks=marks))


# --- what was settled -----------------------------------------------------------------------------------


def settled(detection: Detection, corrections: Corrections) -> dict[str, Landmark]:
    """Accepted, corrected and missing landmarks by name, as they stand.

    Raises
    ------
    InputError
        The detection has no such landmark.
    """
    if isinstance(corrections, LandmarkSet):
        named = {mark.name: mark for mark in corrections if mark.status.by_person}
    else:
        nowhere = np.full(3, np.nan)
        named = {
            name: Landmark(name, nowhere, Status.MISSING)
            if place is None
            else Landmark(name, np.asarray(place, dtype=np.float64), Status.CORRECTED)
            for name, place in corrections.items()
        }
    unknown = [name for name in named if name not in detection.landmarks]
    if unknown:
        raise InputError(
            f"The model {detection.model!r} knows no landmark {', '.join(map(repr, unknown))}; "
            f"it knows {', '.join(detection.landmarks.names)}."
        )
    return named


def _movable(detection: Detection, evidence: JointEvidence | None) -> JointEvidence:
    if evidence is None or (evidence.joint is None and evidence.answer_again is None):
        raise InputError(
            f"The model {detection.model!r} does not know how its landmarks lie to one another; package it "
            "anew to have the others follow corrections."
        )
    return evidence


def _as_arrays(
    evidence: JointEvidence, landmarks: LandmarkSet, settled: Mapping[str, Landmark]
) -> tuple[Array, Array, Array]:
    """Which are somewhere for certain, where (L, d), and which are certainly missing."""
    places = evidence.answer.observed.position.copy()
    known, missing = (np.zeros(len(landmarks), bool) for _ in range(2))
    for n, name in enumerate(landmarks.names):
        if name in settled and settled[name].is_present:
            known[n] = True
            places[n] = evidence.frame.from_ras(settled[name].position)[0]
        elif name in settled:
            missing[n] = True
    return known, places, missing


# --- what follows ---------------------------------------------------------------------------------------


def _propagate(
    evidence: JointEvidence, answer: Answer, known: Array, missing: Array, places: Array
) -> Propagated:
    observed = answer.observed._replace(seen=answer.observed.seen & ~missing)
    if evidence.joint is None:
        position = np.where(known[:, None], places, observed.position)
        covariance = np.einsum("ld,de->lde", observed.deviation**2, np.eye(position.shape[1]))
        return Propagated(position, np.where(known[:, None, None], 0, covariance), position)
    return propagate(
        evidence.joint,
        observed,
        known,
        places,
        tolerance=TOLERANCE_MM / evidence.frame.mm,
        moving=bool(known.any() or missing.any()),
    )


def _presence(evidence: JointEvidence, answer: Answer, before: Propagated, after: Propagated) -> Array:
    """Probability (L,) of being in the image: the networks', moved by what the others make of it."""
    if evidence.joint is None:
        return answer.present
    odds = _odds(answer.present)
    odds *= _odds(_share_inside(evidence, after)) / _odds(_share_inside(evidence, before))
    return np.asarray(odds / (1 + odds))


def _share_inside(evidence: JointEvidence, propagated: Propagated) -> Array:
    """Share (L,) of every landmark's Gaussian that lies in the image."""
    count, d = propagated.mean.shape
    normal = np.random.default_rng(0).standard_normal((SAMPLES, d))
    values, vectors = np.linalg.eigh(propagated.covariance)
    roots = vectors * np.sqrt(values.clip(0))[:, None, :]
    points = propagated.mean[:, None] + np.einsum("lij,sj->lsi", roots, normal)
    return np.asarray(evidence.inside(points.reshape(-1, d)).reshape(count, SAMPLES).mean(axis=1))


def _propagated(
    evidence: JointEvidence, landmark: Landmark, n: int, before: Propagated, after: Propagated, present: float
) -> Landmark:
    """One landmark that nobody has settled."""
    place = after.position[n]
    there = present >= PRESENT_ABOVE and bool(evidence.inside(place[None])[0])
    near = _odds(_within(evidence, after.covariance[n]), SURE)
    sure = landmark.confidence
    if sure is not None:
        if (
            not landmark.is_present
        ):  # the chance of being right in calling it absent is no chance of being near
            sure = float(near / (1 + near))
        else:  # calibrated before, moved by what is known now
            before_near = _odds(_within(evidence, before.covariance[n]), SURE)
            odds = _odds(np.array(sure), SURE) * near / before_near
            sure = float(odds / (1 + odds))
        sure = min(sure, present) if there else min(present, 1 - present)
    trusted = sure is None or sure >= UNCERTAIN_BELOW
    return replace(
        landmark,
        position=evidence.frame.to_ras(place[None])[0] if there else np.full(3, np.nan),
        status=Status.ABSENT if not there else Status.DETECTED if trusted else Status.UNCERTAIN,
        confidence=sure,
        covariance=evidence.frame.covariance_to_ras(after.covariance[n]) if there else None,
        expected_error=float(_expected_mm(evidence, after)[n]) if there else None,
    )


def _by_person(landmark: Landmark, settled: Landmark) -> Landmark:
    """As the person left it, with the model's own place beside it."""
    predicted = settled.predicted
    if predicted is None and landmark.is_present:
        predicted = landmark.position
    return replace(
        landmark,
        position=settled.position,
        status=settled.status,
        confidence=settled.confidence,
        covariance=None,
        expected_error=None,
        predicted=predicted if settled.status is not Status.ACCEPTED else settled.predicted,
    )


def _within(evidence: JointEvidence, covariance: Array) -> Array:
    """Probability of a Gaussian error of this covariance (d, d) being shorter than the radius."""
    axes = evidence.judged_axes
    return chance_within(covariance[:axes, :axes], evidence.radius)


def _odds(probability: Array, least: float = UNSURE) -> Array:
    bounded = np.clip(probability, least, 1 - least)
    return np.asarray(bounded / (1 - bounded))


def _expected_mm(evidence: JointEvidence, propagated: Propagated) -> Array:
    """Expected errors (L,) in mm: the root of the expected square."""
    axes = evidence.judged_axes
    squares = np.einsum("lii->li", evidence.frame.covariance_to_ras(propagated.covariance))
    if axes < propagated.position.shape[1]:
        flat = replace(evidence.frame, axes=evidence.frame.axes[:, :axes])
        squares = np.einsum("lii->li", flat.covariance_to_ras(propagated.covariance[:, :axes, :axes]))
    return np.asarray(np.sqrt(squares.sum(axis=1)))
