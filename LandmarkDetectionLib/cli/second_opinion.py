"""``second-opinion``: landmarks against a label map, by the rules of a protocol."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from LandmarkDetectionLib.cli import console
from LandmarkDetectionLib.cli.align import LANDMARKS_HELP
from LandmarkDetectionLib.cli.options import Telling, check_outputs
from LandmarkDetectionLib.cli.output import files_record, tell_files
from LandmarkDetectionLib.cli.recording import Recording
from LandmarkDetectionLib.errors import InputError


def second_opinion(
    landmarks: Annotated[Path, typer.Argument(metavar="LANDMARKS", help=LANDMARKS_HELP)],
    labels: Annotated[
        Path, typer.Argument(metavar="LABELS", help="Label map of the same scan (.nii.gz, .nrrd).")
    ],
    *,
    protocol: Annotated[str, typer.Option(help="Protocol with label rules: a .json file, or a name.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Landmarks with the confidence left to them (.json, .mrk.json, .csv)."
        ),
    ] = None,
    recording: Recording,
    telling: Telling,
) -> None:
    """Compare landmarks with a segmentation of the same scan; those that disagree are less trusted."""
    import numpy as np

    from LandmarkDetectionLib.core.detection import Detection
    from LandmarkDetectionLib.imaging.label_points import label_points
    from LandmarkDetectionLib.io.protocols import chosen_protocol
    from LandmarkDetectionLib.io.records import DETECTION_SUFFIXES, write_detection
    from LandmarkDetectionLib.io.volumes import read_volume
    from LandmarkDetectionLib.measurement.from_files import read_record, require_in_image
    from LandmarkDetectionLib.provenance import ModelUsed
    from LandmarkDetectionLib.quality.second_opinion import second_opinion as compare

    check_outputs([] if output is None else [output], DETECTION_SUFFIXES)
    chosen = chosen_protocol(protocol)
    rules = chosen.label_rules
    if not rules:
        raise InputError(
            f"The protocol {protocol} has no label rules, by which a segmentation tells landmarks; give a "
            "protocol file of your own with an entry label_rules."
        )
    found: Detection = read_record(landmarks)
    volume = read_volume(labels)
    require_in_image(found.landmarks, volume, landmarks.name)
    points = label_points(volume, rules)
    marks, doubts = compare(found.landmarks, points)
    if output is not None:
        write_detection(replace(found, landmarks=marks, doubts=(*found.doubts, *doubts)), output)
    written = [] if output is None else [output]
    manifest = recording.keep(
        written,
        images=[volume],
        files={"landmarks": [landmarks]},
        models=[ModelUsed(found.model, found.model_version)] if found.model else [],
        protocol=chosen,
    )
    rows = []
    for point in points:
        name = point.rule.landmark
        mark = marks[name] if name in marks else None
        far = None
        if point.position is not None and mark is not None and mark.is_present:
            far = float(np.linalg.norm(mark.position - point.position))
        rows.append((name, far, mark, point.gap or ("" if mark is not None else "not among the landmarks")))
    if telling.as_json:
        records = [
            {
                "landmark": name,
                "distance_mm": far,
                "confidence": None if mark is None else mark.confidence,
                "status": None if mark is None else mark.status.value,
                "gap": gap or None,
            }
            for name, far, mark, gap in rows
        ]
        warnings = [one.text for one in doubts]
        told = {"landmarks": records, "warnings": warnings}
        console.print_json({**told, **files_record(written, manifest)})
        return
    if telling.shown:
        cells = [
            [
                name,
                "-" if far is None else f"{far:.1f}",
                "-" if mark is None or mark.confidence is None else f"{mark.confidence:.2f}",
                gap or ("" if mark is None else mark.status.value),
            ]
            for name, far, mark, gap in rows
        ]
        console.print_table(
            ["landmark", "apart mm", "confidence", "status"], cells, f"{found.landmarks.name}"
        )
    tell_files(written, telling, manifest=manifest)
    for one in doubts:
        console.say(f"Warning: {one.text}")
