"""A person's review of a detection: what the model said, what stands now, and how far the review is.

A :class:`Review` never changes; every step gives a new one. Panels, viewers and scripts keep the latest and
show it, so that undoing is going back to the one before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from LandmarkDetectionLib.core.detection import Detection, detection_from_record
from LandmarkDetectionLib.core.geometry import Affine
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status, landmarks_from_records
from LandmarkDetectionLib.wording import counted

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.protocol import Protocol


@dataclass(frozen=True)
class Review:
    """A detection under review.

    Parameters
    ----------
    prediction
        The detection as the model left it; without a model name when a person started from nothing.
    landmarks
        As they stand now: the same names in the same order.

    Raises
    ------
    ValueError
        The names differ.

    Examples
    --------
    >>> knee = Landmark("knee_left", [-70.0, 12.0, -372.0], Status.UNCERTAIN, 0.4)
    >>> review = Review.of(Detection(LandmarkSet((knee,)), "whole-body-ct", "1.0.0"))
    >>> review = review.correct("knee_left", [-72.0, 10.0, -380.0])
    >>> review.landmarks["knee_left"].status.value, review.progress
    ('corrected', (1, 1))
    >>> review.restore("knee_left").progress
    (0, 1)
    """

    prediction: Detection
    landmarks: LandmarkSet

    def __post_init__(self) -> None:
        if self.prediction.landmarks.names != self.landmarks.names:
            raise ValueError("the reviewed landmarks are not those of the prediction")

    @classmethod
    def of(cls, detection: Detection) -> Review:
        """The start of a review: nothing looked at yet.

        A detection that a person has worked on before keeps that work; its predictions are taken from what
        every landmark remembers of them.
        """
        original = replace(
            detection.landmarks, landmarks=tuple(_as_predicted(mark) for mark in detection.landmarks)
        )
        return cls(replace(detection, landmarks=original), detection.landmarks)

    @classmethod
    def blank(cls, protocol: Protocol) -> Review:
        """A review without a prediction, for placing a protocol's landmarks by hand."""
        nowhere = np.full(3, np.nan)
        landmarks = LandmarkSet(
            tuple(
                Landmark(one.name, nowhere, Status.ABSENT, description=one.definition)
                for one in protocol.landmarks
            ),
            name=protocol.title,
        )
        return cls(Detection(landmarks, model="", model_version=""), landmarks)

    # --- what a person says ---------------------------------------------------------------------------

    def accept(self, name: str) -> Review:
        """Say that a landmark is right as it is; one that the model calls absent becomes missing.

        What a person has settled before stays as it is. KeyError when there is no landmark of this name.
        """
        landmark = self.landmarks[name]
        if landmark.status.by_person:
            return self
        status = Status.ACCEPTED if landmark.is_present else Status.MISSING
        return self._with(replace(landmark, status=status))

    def correct(self, name: str, position: npt.ArrayLike) -> Review:
        """Put a landmark at (3,) mm; the model's position is kept beside it. KeyError as in ``accept``."""
        return self._settle(name, Status.CORRECTED, np.asarray(position, dtype=np.float64))

    def mark_missing(self, name: str) -> Review:
        """Say that a landmark is not in the image. KeyError as in ``accept``."""
        return self._settle(name, Status.MISSING, np.full(3, np.nan))

    def mark_absent_missing(self) -> Review:
        """Say of every landmark that is absent, and that nobody has settled, that it is not in the image.

        Examples
        --------
        >>> toe = Landmark("toe_left", [np.nan] * 3, Status.ABSENT)
        >>> Review.of(Detection(LandmarkSet((toe,)), "whole-body-ct", "1")).mark_absent_missing().progress
        (1, 1)
        """
        review = self
        for mark in self.landmarks:
            if mark.status is Status.ABSENT:
                review = review.mark_missing(mark.name)
        return review

    def shift(self, chain: Sequence[Sequence[str]], levels: int) -> Review:
        """Say that a whole chain is off by some levels: each takes the place that another was found at.

        Landmarks that get a place are corrected, with the model's own beside them. Those at the end of the
        chain, whose place no level has, and those whose new place nobody found are absent and open: a model
        that follows corrections looks for them, or a person places them. Shifting back does not bring them
        back; undoing does.

        Parameters
        ----------
        chain
            Of a protocol, the landmarks of every level; see ``Protocol.chain``.
        levels
            1 when each belongs where the next of the chain was found, -1 when where the one before was.

        Raises
        ------
        ValueError
            There is no chain, or it is not longer than that.
        KeyError
            A landmark of the chain is not under review.
        """
        if not 0 < abs(levels) < len(chain):
            raise ValueError(f"a chain of {counted(len(chain), 'level')} cannot be shifted by {levels}")
        moved = {}
        for n, level in enumerate(chain):
            source = chain[n + levels] if 0 <= n + levels < len(chain) else level
            for name, other in zip(level, source, strict=True):
                place = self.landmarks[other]
                there = source is not level and place.is_present
                moved[name] = Landmark(
                    name,
                    place.position if there else np.full(3, np.nan),
                    Status.CORRECTED if there else Status.ABSENT,
                    description=self.landmarks[name].description,
                    predicted=_position_of(self.prediction.landmarks[name]),
                )
        marks = tuple(moved.get(mark.name, mark) for mark in self.landmarks)
        return replace(self, landmarks=replace(self.landmarks, landmarks=marks))

    def restore(self, name: str) -> Review:
        """Take back what a person said of a landmark. KeyError as in ``accept``."""
        return self._with(self.prediction.landmarks[name])

    def restore_all(self) -> Review:
        """Take back everything a person said."""
        return replace(self, landmarks=self.prediction.landmarks)

    def rerun(self, detection: Detection, keep_reviewed: bool = True) -> Review:
        """A new detection in the place of the old one.

        Parameters
        ----------
        detection
            Its landmarks may differ from before; those that no longer exist are dropped.
        keep_reviewed
            What a person has accepted, corrected or called missing stays where it is.
        """
        fresh = Review.of(detection)
        if not keep_reviewed:
            return fresh
        kept = []
        for new in fresh.landmarks:
            old = self.landmarks[new.name] if new.name in self.landmarks else new
            settled = old.status.by_person
            kept.append(replace(old, predicted=_position_of(new)) if settled else new)
        return replace(fresh, landmarks=replace(fresh.landmarks, landmarks=tuple(kept)))

    def propagate(self, refined: Detection) -> Review:
        """The landmarks that nobody has settled, where ``Analysis.refine`` put them; settled ones stay.

        The prediction stays the model's first answer, to which restoring goes back.

        Raises
        ------
        ValueError
            The landmarks differ.
        """
        if refined.landmarks.names != self.landmarks.names:
            raise ValueError("the refined landmarks are not those under review")
        marks = tuple(
            mark if mark.status.by_person else refined.landmarks[mark.name] for mark in self.landmarks
        )
        return replace(self, landmarks=replace(self.landmarks, landmarks=marks))

    # --- how far it is --------------------------------------------------------------------------------

    @property
    def reviewed(self) -> tuple[str, ...]:
        """Names of the landmarks a person has settled, in the landmarks' order."""
        return tuple(mark.name for mark in self.landmarks if mark.status.by_person)

    @property
    def progress(self) -> tuple[int, int]:
        """How many landmarks a person has settled, and how many there are."""
        return len(self.reviewed), len(self.landmarks)

    # --- files and coordinates ------------------------------------------------------------------------

    @property
    def detection(self) -> Detection:
        """The detection with the landmarks as they stand now."""
        return replace(self.prediction, landmarks=self.landmarks)

    def transformed(self, affine: Affine) -> Review:
        """The review with every position moved by an affine map, and every covariance with it."""
        return Review(self.prediction.transformed(affine), self.landmarks.transformed(affine))

    def to_record(self) -> dict[str, Any]:
        """The record of a detection with the landmarks as they stand, and the predictions beside them."""
        predicted = [mark.to_record() for mark in self.prediction.landmarks]
        return {**self.detection.to_record(), "prediction": predicted}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Review:
        """Inverse of :meth:`to_record`; the plain record of a detection is a review just begun.

        Raises
        ------
        ValueError
            The record is broken; the text says where.
        """
        review = cls.of(detection_from_record(record))
        if "prediction" not in record:
            return review
        predicted = landmarks_from_records(record["prediction"], name=review.landmarks.name)
        return cls(replace(review.prediction, landmarks=predicted), review.landmarks)

    def _settle(self, name: str, status: Status, position: npt.NDArray[np.float64]) -> Review:
        landmark = self.landmarks[name]
        return self._with(
            Landmark(
                name,
                position,
                status,
                description=landmark.description,
                predicted=_position_of(self.prediction.landmarks[name]),
            )
        )

    def _with(self, landmark: Landmark) -> Review:
        return replace(self, landmarks=self.landmarks.with_landmark(landmark))


def _position_of(landmark: Landmark) -> npt.NDArray[np.float64] | None:
    return landmark.position if landmark.is_present else None


def _as_predicted(landmark: Landmark) -> Landmark:
    """The landmark as the model left it, from what it remembers."""
    if not landmark.status.by_person:
        return landmark
    if landmark.status is Status.ACCEPTED and landmark.predicted is None:
        return replace(landmark, status=Status.DETECTED)
    status = Status.ABSENT if landmark.predicted is None else Status.DETECTED
    position = np.full(3, np.nan) if landmark.predicted is None else landmark.predicted
    return replace(landmark, status=status, position=position, predicted=None)
