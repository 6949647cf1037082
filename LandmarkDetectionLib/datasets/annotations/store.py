"""The folder of annotations: written by any number of people at once, read as a data set.

Nothing in it is ever changed: every annotation is a file of its own under a random name, put there by one
rename. A later annotation of the same image by the same person names those it replaces, so that two people,
or two programs of one, never undo each other's work, and nothing is lost when a process is killed.

Annotations hold no names of patients or files, no dates, and nothing that DICOM says: images are known by the
hash of their content. Where an image lies on this computer, and the key that pseudonyms are made with, are in
the folder ``local``, which is not to be passed on.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.core.review import Review
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.annotations.annotation import (
    SUFFIX,
    Annotation,
    read_annotation,
    write_annotation,
)
from LandmarkDetectionLib.datasets.annotations.image_content import content_hash
from LandmarkDetectionLib.datasets.cases import NO_RATERS, Case, Datalist, DatalistError, write_datalist
from LandmarkDetectionLib.datasets.checks import survey
from LandmarkDetectionLib.datasets.findings import Finding
from LandmarkDetectionLib.datasets.splits import holds_out_next
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import create_once, make_folder, read_json, read_text, write_text
from LandmarkDetectionLib.io.volumes import read_volume, write_volume

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.protocol import Protocol

TRAIN, HELD_OUT = "train", "held back"
ANNOTATIONS, IMAGES, LOCAL = "annotations", "images", "local"
PROTOCOL, DATALIST, KEY = "protocol.json", "datalist.json", "key.txt"
NOBODY = "reviewer"


class AnnotationStore:
    """A folder of annotations.

    Parameters
    ----------
    path
        The folder; it is made by the first annotation.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    # --- reading ------------------------------------------------------------------------------------------

    @property
    def protocol(self) -> Protocol | None:
        """Of the landmarks; None before the first annotation. Raises InputError when its file is broken."""
        from LandmarkDetectionLib.io.protocols import read_protocol

        file = self.path / PROTOCOL
        return read_protocol(file) if file.is_file() else None

    def history(self) -> list[Annotation]:
        """Every annotation that was ever saved, by id.

        Raises
        ------
        InputError
            There is no such folder, or an annotation in it is broken.
        """
        found, damaged = self.readable()
        if damaged:
            raise InputError(f"{damaged[0].rstrip('.')}; move the file away, or put it back from a copy.")
        return found

    def readable(self) -> tuple[list[Annotation], list[str]]:
        """Every annotation that can be read, by id, and a sentence for each that cannot.

        One damaged file must not keep everybody from saving and learning.

        Raises
        ------
        InputError
            There is no such folder.
        """
        if not self.path.is_dir():
            raise InputError(f"There is no annotation store {self.path}; check the name.")
        folder = self.path / ANNOTATIONS
        found, damaged = [], []
        for file in sorted(folder.glob(f"*{SUFFIX}")):
            # What is being written, or was when somebody pulled the plug, is hidden.
            if file.name.startswith("."):
                continue
            try:
                if not file.is_file():
                    raise InputError(f"Cannot read the annotation {file}: it is no file.")
                annotation = read_annotation(file)
                if self.file_of(annotation).name != file.name:
                    raise InputError(f"Cannot read the annotation {file}: it is a copy of {annotation.id}.")
                found.append(annotation)
            except InputError as problem:
                damaged.append(str(problem))
        return found, damaged

    def current(self) -> list[Annotation]:
        """The annotations that stand: one per image and person, by image; raises as :meth:`history`."""
        return _current(self.history())

    def standing(self) -> list[Annotation]:
        """The same of those that can be read; raises as :meth:`readable`."""
        return _current(self.readable()[0])

    def file_of(self, annotation: Annotation) -> Path:
        """The file of an annotation, which 3D Slicer opens, too."""
        return self.path / ANNOTATIONS / f"{annotation.id}{SUFFIX}"

    def image_of(self, image: str) -> Path:
        """Where an image of a given hash lies; the place of its copy when nobody has said where."""
        copy = self.path / IMAGES / f"{image}.nrrd"
        if not copy.exists():
            with contextlib.suppress(InputError):  # a note that is damaged is as good as none
                path = read_json(self.path / LOCAL / f"{image}.json").get("path")
                if isinstance(path, str) and path:
                    return Path(path)
        return copy

    def rows(self, annotations: Sequence[Annotation] | None = None) -> list[dict[str, Any]]:
        """The rows of a datalist: one per image, with one file of landmarks per person.

        Parameters
        ----------
        annotations
            Of :meth:`standing`; those of :meth:`current` when None.

        Raises
        ------
        InputError
            As :meth:`history`.
        """
        by_image: dict[str, list[Annotation]] = {}
        for annotation in self.current() if annotations is None else annotations:
            by_image.setdefault(annotation.image, []).append(annotation)
        held_out = {one.subject for group in by_image.values() for one in group if one.split == HELD_OUT}
        rows = []
        for image, group in by_image.items():
            landmarks: dict[str, str] = {}
            for annotation in group:
                landmarks[_rater(annotation.reviewer, landmarks)] = (
                    self.file_of(annotation).relative_to(self.path).as_posix()
                )
            subject = group[0].subject
            rows.append(
                {
                    "image": str(self.image_of(image).absolute()),
                    "landmarks": landmarks,
                    "subject": subject,
                    # Whoever is held out for one person must not be learned from for another.
                    "split": HELD_OUT if subject in held_out else TRAIN,
                }
            )
        return rows

    # --- writing ------------------------------------------------------------------------------------------

    def save(
        self,
        review: Review,
        volume: Volume,
        image: str | os.PathLike[str] | None = None,
        *,
        protocol: Protocol,
        reviewer: str = "",
        seconds: float | None = None,
        comment: str = "",
        subject: str = "",
        copy_image: bool = False,
    ) -> Annotation:
        """Keep a review.

        Parameters
        ----------
        review
            In the RAS mm of the volume.
        volume
            The image.
        image
            The file or DICOM folder that the volume was read from. Only a note of this computer says where it
            is.
        protocol
            Of the landmarks, for the first annotation; all of a store are of one.
        reviewer, comment
            As entered; nothing is taken out of them.
        seconds
            Time spent.
        subject
            Who it shows: a patient's number, for example. Only a pseudonym of it is kept. Every image is of a
            subject of its own when it is empty.
        copy_image
            Keep a copy of the image in the store, without anything but grey values and geometry.

        Returns
        -------
        Annotation
            As it was saved; when this returns it is on the disk.

        Raises
        ------
        InputError
            No landmark with a position was settled, the store's protocol lacks some of them, or the image's
            file does not hold this image: then a copy is needed.
        OutputError
            The store cannot be written.
        """
        review = _without_texts(review, self._protocol_for(review, protocol))
        if not any(one.is_present and one.status.by_person for one in review.landmarks):
            raise InputError("No landmark is accepted or placed yet, so there is nothing to learn from.")
        content = content_hash(volume)
        if not copy_image and not (self.path / IMAGES / f"{content}.nrrd").exists():
            image = _checked_file(image, volume, content)
        make_folder(self.path / ANNOTATIONS)
        make_folder(self.path / LOCAL)
        from LandmarkDetectionLib.io.protocols import protocol_text

        create_once(self.path / PROTOCOL, protocol_text(protocol))
        if copy_image:
            self._copy(volume, content)
        elif image is not None:
            self._note_place(Path(image), content)
        pseudonym = self._pseudonym(subject or content)
        standing = self.standing()
        annotation = Annotation(
            id=secrets.token_hex(8),
            image=content,
            subject=pseudonym,
            split=_split(pseudonym, standing),
            review=review,
            reviewer=reviewer.strip(),
            comment=comment.strip(),
            seconds=None if seconds is None else round(seconds, 1),
            replaces=tuple(
                one.id for one in standing if one.image == content and one.reviewer == reviewer.strip()
            ),
        )
        write_annotation(annotation, self.file_of(annotation))
        self.write_datalist()
        return annotation

    def write_datalist(self) -> Path:
        """Write ``datalist.json`` for other programs; readers of the store do without it."""
        file = self.path / DATALIST
        while True:
            rows = self.rows(self.standing())
            write_datalist(rows, file, "Annotations", protocol=PROTOCOL)
            # Somebody may have saved meanwhile, and have written the longer list before this one.
            if self.rows(self.standing()) == rows:
                return file

    def _protocol_for(self, review: Review, protocol: Protocol) -> Protocol:
        """The store's own, which must know the landmarks; before the first annotation the given one."""
        kept = self.protocol or protocol
        unknown = [name for name in review.landmarks.names if name not in kept.names]
        if unknown and kept is not protocol:
            raise InputError(
                f"The annotation store {self.path} is of the landmarks {kept.title!r}, which lack "
                f"{', '.join(unknown[:5])}; choose another folder for {protocol.title!r}."
            )
        return kept

    def _copy(self, volume: Volume, content: str) -> None:
        folder = self.path / IMAGES
        folder.mkdir(exist_ok=True)
        if not (folder / f"{content}.nrrd").exists():
            write_volume(replace(volume, name="", modality=""), folder / f"{content}.nrrd")

    def _note_place(self, image: Path, content: str) -> None:
        write_text(self.path / LOCAL / f"{content}.json", json.dumps(_place(image)) + "\n")

    def _pseudonym(self, subject: str) -> str:
        """The same subject gives the same word in this store, and nothing else can be read from it."""
        file = self.path / LOCAL / KEY
        # Whoever may write into a store that is shared by a group needs its key, and nobody else.
        shared = bool(self.path.stat().st_mode & stat.S_IWGRP)
        create_once(file, secrets.token_hex(32) + "\n", mode=0o640 if shared else 0o600)
        _close_to_others(file, shared)
        key = read_text(file).strip().encode()
        if len(key) < 32:
            raise InputError(
                f"The key {file}, which pseudonyms are made with, is damaged; put it back from a copy."
            )
        return "s" + hmac.new(key, subject.encode(), hashlib.sha256).hexdigest()[:16]


def is_store(path: str | os.PathLike[str]) -> bool:
    """Whether a folder is an annotation store."""
    return (Path(path) / ANNOTATIONS).is_dir()


def read_store(
    path: str | os.PathLike[str], seen: Callable[[Case, Sequence[Volume]], object] | None = None
) -> Datalist:
    """A store as a checked data set, whose splits are ``train`` and ``held back``.

    A landmark that no case to learn from has a position of is left out.

    Parameters
    ----------
    path
        The folder.
    seen
        Called with every case and its images, while they are open.

    Raises
    ------
    DatalistError
        With one sentence per problem: an image that is gone or was changed, a landmark outside its image.
    InputError
        There is no such store, an annotation is broken, or there is none.
    """
    store = AnnotationStore(path)
    readable, damaged = store.readable()
    standing = _current(readable)
    rows = store.rows(standing)
    if not rows and damaged:
        raise InputError(damaged[0])
    if not rows:
        raise InputError(f"The annotation store {path} holds no annotation yet; save a review to it first.")
    annotated = {store.file_of(one): one for one in standing}
    cases = tuple(_case(row, number, store.path, annotated) for number, row in enumerate(rows, start=1))
    protocol = store.protocol

    def changed(case: Case, volumes: Sequence[Volume]) -> str:
        """What the image is now; of one that nobody has touched what it was."""
        if seen is not None:
            seen(case, volumes)
        return case.content if _is_untouched(store, case) else content_hash(volumes[0])

    found = survey(cases, "allow", protocol, fingerprint=changed)
    # While few are annotated, some landmarks were in no image yet: that is no mistake.
    wrong = [one for one in found.findings if one.fatal and one.kind != "never present"]
    if wrong:
        raise DatalistError(store.path, [str(one) for one in wrong])
    if problems := [
        f"row {case.row} ({case.name}): its image is not the one that was annotated"
        for case, now in zip(cases, found.cases, strict=True)
        if now.content != case.content
    ]:
        raise DatalistError(store.path, problems)
    warnings = (
        *(Finding("damaged", f"left out: {text.rstrip('.')}", fatal=False) for text in damaged),
        *(one for one in found.findings if not one.fatal and one.kind not in _EXPECTED),
    )
    known = _names_to_learn(cases)
    names = tuple(name for name in found.names if name in known)
    return Datalist(store.path, "Annotations", cases, names, protocol, warnings)


#: Of a store it is no news that not every person has annotated every image.
_EXPECTED = ("missing rater", "never present")


def _names_to_learn(cases: Iterable[Case]) -> set[str]:
    learned = [case for case in cases if case.split == TRAIN] or list(cases)
    return {
        mark.name for case in learned for rater in case.raters for mark in case.read_landmarks(rater).present
    }


def _is_untouched(store: AnnotationStore, case: Case) -> bool:
    """Whether the file of an image is as it was when it was annotated, by its size and time."""
    file, note = case.image_files[0], store.path / LOCAL / f"{case.content}.json"
    with contextlib.suppress(InputError):  # of a damaged note: look at the image
        return file.is_file() and note.is_file() and read_json(note) == _place(file)
    return False


def _place(image: Path) -> dict[str, Any]:
    """Where an image is, and what tells that a file was not touched."""
    state = image.stat()
    untouched = {"size": state.st_size, "modified": state.st_mtime_ns} if image.is_file() else {}
    return {"path": str(image.absolute()), **untouched}


def _case(row: dict[str, Any], number: int, folder: Path, annotated: Mapping[Path, Annotation]) -> Case:
    """A row with what its annotations' records say: their files are not read once more."""
    files = {rater: folder / file for rater, file in row["landmarks"].items()}
    by_rater = {rater: annotated[file] for rater, file in files.items()}
    return Case(
        row=number,
        images=(Path(row["image"]),),
        landmarks=tuple(files.items()),
        subject=row["subject"],
        split=row["split"],
        known={rater: one.settled for rater, one in by_rater.items()},
        content=next(iter(by_rater.values())).image,
    )


def _current(history: Sequence[Annotation]) -> list[Annotation]:
    own: dict[tuple[str, str], list[Annotation]] = {}
    for one in sorted(history, key=lambda one: one.id):
        own.setdefault((one.image, one.reviewer), []).append(one)
    standing = []
    for key in sorted(own):
        # Nobody's word replaces that of another person, or on another image, whatever its file says.
        replaced = {old for one in own[key] for old in one.replaces if old != one.id}
        # Two programs may have replaced the same one at the same moment: of those, any will do, but always
        # the same. Where all replace one another, no one is lost either.
        left = [one for one in own[key] if one.id not in replaced] or own[key]
        standing.append(left[-1])
    return standing


def _close_to_others(file: Path, shared: bool) -> None:
    """Keys of stores of before could be read by everybody; only their owner can change that."""
    allowed = 0o640 if shared else 0o600
    with contextlib.suppress(OSError):
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & ~allowed:
            file.chmod(mode & allowed)


def _split(subject: str, standing: Sequence[Annotation]) -> str:
    """Where a subject belongs: where it is already, else by how many there are of either."""
    splits: dict[str, str] = {}
    for one in standing:
        if splits.get(one.subject) != HELD_OUT:
            splits[one.subject] = one.split
    if subject in splits:
        return splits[subject]
    held_out = sum(split == HELD_OUT for split in splits.values())
    return HELD_OUT if holds_out_next(len(splits), held_out) else TRAIN


def _rater(reviewer: str, taken: Iterable[str]) -> str:
    """A name that a datalist can hold, and that no other person has there."""
    name = reviewer or NOBODY
    if name in NO_RATERS:
        name = f"{name} ({NOBODY})"
    while name in taken:
        name += "'"
    return name


def _without_texts(review: Review, protocol: Protocol) -> Review:
    """The review with the protocol's own words only: whatever else stands there may name a patient."""
    unknown = [name for name in review.landmarks.names if name not in protocol.names]
    if unknown:
        raise InputError(
            f"The protocol {protocol.title!r} does not define {', '.join(unknown[:5])}; "
            "annotate the landmarks of one protocol."
        )

    def clean(landmarks: LandmarkSet) -> LandmarkSet:
        return LandmarkSet(
            tuple(replace(mark, description=protocol[mark.name].definition) for mark in landmarks),
            name=protocol.title,
        )

    prediction = review.prediction
    return Review(
        Detection(clean(prediction.landmarks), prediction.model, prediction.model_version),
        clean(review.landmarks),
    )


def _checked_file(image: str | os.PathLike[str] | None, volume: Volume, content: str) -> Path:
    """The file, when reading it gives the volume."""
    if image is None:
        raise InputError("The image is in no file that can be read again; keep a copy of it in the store.")
    with contextlib.suppress(InputError):
        read = read_volume(image)
        if content_hash(read) == content and read.is_on_grid_of(volume):
            return Path(image)
    raise InputError(
        "The file of the image does not hold it as it is shown (it was changed or moved, or holds several "
        "images); keep a copy of it in the store."
    )
