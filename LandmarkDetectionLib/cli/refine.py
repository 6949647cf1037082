"""The command line's part for corrections: what the others make of them, and which case comes next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from LandmarkDetectionLib.cli import console
from LandmarkDetectionLib.cli.options import DeviceOption, JsonOption, Telling, series_of
from LandmarkDetectionLib.cli.output import files_record, tell_files
from LandmarkDetectionLib.cli.recording import Recording
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import MANIFEST
from LandmarkDetectionLib.wording import counted

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.detection import Detection
    from LandmarkDetectionLib.core.landmarks import Landmark
    from LandmarkDetectionLib.core.review import Review
    from LandmarkDetectionLib.models import Model


def refine(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="The image that was detected in.")],
    detection_file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DETECTION]",
            help="Record of the detection (.json): its model and settings are used, and what a person has "
            "settled in it counts.",
        ),
    ] = None,
    corrections: Annotated[
        Path | None,
        typer.Option(
            "--corrections", "-c", help="Where landmarks belong (.mrk.json, .fcsv, .csv, or a record .json)."
        ),
    ] = None,
    at: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=X,Y,Z", help="Where one landmark belongs, RAS mm. May be given several times."
        ),
    ] = None,
    missing: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A landmark that is not in the image.")
    ] = None,
    shift_levels: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="The whole spine is off: every vertebra belongs where the Nth below it was found, or with "
            "-N the Nth above.",
        ),
    ] = 0,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", "-m", help="Instead of a detection: the model to detect with, or its folder."
        ),
    ] = None,
    output: Annotated[
        list[Path] | None,
        typer.Option("--output", "-o", help="File to write, as for detect. May be given several times."),
    ] = None,
    series: Annotated[str | None, typer.Option(help="Number or UID of a DICOM series.")] = None,
    channel: Annotated[
        list[Path] | None, typer.Option(help="Further image of the case, for models of several.")
    ] = None,
    device: DeviceOption = "auto",
    *,
    recording: Recording,
    telling: Telling,
) -> None:
    """Correct some landmarks, and let the others follow where they should."""
    from LandmarkDetectionLib.core.review import Review
    from LandmarkDetectionLib.io.records import DETECTION_SUFFIXES, read_review, write_detection, write_review

    outputs = list(output or [])
    for path in outputs:
        if not path.name.lower().endswith(DETECTION_SUFFIXES):
            raise typer.BadParameter(
                f"{path} must end with {', '.join(DETECTION_SUFFIXES)}.", param_hint="--output"
            )
    if (detection_file is None) == (model is None):
        raise typer.BadParameter("give a detection or --model, one of them.", param_hint="DETECTION")
    before = read_review(detection_file) if detection_file is not None else None
    corrected_in = _corrections(corrections, source)
    # A shift needs to know where the others were found.
    settled = {} if shift_levels else _settled(before, corrected_in, at or [], missing or [])

    from LandmarkDetectionLib.core.volume import with_pixel_size
    from LandmarkDetectionLib.io.markups import LANDMARK_SUFFIXES
    from LandmarkDetectionLib.io.volumes import read_volume
    from LandmarkDetectionLib.models import load_model

    with console.progress_bar(telling.shown) as progress:
        package = load_model(model or (before.prediction.model if before is not None else ""))
        progress(0.0, f"reading {source.name}")
        volume = read_volume(source, series=series_of(series))
        further = [read_volume(path) for path in channel or []]
        pixel_mm = before.prediction.used.pixel_size_mm if before is not None else None
        if pixel_mm is not None and not volume.spacing_known:
            volume, *further = (with_pixel_size(one, pixel_mm) for one in (volume, *further))
        from LandmarkDetectionLib.core.landmarks import LandmarkSet
        from LandmarkDetectionLib.core.options import DetectOptions
        from LandmarkDetectionLib.detectors.again import detect_again, require_near
        from LandmarkDetectionLib.detectors.dispatch import analyse

        require_near(volume, LandmarkSet(tuple(settled.values())))  # before anything is looked at
        if before is None:
            options = DetectOptions(device=device, channels=tuple(further))
            analysis = analyse(volume, package, options, progress=progress)
        else:
            analysis = detect_again(
                volume, package, before, device=device, channels=further, progress=progress
            )
        first = analysis.detection
        review = Review.of(first) if before is None else before
        if shift_levels:
            review = _shifted(review, package, shift_levels)
            settled = _settled(review, corrected_in, at or [], missing or [])
        corrected = LandmarkSet(tuple(settled.values()))
        require_near(volume, corrected)
        if shift_levels and not package.capabilities.propagates:
            refined = _without_following(review, settled)
        else:
            refined = analysis.refine(corrected).detection
        if pixel_mm is not None:
            first = replace(first, parameters={**first.parameters, "pixel_size_mm": pixel_mm})
            refined = replace(refined, parameters=first.parameters)
        review = Review(first, refined.landmarks)
        for path in outputs:
            if path.name.lower().endswith(LANDMARK_SUFFIXES):
                write_detection(refined, path)
            else:
                write_review(review, path)
    read = {"detection": detection_file, "corrections": corrections}
    manifest = recording.keep(
        outputs,
        images=[volume, *further],
        files={role: [path] for role, path in read.items() if path is not None},
        models=[package],
        protocol=package.protocol,
        used=asdict(refined.used),
    )
    if telling.as_json:
        console.print_json({**review.to_record(), **files_record(outputs, manifest)})
        return
    if telling.shown:
        _print_changes(first, refined)
    tell_files(outputs, telling, manifest=manifest)


def next_case(
    detections: Annotated[
        list[Path], typer.Argument(help="Records (.json) of detections or reviews, or folders of them.")
    ],
    as_json: JsonOption = False,
) -> None:
    """List cases, the one that most needs a reviewer first."""
    from LandmarkDetectionLib.io.records import read_review
    from LandmarkDetectionLib.quality.triage import rank_cases

    files = [file for path in detections for file in (_records(path) if path.is_dir() else [path])]
    reviews = {str(file): read_review(file) for file in files}
    ranks = rank_cases(reviews)
    if as_json:
        console.print_json([vars(rank) for rank in ranks])
        return
    rows = [
        [
            rank.case,
            f"{rank.expected_wrong:.1f}",
            f"{rank.expected_error:.1f}",
            rank.worst or "-",
            str(rank.open),
        ]
        for rank in ranks
    ]
    units = sorted({review.prediction.unit for review in reviews.values()})
    error = f"expected error {' or '.join(units)}"
    console.print_table(["case", "expected wrong", error, "begin with", "not reviewed"], rows)


def _records(folder: Path) -> list[Path]:
    others = (".mrk.json", MANIFEST)
    files = sorted(path for path in folder.rglob("*.json") if not path.name.endswith(others))
    found = [path for path in files if _is_record(path)]
    if not found:
        raise InputError(f"{folder} holds no records of detections (.json); write them with detect -o.")
    return found


def _is_record(path: Path) -> bool:
    from LandmarkDetectionLib.files import read_json

    try:
        content = read_json(path)
    except InputError:
        return False
    return "landmarks" in content and "model" in content


def _shifted(review: Review, model: Model, levels: int) -> Review:
    """With every vertebra where its neighbour was found."""
    chain = model.protocol.chain
    if not chain:
        raise InputError(
            f"The protocol {model.protocol.name!r} of the model {model.name!r} has no chain of levels, as a "
            "spine is one; correct landmarks with --at."
        )
    if abs(levels) >= len(chain):
        raise InputError(
            f"The chain of {model.protocol.name!r} has {counted(len(chain), 'level')}; shift it by fewer, "
            f"not by {abs(levels)}."
        )
    return review.shift(chain, levels)


def _without_following(review: Review, settled: dict[str, Landmark]) -> Detection:
    """Of a model that cannot tell what the others make of it: everything else stays."""
    marks = tuple(settled.get(mark.name, mark) for mark in review.landmarks)
    return replace(review.prediction, landmarks=replace(review.landmarks, landmarks=marks))


def _corrections(file: Path | None, image: Path) -> Sequence[Landmark]:
    """What a file of corrections holds; a DICOM report may count in pixels of the image."""
    from LandmarkDetectionLib.io.dicom_sr import is_sr, read_sr_on
    from LandmarkDetectionLib.io.markups import read_landmarks

    if file is None:
        return ()
    return (read_sr_on(file, image) if is_sr(file) else read_landmarks(file)).landmarks


def _settled(
    before: Review | None, corrections: Sequence[Landmark], at: list[str], missing: list[str]
) -> dict[str, Landmark]:
    """Everything a person said: in the detection, then in the file, then on the command line."""
    from LandmarkDetectionLib.core.landmarks import Landmark, Status

    settled = {mark.name: mark for mark in before.landmarks if mark.status.by_person} if before else {}
    nowhere = np.full(3, np.nan)
    for mark in corrections:
        if mark.status.by_person:
            settled[mark.name] = mark
        elif mark.is_present and not _is_prediction(mark, before):
            settled[mark.name] = replace(mark, status=Status.CORRECTED)
    for text in at:
        name, place = _parsed(text)
        settled[name] = Landmark(name, place, Status.CORRECTED)
    for name in missing:
        settled[name] = Landmark(name, nowhere, Status.MISSING)
    if not settled:
        raise InputError("Nothing is corrected; name landmarks with --at, --missing or --corrections.")
    return settled


def _is_prediction(mark: Landmark, before: Review | None) -> bool:
    """A file with all landmarks of a detection says nothing of those that are where they were."""
    if before is None or mark.name not in before.landmarks:
        return False
    old = before.landmarks[mark.name]
    return old.is_present and float(abs(old.position - mark.position).max()) < 1e-3


def _parsed(text: str) -> tuple[str, np.ndarray]:
    name, _, place = text.partition("=")
    try:
        numbers = [float(number) for number in place.split(",")]
    except ValueError:
        numbers = []
    if not name or len(numbers) != 3 or not all(abs(number) < 1e6 for number in numbers):
        raise typer.BadParameter(f"{text!r} is not NAME=X,Y,Z in mm.", param_hint="--at")
    return name, np.array(numbers)


def _print_changes(first: Detection, refined: Detection) -> None:
    rows = []
    for old, new in zip(first.landmarks, refined.landmarks, strict=True):
        moved = (
            f"{float(((new.position - old.position) ** 2).sum() ** 0.5):.1f}"
            if old.is_present and new.is_present
            else "appeared"
            if new.is_present
            else "vanished"
            if old.is_present
            else ""
        )
        place = " ".join(f"{value:.1f}" for value in new.position) if new.is_present else "-"
        error = f"{new.expected_error:.1f}" if new.expected_error is not None else "-"
        rows.append([new.name, new.status.value, place, moved, error])
    unit = refined.unit
    console.print_table(
        ["landmark", "status", f"RAS {unit}", f"moved {unit}", f"expected error {unit}"], rows
    )
