"""What can be opened for review: one image, the results of a cohort, a store of annotations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from LandmarkDetectionSlicer.logic.case_review import ImagePlace, ReviewedCase
from LandmarkDetectionSlicer.logic.cohort_review import CaseName, ImagePlaces, cohortCase

from LandmarkDetectionLib.cohort.results.case_results import case_results, protocols_of
from LandmarkDetectionLib.cohort.results.model_results import by_model, ranked
from LandmarkDetectionLib.cohort.results.records import COHORT, State, read_cohort
from LandmarkDetectionLib.cohort.results.reviews import review_path
from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.review import Review
from LandmarkDetectionLib.datasets.annotations import Annotation, AnnotationStore, is_store
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import read_json
from LandmarkDetectionLib.io.formats import DICOM, ITK, NIFTI, PICTURES, stem
from LandmarkDetectionLib.io.markups import LANDMARK_SUFFIXES, read_landmarks, write_landmarks
from LandmarkDetectionLib.io.records import read_review
from LandmarkDetectionLib.io.shared_review import who_reviews, write_if_unchanged
from LandmarkDetectionLib.io.volumes import read_volume

MARKUPS = ".mrk.json"


@dataclass(frozen=True)
class Entry:
    """A case in the list.

    Attributes
    ----------
    key
        Its name, which is no patient's where the cohort has none.
    model
        Whose result it is; empty where there is but one.
    done, total
        How many landmarks are reviewed, of how many; 0 of 0 while nobody knows.
    doubt
        How many landmarks are expected to be wrong; None where that is not known.
    reason
        Why it cannot be opened; empty when it can.
    """

    key: str
    model: str = ""
    done: int = 0
    total: int = 0
    doubt: float | None = None
    reason: str = ""


class Cases(Protocol):
    """What is opened."""

    store: AnnotationStore | None
    """Where reviews are kept to learn from; None for nowhere."""
    isStoreOnly: bool
    """Whether nothing else keeps them."""

    def entries(self) -> list[Entry]:
        """The cases, the worst first. InputError when they cannot be read."""

    def case(self, entry: Entry, reviewer: str) -> ReviewedCase:
        """A case to be opened. InputError when it cannot."""

    def reviewing(self, entry: Entry) -> bool:
        """Whether anybody has it open."""


def open_cases(
    path: Path,
    results: Path | None = None,
    *,
    images: Path | None = None,
    key: Path | None = None,
    store: Path | None = None,
) -> Cases:
    """What lies at a path.

    Parameters
    ----------
    path
        An image, a folder of a cohort's results, a store of annotations, or the record of a result (.json,
        .mrk.json) beside its image.
    results
        Of an image: its landmarks; beside it by default.
    images, key
        Of a cohort: the folder that was run, and which case is which image; beside the results by default.
    store
        Where reviews are also kept to learn from.

    Raises
    ------
    InputError
        It is none of these.
    """
    kept = AnnotationStore(store) if store is not None else None
    if not path.exists():
        raise InputError(f"{path} does not exist; check the name and the folder.")
    if path.is_dir() and (path / COHORT).is_file():
        return CohortCases(path, ImagePlaces(key or path.with_name(f"{path.name}-key.csv"), images), kept)
    if path.is_dir() and is_store(path):
        return StoreCases(AnnotationStore(path))
    if path.name.lower().endswith((*LANDMARK_SUFFIXES, ".json")):
        return ImageCase(_image_of(path), path, kept)
    return ImageCase(path, results, kept)


def _image_of(results: Path) -> Path:
    name = _stem(results)
    endings = (*NIFTI, *ITK, *PICTURES, *DICOM)
    beside = [
        one
        for one in sorted(results.parent.iterdir())
        if one.name.lower().endswith(endings) and _stem(one) == name
    ]
    if len(beside) != 1:
        found = "no image" if not beside else f"{len(beside)} images"
        raise InputError(
            f"There is {found} named {name} beside {results.name}; give the image, and the landmarks as its "
            "results.",
            about="results",
        )
    return beside[0]


def _stem(path: Path) -> str:
    name = path.name
    return name[: -len(MARKUPS)] if name.lower().endswith(MARKUPS) else stem(path)


# --- a cohort ----------------------------------------------------------------------------------------------


class CohortCases:
    """The results of ``landmark-detection batch``.

    Parameters
    ----------
    folder
        Of the results.
    images
        Where the images are.
    store
        Where reviews are also kept to learn from.
    """

    def __init__(self, folder: Path, images: ImagePlaces, store: AnnotationStore | None) -> None:
        self.folder, self.images, self.store = folder, images, store
        self.isStoreOnly = False
        self._cohort = read_cohort(folder)

    def entries(self) -> list[Entry]:
        """Cases with the most landmarks that are expected to be wrong first, those without a result last."""
        results = case_results(self._cohort)
        found = ranked(by_model(results, protocols_of(self._cohort)))
        return [
            Entry(one.case, one.model, one.reviewed, one.landmarks, one.score, one.reason)
            for one in sorted(found, key=lambda one: one.state != State.DONE.value)
        ]

    def case(self, entry: Entry, reviewer: str) -> ReviewedCase:
        """A case and what a model found in it."""
        return cohortCase(self.folder, CaseName(entry.key, entry.model), self.images)

    def reviewing(self, entry: Entry) -> bool:
        """Whether anybody has it open."""
        return bool(who_reviews(review_path(self._cohort, entry.key, entry.model)))


# --- one image ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FileCase:
    """An image with a review in a ``.json`` beside it, and what the review starts from."""

    title: str
    place: ImagePlace
    path: Path
    start: Path | None

    def read(self) -> Review | None:
        """The review beside the image, or what it starts from."""
        if self.path.is_file():
            return read_review(self.path)
        if self.start is None:
            return None
        if self.start.name.lower().endswith(LANDMARK_SUFFIXES):
            return Review.of(Detection(read_landmarks(self.start), "", ""))
        return read_review(self.start)

    def write(self, review: Review, version: str) -> str:
        """Write it over the version that was read, and the landmarks for Slicer beside it."""
        now = write_if_unchanged(review, self.path, version)
        write_landmarks(review.landmarks, self.path.with_name(f"{_stem(self.path)}{MARKUPS}"))
        return now


class ImageCase:
    """One image, with or without landmarks.

    A review is written to ``<image>-review.json``: files that a detection wrote are left as they are.
    """

    def __init__(self, image: Path, results: Path | None, store: AnnotationStore | None) -> None:
        if results is not None and not results.is_file():
            raise InputError(f"{results} does not exist; check the name and the folder.")
        self.image, self.results, self.store = image, results or _results_beside(image), store
        self.isStoreOnly = False
        self.path = image.with_name(f"{_stem(image)}-review.json")

    def entries(self) -> list[Entry]:
        """The one image."""
        case = self._case()
        review = case.read()
        done, total = review.progress if review is not None else (0, 0)
        return [Entry(_stem(self.image), done=done, total=total)]

    def case(self, entry: Entry, reviewer: str) -> ReviewedCase:
        """The one image."""
        return self._case()

    def reviewing(self, entry: Entry) -> bool:
        """Whether anybody has it open."""
        return bool(who_reviews(self.path))

    def _case(self) -> FileCase:
        return FileCase(_stem(self.image), ImagePlace(self.image), self.path, self.results)


def _results_beside(image: Path) -> Path | None:
    """The record or the landmarks that lie beside an image under its name."""
    for ending in (".json", MARKUPS):
        path = image.with_name(f"{_stem(image)}{ending}")
        if path.is_file() and (ending == MARKUPS or "landmarks" in read_json(path)):
            return path
    return None


# --- a store of annotations --------------------------------------------------------------------------------


@dataclass(frozen=True)
class StoreCase:
    """An image of a store; every save is an annotation of its own, so that none is written over."""

    store: AnnotationStore
    annotation: Annotation
    title: str

    @property
    def place(self) -> ImagePlace:
        """Where the image is."""
        return ImagePlace(self.store.image_of(self.annotation.image))

    @property
    def path(self) -> Path:
        """Beside which marks lie; a review of this name is never written."""
        return self.store.file_of(self.annotation).with_name(self.annotation.image)

    def read(self) -> Review:
        """The annotation that stands."""
        return self.annotation.review

    def write(self, review: Review, version: str) -> str:
        """Nothing: the store is written when a person says so, or leaves."""
        return version

    def keep(self, review: Review, reviewer: str, seconds: float) -> None:
        """Write an annotation now. InputError and OutputError as ``AnnotationStore.save``."""
        image, protocol = self.place.path, self.store.protocol
        if protocol is None:
            raise InputError(f"The protocol of the annotation store {self.store.path} is missing.")
        volume = read_volume(image)
        self.store.save(review, volume, image, protocol=protocol, reviewer=reviewer, seconds=seconds)


class StoreCases:
    """The images of a store, those of which least is settled first."""

    def __init__(self, store: AnnotationStore) -> None:
        self.store: AnnotationStore | None = store
        self.isStoreOnly = True
        self._kept = store
        self._beside: dict[str, Path] = {}

    def entries(self) -> list[Entry]:
        """One case per image, named by its hash."""
        found = {one.image: one for one in self._kept.standing()}
        self._beside = {image[:12]: StoreCase(self._kept, one, "").path for image, one in found.items()}
        entries = [
            Entry(image[:12], done=one.review.progress[0], total=one.review.progress[1])
            for image, one in found.items()
        ]
        return sorted(entries, key=lambda one: (one.done - one.total, one.key))

    def case(self, entry: Entry, reviewer: str) -> ReviewedCase:
        """The reviewer's own annotation of an image, or else somebody's."""
        standing = [one for one in self._kept.standing() if one.image.startswith(entry.key)]
        if not standing:
            raise InputError(f"The store holds no annotation of {entry.key} any more.")
        own = [one for one in standing if one.reviewer == reviewer]
        chosen = (own or standing)[-1]
        case = StoreCase(self._kept, chosen, entry.key)
        if not self._kept.image_of(chosen.image).exists():
            raise InputError(f"The image of {entry.key} is not where it was; connect its disk.")
        return case

    def reviewing(self, entry: Entry) -> bool:
        """Whether anybody has it open."""
        return entry.key in self._beside and bool(who_reviews(self._beside[entry.key]))
