"""``visits``: what changed in a patient from one examination to the next, and how fast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from LandmarkDetectionLib.cli import console
from LandmarkDetectionLib.cli.align import LANDMARKS_HELP, Pixels, RaterSd, made_by
from LandmarkDetectionLib.cli.options import Telling
from LandmarkDetectionLib.cli.output import files_record, tell_files
from LandmarkDetectionLib.cli.recording import Recording
from LandmarkDetectionLib.errors import InputError

if TYPE_CHECKING:
    from LandmarkDetectionLib.alignment.visits import Course
    from LandmarkDetectionLib.core.protocol import Protocol
    from LandmarkDetectionLib.core.volume import Volume
    from LandmarkDetectionLib.measurement import Frame
    from LandmarkDetectionLib.measurement.from_files import Found


def visits(
    landmarks: Annotated[
        list[Path], typer.Argument(metavar="FIRST LATER...", help=f"{LANDMARKS_HELP} In order of time.")
    ],
    *,
    stable: Annotated[
        list[str] | None,
        typer.Option(
            help="A landmark that does not move, to lay the visits onto one another by; may be given several "
            "times. All that are shared otherwise."
        ),
    ] = None,
    as_placed: Annotated[
        bool, typer.Option("--as-placed", help="Lay nothing: all scans are in one coordinate system.")
    ] = False,
    axes: Annotated[
        str | None, typer.Option("--frame", help="Tell displacements along a frame of the protocol, as body.")
    ] = None,
    when: Annotated[
        list[str] | None,
        typer.Option(
            help="Date (2024-05-31) or age in years of each visit, in their order, for rates per year."
        ),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(help="Name of a protocol or its .json file; found by the model or the names otherwise."),
    ] = None,
    image: Annotated[
        Path | None, typer.Option(help="Folder of the images, each named as its landmark file.")
    ] = None,
    pixels: Pixels = False,
    pixel_size: Annotated[
        float | None, typer.Option(help="mm per pixel, for images that do not say how large a pixel is.")
    ] = None,
    rater_sd: RaterSd = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for tables (.csv), a page and pictures.")
    ] = None,
    recording: Recording,
    telling: Telling,
) -> None:
    """Compare visits of one patient: what moved or changed more than chance, and how fast."""
    from LandmarkDetectionLib.alignment.displacement import Visit
    from LandmarkDetectionLib.alignment.visits import follow, years_of
    from LandmarkDetectionLib.files import require_not_inputs
    from LandmarkDetectionLib.measurement.from_files import (
        PixelSizing,
        frame_of,
        framed_protocol,
        protocol_of,
        read_found,
        require_in_image,
    )

    if when and len(when) != len(landmarks):
        raise typer.BadParameter(
            f"give it once for each of the {len(landmarks)} visits.", param_hint="--when"
        )
    times = [years_of(one) for one in when] if when else [(None, "")] * len(landmarks)
    if len({kind for _, kind in times}) > 1:
        raise InputError("Say when the visits were in one way: dates, or ages.")
    found = [read_found(one) for one in landmarks]
    chosen = framed_protocol(protocol_of(found[0].landmarks, found[0].model, protocol))
    images = [_image(one, image) for one in found]
    for one, of_it in zip(found, images, strict=True):
        if of_it is not None and not pixels:
            require_in_image(one.landmarks, of_it.volume, one.name)
    _require_one_patient(images, as_placed)
    made, said = [], _unlike(found)
    for one, picture, (years, _), words in zip(found, images, times, when or [""] * len(found), strict=True):
        volume = picture.volume if picture is not None else None
        place = frame_of(one, chosen.view, volume, in_pixels=pixels)
        if pixel_size is not None and place.unit != "mm":
            place = PixelSizing(pixel_size=pixel_size).apply(place, one.landmarks, volume)
        made.append(Visit(one.name, one.landmarks, place, years, words))
        said += [f"{one.name}: {text}" for text in _sizes(one, volume, place, chosen)]
    course = follow(made, chosen, stable or (), axes=axes, as_placed=as_placed, rater_sd=rater_sd)
    written: Sequence[Path] = []
    if out is not None:
        from LandmarkDetectionLib.reporting.visits import write_visits

        require_not_inputs([out / name for name in ("visits.md", "report.html", "changes.csv")], landmarks)
        written = write_visits(course, out)
    manifest = recording.keep(
        written,
        beside=out,
        images=[one.volume for one in images if one is not None],
        files={"landmarks": landmarks},
        models=[one for each in found for one in made_by(each)],
        protocol=chosen,
    )
    if telling.as_json:
        record = {"research_use_only": True, **course.to_record(), "warnings": said}
        console.print_json({**record, **files_record(written, manifest)})
    else:
        if telling.shown:
            _show(course)
        tell_files(written, telling, manifest=manifest)
    remarks = dict.fromkeys(text for one in course.comparisons for text in one.remarks)
    for text in (*said, *remarks):
        console.say(f"Warning: {text}")


@dataclass(frozen=True, eq=False)
class _Image:
    """The image of a visit, and one of its DICOM files."""

    name: str
    volume: Volume
    dicom: Path | None


def _image(found: Found, folder: Path | None) -> _Image | None:
    from LandmarkDetectionLib.cli.measure import image_of
    from LandmarkDetectionLib.io.volumes import read_volume
    from LandmarkDetectionLib.measurement.from_files import dicom_files

    if folder is None:
        return None
    if not folder.is_dir():
        raise InputError(f"{folder} is one image for several visits; give the folder that holds theirs.")
    path = image_of(found.name, folder, several=True)
    assert path is not None
    return _Image(found.name, read_volume(path), next(iter(dicom_files(path)), None))


def _require_one_patient(images: Sequence[_Image | None], as_placed: bool) -> None:
    """Refuse visits whose DICOM headers name different patients, or coordinate systems that must be one."""
    from LandmarkDetectionLib.io.dicom_identity import identity_of

    known = [
        (one.name, identity_of(one.dicom)) for one in images if one is not None and one.dicom is not None
    ]
    for name, identity in known[1:]:
        first_name, first = known[0]
        if identity.patient and first.patient and identity.patient != first.patient:
            raise InputError(f"The images of {first_name} and {name} are of different patients.")
        if as_placed and not (identity.frame_of_reference and first.frame_of_reference):
            raise InputError(
                f"The images of {first_name} and {name} do not both say in which coordinate system they are; "
                "lay them onto one another by stable landmarks."
            )
        if as_placed and identity.frame_of_reference != first.frame_of_reference:
            raise InputError(
                f"The images of {first_name} and {name} are in different coordinate systems; lay them onto "
                "one another by stable landmarks."
            )


def _unlike(found: Sequence[Found]) -> list[str]:
    models = dict.fromkeys(f"{one.model} {one.model_version}".strip() or "a person" for one in found)
    if len(models) < 2:
        return []
    return [
        f"The landmarks are by {', '.join(models)}: what they mean by a landmark may differ, and look like a "
        "change."
    ]


def _sizes(found: Found, volume: Volume | None, place: Frame, protocol: Protocol) -> list[str]:
    """What is doubtful about millimetres."""
    from LandmarkDetectionLib.core.doubts import DoubtKind
    from LandmarkDetectionLib.measurement.from_files import UNIT_UNKNOWN, is_flat

    told = [
        one.text
        for one in (found.doubts if volume is None else volume.doubts)
        if one.kind is DoubtKind.PIXEL_SIZE and not place.note
    ]
    is_unsaid = volume is None and place.unit == "mm" and not found.model and not place.note
    if is_unsaid and protocol.view == "picture" and is_flat(found.landmarks):
        told.append(UNIT_UNKNOWN.text)
    return told


def _show(course: Course) -> None:
    from LandmarkDetectionLib.reporting.visits import change_cells, displacement_cells, rate_cells

    for one in course.comparisons:
        title = f"{one.later.name} against {one.first.name}, {course.protocol.title}"
        heads = ["measurement", "before", "after", "change", "95 % interval", "judged", "remarks"]
        rows = [change_cells(of) for of in one.changes if not of.gap]
        if rows:
            console.print_table(heads, rows, title)
        else:
            print(f"{title}: no measurement can be compared.")
        missing = [of.definition.title for of in one.changes if of.gap]
        if missing:
            shown = ", ".join(missing[:6]) + (f" and {len(missing) - 6} more" if len(missing) > 6 else "")
            console.print_sentence(f"Not compared, as a visit lacks them: {shown}.")
        moved = [displacement_cells(of, one.unit) for of in one.displacements if of.vector is not None]
        if moved:
            axes = ", ".join(one.axes).replace("_", " ")
            console.print_table(["landmark", f"moved {one.unit}", axes, "p", "judged"], moved)
        elif reason := next((of.gap for of in one.displacements if of.gap), ""):
            console.print_sentence(f"How far landmarks moved {reason}.")
    if course.rates:
        heads = ["measurement", *(one.when for one in course.visits), "per year", "95 % interval", "judged"]
        rows = [rate_cells(one) for one in course.rates if not one.gap]
        console.print_table([*heads, "remarks"], rows, "Course over time")
