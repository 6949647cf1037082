"""The command line's part for annotation stores: what is in one, and saving a review to one."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from LandmarkDetectionLib.cli import console
from LandmarkDetectionLib.cli.options import JsonOption
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.wording import counted

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.protocol import Protocol
    from LandmarkDetectionLib.core.review import Review

app = typer.Typer(help="Keep corrections, and see what is kept.", no_args_is_help=True)

StoreArgument = Annotated[Path, typer.Argument(metavar="STORE", help="Folder of an annotation store.")]


@app.command("summary")
def summary(
    store: StoreArgument,
    check: Annotated[bool, typer.Option(help="Also open every image and check the data set.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Count annotations, people, time, and how far predictions were moved."""
    from LandmarkDetectionLib.datasets.annotations import read_store, summarise_store

    found = summarise_store(store)
    warnings = [str(one) for one in read_store(store).warnings] if check else []
    if as_json:
        console.print_json({**found.to_record(), **({"warnings": warnings} if check else {})})
        return
    for warning in warnings or [f"left out: {text.rstrip('.')}" for text in found.damaged]:
        console.say(f"Warning: {warning}.")
    print(
        f"{counted(found.annotations, 'annotation')} of {counted(found.images, 'image')} of "
        f"{counted(found.subjects, 'subject')}; {counted(found.held_out, 'image is', 'images are')} held "
        "back"
    )
    if found.protocol:
        print(f"landmarks: {found.protocol}")
    for person, count in found.reviewers.items():
        print(f"by {person or '(no name)'}: {count}")
    for model, count in found.models.items():
        print(f"of {model or 'no model (placed by hand)'}: {count}")
    if found.seconds:
        print(f"time: {found.seconds / 60:.1f} min")
    rows = [
        [
            one.landmark,
            str(one.accepted),
            str(one.corrected),
            str(one.missing),
            f"{one.moved:.2f}" if math.isfinite(one.moved) else "-",
        ]
        for one in found.landmarks
    ]
    console.print_table(["landmark", "accepted", "corrected", "missing", "moved, median"], rows)
    if any(math.isfinite(one.moved) for one in found.landmarks):
        print("Moved by mm; by pixels in images that do not say how large these are.")
    for person, comment in found.comments:
        print(f"{person or '(no name)'}: {comment}")


@app.command("add")
def add(
    store: StoreArgument,
    image: Annotated[Path, typer.Argument(help="Image, or DICOM folder.")],
    review: Annotated[Path, typer.Argument(help="Review or landmarks of it (.json, .mrk.json, .csv).")],
    protocol: Annotated[
        str | None,
        typer.Option(help="Of the landmarks: one of the list, or a file; that of the model otherwise."),
    ] = None,
    reviewer: Annotated[str, typer.Option(help="Who says so.")] = "",
    comment: Annotated[str, typer.Option(help="A remark; it is kept as it is.")] = "",
    seconds: Annotated[float | None, typer.Option(min=0, help="Time spent.")] = None,
    subject: Annotated[
        str, typer.Option(help="Who it shows; only a pseudonym of it is kept. Else every image is a subject.")
    ] = "",
    copy_image: Annotated[bool, typer.Option("--copy-image", help="Keep a copy of the image.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Save a reviewed case: of a plain list of landmarks, every point counts as placed by a person."""
    from LandmarkDetectionLib.core.volume import with_pixel_size
    from LandmarkDetectionLib.datasets.annotations import AnnotationStore
    from LandmarkDetectionLib.io.records import recorded_pixel_size
    from LandmarkDetectionLib.io.volumes import read_volume

    kept = AnnotationStore(store)
    read = _read_review(review, image)
    volume = read_volume(image)
    pixel_mm = recorded_pixel_size(review)
    if pixel_mm is not None and not volume.spacing_known:
        volume = with_pixel_size(volume, pixel_mm)
        if not copy_image:
            raise InputError(
                f"{review} is in mm of pixels of {pixel_mm:g} mm, which {image.name} does not say; keep a "
                "copy of the image that does in the store (--copy-image)."
            )
    annotation = kept.save(
        read,
        volume,
        image,
        protocol=_protocol(protocol, read, kept.protocol),
        reviewer=reviewer,
        seconds=seconds,
        comment=comment,
        subject=subject,
        copy_image=copy_image,
    )
    if as_json:
        console.print_json({"file": kept.file_of(annotation), "split": annotation.split})
    else:
        print(f"Wrote {kept.file_of(annotation)} ({annotation.split}).")


def _read_review(path: Path, image: Path) -> Review:
    from LandmarkDetectionLib.datasets.annotations.foreign import review_of_landmarks
    from LandmarkDetectionLib.io.dicom_sr import is_sr, read_sr_on
    from LandmarkDetectionLib.io.markups import LANDMARK_SUFFIXES
    from LandmarkDetectionLib.io.records import read_recorded_landmarks, read_review

    if is_sr(path):
        return review_of_landmarks(read_sr_on(path, image))
    if path.name.lower().endswith(LANDMARK_SUFFIXES):
        return review_of_landmarks(read_recorded_landmarks(path))
    return read_review(path)


def _protocol(choice: str | None, review: Review, kept: Protocol | None) -> Protocol:
    from LandmarkDetectionLib.core.protocol import protocol_of_names
    from LandmarkDetectionLib.measurement.from_files import protocol_of

    if choice is None and kept is not None:
        return kept
    try:
        return protocol_of(review.landmarks, review.prediction.model, choice)
    except InputError:
        if choice is not None:
            raise
        return protocol_of_names(review.landmarks.names, "Landmarks")
