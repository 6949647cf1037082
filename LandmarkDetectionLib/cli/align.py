"""``frame``, ``crop`` and ``align``: axes of the body, a box about landmarks, one scan laid onto another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from LandmarkDetectionLib.cli import console
from LandmarkDetectionLib.cli.options import Telling, check_outputs, series_of
from LandmarkDetectionLib.cli.output import files_record, tell_files
from LandmarkDetectionLib.cli.recording import Recording
from LandmarkDetectionLib.errors import InputError

if TYPE_CHECKING:
    from LandmarkDetectionLib.alignment.align import Alignment
    from LandmarkDetectionLib.alignment.frames import PlacedFrame
    from LandmarkDetectionLib.core.geometry import Affine
    from LandmarkDetectionLib.core.volume import Volume
    from LandmarkDetectionLib.measurement import Frame
    from LandmarkDetectionLib.measurement.from_files import Found
    from LandmarkDetectionLib.provenance import ModelUsed

LANDMARKS_HELP = "Landmark file (.json of a detection, .mrk.json, .fcsv, .csv)."
TRANSFORM_HELP = (
    "Transform to write: .tfm or .h5 (ITK), .mrml (3D Slicer) or .json; may be given several times."
)
RaterSd = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        help="Standard deviation, along each axis, of landmarks that have no spread of their own because a "
        "person placed them.",
    ),
]
Pixels = Annotated[
    bool, typer.Option("--pixels", help="Without an image: the positions are pixels of unknown size.")
]
Outputs = Annotated[list[Path] | None, typer.Option("--output", "-o", help=TRANSFORM_HELP)]
Chosen = Annotated[
    list[str] | None, typer.Option("--landmark", "-l", help="Name of a landmark; may be given several times.")
]


def frame(
    landmarks: Annotated[Path, typer.Argument(metavar="LANDMARKS", help=LANDMARKS_HELP)],
    name: Annotated[
        str | None, typer.Option("--frame", help="Name of a frame; all that the protocol defines otherwise.")
    ] = None,
    *,
    protocol: Annotated[
        str | None,
        typer.Option(help="Name of a protocol or its .json file; found by the model or the names otherwise."),
    ] = None,
    image: Annotated[Path | None, typer.Option(help="The image of the landmarks.")] = None,
    series: Annotated[str | None, typer.Option(help="Number or UID of a DICOM series.")] = None,
    pixels: Pixels = False,
    rater_sd: RaterSd = None,
    output: Outputs = None,
    aligned: Annotated[
        Path | None,
        typer.Option(
            help="The image in the frame's axes to write: its voxels as they are, its place by the header."
        ),
    ] = None,
    recording: Recording,
    telling: Telling,
) -> None:
    """Place the coordinate frames of a protocol, as AC-PC or Frankfort, with their uncertainty."""
    from LandmarkDetectionLib.alignment.frames import place_frames
    from LandmarkDetectionLib.io.transforms import TRANSFORM_SUFFIXES
    from LandmarkDetectionLib.io.volumes import read_volume
    from LandmarkDetectionLib.measurement.from_files import (
        frame_of,
        framed_protocol,
        protocol_of,
        read_found,
        require_in_image,
    )

    outputs = output or []
    check_outputs(outputs, TRANSFORM_SUFFIXES)
    if (outputs or aligned) and name is None:
        raise typer.BadParameter("say which frame is to be written.", param_hint="--frame")
    if aligned is not None and image is None:
        raise typer.BadParameter("give the image that is to be written.", param_hint="--image")
    found = read_found(landmarks)
    chosen = framed_protocol(protocol_of(found.landmarks, found.model, protocol))
    if not chosen.frames:
        raise InputError(f"The protocol {chosen.name} defines no coordinate frames.")
    if name is not None and name not in (known := [one.name for one in chosen.frames]):
        raise InputError(f"The protocol {chosen.name} has no frame '{name}'; it has {', '.join(known)}.")
    volume = read_volume(image, series=series_of(series)) if image is not None else None
    if volume is not None and not pixels:
        require_in_image(found.landmarks, volume, found.name)
    place = frame_of(found, chosen.view, volume, in_pixels=pixels)
    placed = [
        one
        for one in place_frames(found.landmarks, chosen, place, rater_sd=rater_sd)
        if name in (None, one.name)
    ]
    if name is not None and placed[0].gap:
        raise InputError(f"There is no frame {name} in {landmarks.name}: {placed[0].gap}.")
    written = []
    if outputs or aligned:
        moved = volume.name if volume is not None and volume.name else found.name
        for path in outputs:
            _write(placed[0].transform, path, moved, placed[0].definition.title, placed[0].to_record())
            written.append(path)
        if aligned is not None and volume is not None:
            write_placed(volume, placed[0].transform, aligned)
            written.append(aligned)
    manifest = recording.keep(
        written,
        images=[] if volume is None else [volume],
        files={"landmarks": [landmarks]},
        models=made_by(found),
        protocol=chosen,
    )
    if telling.as_json:
        records = [one.to_record() for one in placed]
        told = {"research_use_only": True, "case": found.name, "protocol": chosen.name, "frames": records}
        console.print_json({**told, **files_record(written, manifest)})
        return
    if telling.shown:
        _show_frames(placed, f"{found.name}, {chosen.title}")
    tell_files(written, telling, manifest=manifest)


def crop(
    source: Annotated[Path, typer.Argument(metavar="IMAGE", help="NIfTI, NRRD, MetaImage or DICOM.")],
    landmarks: Annotated[Path, typer.Argument(metavar="LANDMARKS", help=LANDMARKS_HELP)],
    *,
    margin: Annotated[
        str,
        typer.Option(
            help="mm on every side, or three: to the sides, to front and back, up and down (20,10,40)."
        ),
    ] = "20",
    landmark: Chosen = None,
    series: Annotated[str | None, typer.Option(help="Number or UID of a DICOM series.")] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Image to write (.nii.gz, .nrrd, .mha ...).")
    ],
    recording: Recording,
    telling: Telling,
) -> None:
    """Cut a box about landmarks out of an image; its voxels stay as and where they are."""
    from LandmarkDetectionLib.imaging.crop import crop_about
    from LandmarkDetectionLib.io.formats import ITK, NIFTI
    from LandmarkDetectionLib.io.volumes import read_volume, write_volume
    from LandmarkDetectionLib.measurement.from_files import read_found

    check_outputs([output], (*NIFTI, *ITK))
    try:
        sizes = [float(part) for part in margin.split(",")]
    except ValueError:
        raise typer.BadParameter("write it as 20 or 20,10,40.", param_hint="--margin") from None
    found = read_found(landmarks)
    volume = read_volume(source, series=series_of(series))
    box = crop_about(volume, found.landmarks, sizes, landmark or ())
    write_volume(box.volume, output)
    manifest = recording.keep(
        [output], images=[volume], files={"landmarks": [landmarks]}, models=made_by(found)
    )
    if box.cut:
        where = f"on its {', '.join(box.cut)} side" + ("s" if len(box.cut) > 1 else "")
        console.say(f"Warning: The image ends before the margin {'at an edge' if volume.is_2d else where}.")
    if telling.as_json:
        told = {"first_voxel": box.first, "size": box.volume.size, "of": volume.size, "cut": box.cut}
        console.print_json({**told, **files_record([output], manifest)})
        return
    if telling.shown:
        print(f"{' x '.join(map(str, box.volume.size))} of {' x '.join(map(str, volume.size))} voxels.")
    tell_files([output], telling, manifest=manifest)


def align(
    moving: Annotated[Path, typer.Argument(metavar="MOVING", help=LANDMARKS_HELP)],
    fixed: Annotated[
        Path, typer.Argument(metavar="FIXED", help="The same landmarks where they are to come to.")
    ],
    *,
    landmark: Chosen = None,
    similarity: Annotated[
        bool, typer.Option("--similarity", help="Fit the size, too: other people, or unknown pixel sizes.")
    ] = False,
    image: Annotated[Path | None, typer.Option(help="The image of MOVING.")] = None,
    fixed_image: Annotated[Path | None, typer.Option(help="The image of FIXED.")] = None,
    pixels: Pixels = False,
    rater_sd: RaterSd = None,
    output: Outputs = None,
    aligned: Annotated[
        Path | None,
        typer.Option(
            help="The image of MOVING laid onto FIXED to write: its voxels as they are, placed by the header."
        ),
    ] = None,
    recording: Recording,
    telling: Telling,
) -> None:
    """Lay one scan onto another by the landmarks they share; wrong ones are told and left out."""
    from LandmarkDetectionLib.alignment.align import align as lay_onto
    from LandmarkDetectionLib.io.transforms import TRANSFORM_SUFFIXES
    from LandmarkDetectionLib.io.volumes import read_volume
    from LandmarkDetectionLib.measurement.from_files import read_found, require_in_image

    outputs = output or []
    check_outputs(outputs, TRANSFORM_SUFFIXES)
    if aligned is not None and image is None:
        raise typer.BadParameter("give the image that is to be written.", param_hint="--image")
    first, second = read_found(moving), read_found(fixed)
    volume = read_volume(image) if image is not None else None
    other = read_volume(fixed_image) if fixed_image is not None else None
    for one, of_it in ((first, volume), (second, other)):
        if of_it is not None and not pixels:
            require_in_image(one.landmarks, of_it, one.name)
    found = lay_onto(
        first.landmarks,
        second.landmarks,
        landmark or (),
        with_scale=similarity,
        moving_frame=_place_of(first, volume, pixels),
        fixed_frame=_place_of(second, other, pixels),
        rater_sd=rater_sd,
    )
    written = []
    for path in outputs:
        _write(found.transform, path, first.name, second.name, found.to_record())
        written.append(path)
    if aligned is not None and volume is not None:
        write_placed(volume, found.transform, aligned)
        written.append(aligned)
    manifest = recording.keep(
        written,
        images=[one for one in (volume, other) if one is not None],
        files={"moving": [moving], "fixed": [fixed]},
        models=[*made_by(first), *made_by(second)],
    )
    if telling.as_json:
        told = {"research_use_only": True, "moving": first.name, "fixed": second.name, **found.to_record()}
        console.print_json({**told, **files_record(written, manifest)})
    else:
        if telling.shown:
            _show_alignment(found, f"{first.name} onto {second.name}")
        tell_files(written, telling, manifest=manifest)
    for text in found.remarks:
        console.say(f"Warning: {text}")


def write_placed(volume: Volume, transform: Affine, path: Path) -> None:
    """Write an image moved by a transform: its header says where, nothing is resampled."""
    from dataclasses import replace

    from LandmarkDetectionLib.io.volumes import write_volume

    write_volume(replace(volume, ijk_to_ras=(transform @ volume.affine).matrix), path)


def made_by(found: Found) -> list[ModelUsed]:
    """The model that a landmark file names."""
    from LandmarkDetectionLib.provenance import ModelUsed

    return [ModelUsed(found.model, found.model_version)] if found.model else []


def _place_of(found: Found, volume: Volume | None, in_pixels: bool) -> Frame:
    """In a picture where the image is one, or all landmarks lie in one slice as those of a picture do."""
    from LandmarkDetectionLib.measurement.from_files import frame_of, is_flat

    flat = volume.is_2d if volume is not None else is_flat(found.landmarks)
    return frame_of(found, "picture" if flat else "space", volume, in_pixels=in_pixels)


def _write(transform: Affine, path: Path, moved: str, target: str, record: dict[str, object]) -> None:
    from LandmarkDetectionLib.io.transforms import write_transform

    write_transform(transform, path, moved=moved, target=target, more={"research_use_only": True, **record})


def _show_frames(placed: Sequence[PlacedFrame], title: str) -> None:
    rows, gaps = [], []
    for one in placed:
        if one.ras_to_frame is None:
            gaps.append(f"{one.name}: {one.gap}.")
            continue
        origin = " ".join(f"{value:.1f}" for value in one.origin)
        sure = (
            "-"
            if one.turning_95 is None or one.shifting_95 is None
            else f"{one.turning_95:.1f}°, {one.shifting_95:.1f} {one.unit}"
        )
        rows.append([one.name, origin, f"{one.turned:.1f}°", sure, "; ".join(one.remarks)])
    if rows:
        unit = placed[0].unit
        heads = ["frame", f"origin R A S, {unit}", "turned from the scan", "95 % within", "remarks"]
        console.print_table(heads, rows, title)
    else:
        print(f"{title}: no frame can be placed.")
    for sentence in gaps:
        console.print_sentence(sentence)


def _show_alignment(found: Alignment, title: str) -> None:
    heads = ["landmark", f"residual {found.unit}", "used"]
    rows = [
        [name, f"{far:.1f}", "yes" if used else "no"]
        for name, far, used in zip(
            found.names, found.distances.tolist(), found.fit.used.tolist(), strict=True
        )
    ]
    console.print_table(heads, rows, title)
    size = f", scale {found.fit.scale:.4f}" if found.fit.with_scale else ""
    print(f"The turn is known within {found.fit.turning_95:.2f} degrees in 95 of 100 cases{size}.")
