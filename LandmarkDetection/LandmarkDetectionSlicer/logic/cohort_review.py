"""The cases of a cohort, one after the other in the scene; see :mod:`.case_review`.

The prediction in the cohort's folder is never written; a review goes to its folder ``reviews``.
"""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from LandmarkDetectionLib.cohort.results.records import Cohort, read_case, read_cohort
from LandmarkDetectionLib.cohort.results.reviews import read_case_review, review_path, write_case_review
from LandmarkDetectionLib.cohort.results.verdicts import Deed, Entry, Verdict, note
from LandmarkDetectionLib.errors import InputError, LandmarkDetectionError, OutputError
from LandmarkDetectionLib.io.shared_review import version_of
from LandmarkDetectionSlicer.logic.case_review import CaseReview, ImagePlace

if TYPE_CHECKING:
    import slicer

    from LandmarkDetectionLib.core.review import Review
    from LandmarkDetectionSlicer.logic.image_prefetch import ImagePrefetch
    from LandmarkDetectionSlicer.process.worker import BackgroundWorker


@dataclass(frozen=True)
class CaseName:
    """One model's result of one case."""

    case: str
    model: str


@dataclass(frozen=True)
class CohortCase:
    """A case of a cohort, as :class:`.case_review.CaseReview` opens one."""

    cohort: Cohort
    name: CaseName
    place: ImagePlace

    @property
    def title(self) -> str:
        """The key of the case."""
        return self.name.case

    @property
    def path(self) -> Path:
        """Of the review."""
        return review_path(self.cohort, self.name.case, self.name.model)

    def read(self) -> Review:
        """The review as it stands; one just begun when nobody has looked at it."""
        return read_case_review(self.cohort, self.name.case, self.name.model)

    def write(self, review: Review, version: str) -> str:
        """Write it over the version that was read; gives the one that is there now."""
        return version_of(write_case_review(self.cohort, self.name.case, self.name.model, review, version))


class CohortReview(CaseReview):
    """The case of a cohort that is open, if one is.

    Parameters
    ----------
    worker, onOpened, onFailed, reviewer, images
        As of :class:`.case_review.CaseReview`.
    onSaved
        Called with the case and its review after each time it was saved.
    """

    def __init__(
        self,
        worker: BackgroundWorker,
        onOpened: Callable[[slicer.vtkMRMLScalarVolumeNode, slicer.vtkMRMLMarkupsFiducialNode], None],
        onSaved: Callable[[CaseName, Review], None],
        onFailed: Callable[[str], None],
        reviewer: str = "",
        images: ImagePrefetch | None = None,
    ) -> None:
        def opened(
            volumeNode: slicer.vtkMRMLScalarVolumeNode,
            landmarkNode: slicer.vtkMRMLMarkupsFiducialNode | None,
        ) -> None:
            if landmarkNode is not None:  # every case of a cohort has a prediction
                self._note(Deed.OPENED)
                onOpened(volumeNode, landmarkNode)

        def saved(review: Review) -> None:
            if self.current is not None:
                done, total = review.progress
                self._note(Deed.SAVED, reviewed=done, landmarks=total)
                onSaved(self.current, review)

        super().__init__(worker, opened, saved, onFailed, reviewer, images)

    @property
    def current(self) -> CaseName | None:
        """The case that is open or being opened."""
        return self.case.name if isinstance(self.case, CohortCase) else None

    def open(self, folder: Path, name: CaseName, images: ImagePlaces) -> None:
        """Leave the case that is open and open another; ``onOpened`` or ``onFailed`` is called."""
        if not self.leave():
            return
        try:
            case = cohortCase(folder, name, images)
        except LandmarkDetectionError as problem:
            self._onFailed(str(problem))
            return
        self.openCase(case)

    def prefetch(self, folder: Path, names: Sequence[CaseName], images: ImagePlaces) -> None:
        """Have the images of these cases read beforehand, the first one first."""
        if self._images is not None:
            self._images.want([partial(_placeOf, folder, name, images) for name in names])

    def giveVerdict(self, verdict: Verdict) -> None:
        """Say what the open case is as a whole.

        Raises
        ------
        OutputError
            It cannot be written.
        """
        if isinstance(self.case, CohortCase):
            note(self.case.cohort.folder, self._entry(self.case, Deed.VERDICT, verdict=verdict))

    def withdrawVerdict(self) -> None:
        """Take back what the reader said of the open case; raises OutputError."""
        if isinstance(self.case, CohortCase):
            note(self.case.cohort.folder, self._entry(self.case, Deed.WITHDREW))

    def _entry(self, case: CohortCase, did: Deed, **more: Any) -> Entry:
        return Entry(case.name.case, case.name.model, did, self.reviewer, **more)

    def _note(self, did: Deed, **more: Any) -> None:
        """Note what was done; results that are only to be read can be looked at all the same."""
        if isinstance(self.case, CohortCase):
            with suppress(OutputError):
                note(self.case.cohort.folder, self._entry(self.case, did, **more))


def _placeOf(folder: Path, name: CaseName, images: ImagePlaces) -> ImagePlace:
    return ImagePlace(*images.find(read_cohort(folder), name.case))


def cohortCase(folder: Path, name: CaseName, images: ImagePlaces) -> CohortCase:
    """A case of a cohort.

    Raises
    ------
    InputError
        The folder, the case or its review cannot be read, or its image is not known or not there.
    """
    cohort = read_cohort(folder)
    read_case_review(cohort, name.case, name.model)  # before anything is loaded
    return CohortCase(cohort, name, ImagePlace(*images.find(cohort, name.case)))


@dataclass(frozen=True)
class ImagePlaces:
    """Where the images of a cohort are: its results do not say.

    Attributes
    ----------
    keyFile
        Which case is which image.
    source
        The folder that was run, for key files that name images relative to it; None when unknown.
    """

    keyFile: Path | None = None
    source: Path | None = None

    def find(self, cohort: Cohort, case: str) -> tuple[Path, str]:
        """File or folder of a case's image, and the UID of its DICOM series or "".

        Raises
        ------
        InputError
            It is not known or not there.
        """
        place = read_case(cohort.folder, case).source or self._inKeyFile(case)
        text, _separator, series = place.partition("::")
        for path in self._candidates(text):
            if path.is_absolute() and path.exists():
                return path, series
        raise InputError(
            _("The image of {case} is not where it was; connect its disk, or run the batch again.").format(
                case=case
            )
        )

    def _candidates(self, text: str) -> Iterator[Path]:
        """A key file may name an image by its path, by its path below the source, or by its file's name."""
        yield Path(text)
        if self.source is not None:
            yield self.source / text
            if Path(text).name == text:
                yield from self.source.rglob(glob.escape(text))

    def _inKeyFile(self, case: str) -> str:
        from LandmarkDetectionLib.cohort.run.keys import read_key_file

        if self.keyFile is None or not self.keyFile.is_file():
            raise InputError(
                _("Which image {case} is, is not known without the key file of the batch; choose it.").format(
                    case=case
                )
            )
        place = read_key_file(self.keyFile).get(case, "")
        if not place:
            raise InputError(
                _("{file} does not say which image {case} is; choose the key file of this batch.").format(
                    file=self.keyFile.name, case=case
                )
            )
        return place
