"""Answers filled with what the library gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from LandmarkDetectionLib.core.doubts import Doubt
from LandmarkDetectionLib.core.landmarks import Landmark
from LandmarkDetectionLib.core.measurement_kinds import landmarks_of, unit_of
from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.mcp_server import answers
from LandmarkDetectionLib.mcp_server.images import Opened
from LandmarkDetectionLib.models import Model
from LandmarkDetectionLib.reporting import CaseReport

Told = Callable[[str], str]


def summary_of(model: Model) -> answers.ModelSummary:
    """A model in few words."""
    can = model.capabilities
    images: list[Literal["volumes", "radiographs"]] = []
    if can.volumes:
        images.append("volumes")
    if can.single_images:
        images.append("radiographs")
    return answers.ModelSummary(
        name=model.name,
        version=model.version,
        title=model.protocol.title,
        images=images,
        data_type=str(model.metadata.get("data_type", "")),
        intended_use=str(model.metadata.get("intended_use", "")),
        of_one_hand=can.of_hands,
        channels=can.channels,
        protocol=model.protocol.name,
        landmarks=list(model.protocol.names),
    )


def description_of(protocol: Protocol) -> answers.ProtocolDescription:
    """A protocol with its definitions."""
    known = {one.name: one for one in protocol.measurements}
    return answers.ProtocolDescription(
        name=protocol.name,
        version=protocol.version,
        title=protocol.title,
        region=protocol.region,
        view=protocol.view,
        description=protocol.description,
        landmarks=[
            answers.LandmarkDescription(name=one.name, title=one.title, definition=one.definition)
            for one in protocol.landmarks
        ],
        pairs=[list(pair) for pair in protocol.pairs],
        measurements=[
            answers.MeasurementDescription(
                name=one.name,
                title=one.title,
                kind=one.kind,
                landmarks=list(landmarks_of(one, known)),
                unit=unit_of(one, known),
                usual_range=None if one.range is None else list(one.range),
            )
            for one in protocol.measurements
            if one.shown
        ],
        frames=[one.name for one in protocol.frames],
    )


def image_of(read: Opened, series: list[answers.SeriesDescription]) -> answers.ImageDescription:
    """What an image is, without its names."""
    from nibabel.orientations import aff2axcodes

    volume = read.volume
    known = volume.spacing_known
    return answers.ImageDescription(
        modality=volume.modality,
        size=list(volume.size),
        spacing_mm=[round(float(one), 4) for one in volume.spacing] if known else None,
        extent_mm=[round(float(one), 2) for one in volume.extent_mm] if known else None,
        axes=None if volume.is_2d else "".join(aff2axcodes(volume.ijk_to_ras)),
        is_2d=volume.is_2d,
        warnings=warned(volume.doubts, read.told),
        series=series,
    )


def landmark_of(mark: Landmark) -> answers.FoundLandmark:
    """A landmark; 0.01 mm is far below what any is sure of."""
    return answers.FoundLandmark(
        name=mark.name,
        status=mark.status.value,
        position_ras=[round(float(one), 2) for one in mark.position] if mark.is_present else None,
        confidence=None if mark.confidence is None else round(mark.confidence, 3),
        expected_error=None if mark.expected_error is None else round(mark.expected_error, 2),
    )


def measured_of(record: Mapping[str, Any]) -> answers.MeasuredValue:
    """A measurement from its record."""
    same = ("name", "title", "unit", "position", "gap", "remarks")
    value, interval = record["value"], record["interval_95"]
    return answers.MeasuredValue(
        **{name: record[name] for name in same},
        value=None if value is None else round(value, 3),
        interval_95=None if interval is None else [round(one, 3) for one in interval],
        usual_range=record["range"],
        class_name=record["class"],
        class_meaning=record["meaning"],
    )


def doubts_of(report: CaseReport) -> list[Doubt]:
    """Those of the detection and of measuring that the report itself tells."""
    told = set(report.all_warnings)
    return [one for one in (*report.doubts, *report.measurements.doubts) if one.text in told]


def warned(doubts: Sequence[Doubt], told: Told) -> list[answers.Warned]:
    """Warnings, in sentences that name no file."""
    return [
        answers.Warned(text=told(one.text), kind=one.kind.value, landmarks=list(one.landmarks))
        for one in dict.fromkeys(doubts)
    ]
