"""Results of a cohort that nobody scanned: bodies that differ in size, with errors, gaps and warnings."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from LandmarkDetectionLib.cohort.results.case_results import CaseResult
from LandmarkDetectionLib.cohort.results.records import (
    CASES,
    DETECTION,
    MEASUREMENTS,
    OVERLAY,
    THUMBNAIL,
    CaseRecord,
    Cohort,
    CohortSettings,
    ModelSettings,
    Outcome,
    State,
    read_cohort,
    write_case,
    write_settings,
)
from LandmarkDetectionLib.cohort.run.thumbnail import write_thumbnail
from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.doubts import Doubt, DoubtKind, doubts_to_record
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.measurement_kinds import unit_of
from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.files import read_json, resource_path
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.io.records import write_detection
from LandmarkDetectionLib.measurement import Frame
from LandmarkDetectionLib.measurement.many import measure_many
from Testing.examples.shipped_models import SKIN

REASONS = (
    "{case} is damaged: its header says 512 slices, and there are {number}.",
    "{case} holds no body: the threshold of {number} HU leaves nothing.",
    "{case} has 3 values per voxel, one is needed.",
)
WARNINGS = (
    Doubt("The scan ends {number} mm below the knees."),
    Doubt(
        "Hip left and knee left are {number} mm apart; between 280 and 480 mm is usual.",
        DoubtKind.DISTANCE,
        ("hip_left", "knee_left"),
    ),
    Doubt(
        "Right and left look swapped (shoulder): check the side labels and the scan's orientation.",
        DoubtKind.SIDE,
    ),
)


def template(protocol: Protocol) -> np.ndarray:
    """(L, 3) RAS mm: the drawing of a body that a model brings, with made-up depths."""
    drawn = read_json(resource_path("Models", SKIN, "docs", "reference.json"))
    across, down = np.array([drawn["landmarks"][name] for name in protocol.names]).T
    depth = [
        20.0 * (sum(map(ord, name.removesuffix("_left").removesuffix("_right"))) % 7 - 3)
        for name in protocol.names
    ]
    return np.column_stack([218.0 - across, depth, 430.0 - down]) * [2.0, 1.0, 2.0]


def make_results(
    count: int, seed: int = 0, *, pictures: bool = True, share_failed: float = 0.03
) -> list[CaseResult]:
    """So many results of one model, some failed, some with outliers, warnings and absent landmarks."""
    protocol = load_protocol("whole-body")
    rng = np.random.default_rng(seed)
    places = template(protocol)
    landmarks = len(protocol.names)
    size = rng.normal(1, 0.06, (count, 1, 1))
    positions = places * size + rng.normal(0, 9, (count, landmarks, 3)) + rng.normal(0, 150, (count, 1, 3))
    confidence = np.clip(rng.beta(9, 1, (count, landmarks)), 0.02, 0.995)
    wrong = rng.random((count, landmarks)) < 0.002
    positions[wrong] += rng.normal(0, 1, (wrong.sum(), 3)) * 40 + 90
    confidence[wrong] *= 0.5
    absent = rng.random((count, landmarks)) < 0.02
    measured = measure_many(np.where(absent[..., None], np.nan, positions), protocol, Frame.space())
    known = {one.name: one for one in protocol.measurements}
    units = {name: unit_of(known[name], known) for name in measured}
    failed = rng.random(count) < share_failed
    results = []
    for row in range(count):
        case = f"case-{row:05d}"
        number = int(rng.integers(10, 500))
        if failed[row]:
            reason = REASONS[row % len(REASONS)].format(case=case, number=number)
            results.append(CaseResult(case, State.FAILED, protocol.name, "1.0.0", reason))
            continue
        status = np.where(confidence[row] < 0.5, Status.UNCERTAIN.value, Status.DETECTED.value)
        status[absent[row]] = Status.ABSENT.value
        doubts = tuple(
            replace(one, text=one.text.format(number=number)) for one in WARNINGS if rng.random() < 0.04
        )
        results.append(
            CaseResult(
                case,
                State.DONE,
                protocol.name,
                "1.0.0",
                names=protocol.names,
                positions=np.where(absent[row, :, None], np.nan, positions[row]),
                confidence=np.where(absent[row], 1 - confidence[row], confidence[row]),
                status=tuple(map(Status, status)),
                doubts=doubts,
                measurements={
                    (name, units[name]): float(values[row])
                    for name, values in measured.items()
                    if np.isfinite(values[row])
                },
                files=(f"cases/{case}/{protocol.name}/detection.json",),
                picture=f"cases/{case}/{protocol.name}/overlay.png" if pictures else "",
                thumbnail=f"cases/{case}/{protocol.name}/thumbnail.jpg" if pictures else "",
                seconds=float(rng.gamma(4, 0.6)),
            )
        )
    return results


def write_results(folder: Path, results: list[CaseResult], total: int | None = None) -> Cohort:
    """Write results as the batch command does, with a small picture for each."""
    from PIL import Image

    model = ModelSettings("whole-body", "1.0.0", "0" * 64, "whole-body")
    folder.mkdir(parents=True, exist_ok=True)
    write_settings(folder, CohortSettings((model,), total=len(results) if total is None else total))
    for one in results:
        said = doubts_to_record(one.doubts)
        outcome = Outcome(
            one.model,
            one.version,
            one.state,
            "r",
            reason=one.reason,
            warnings=tuple(said["warnings"]),
            doubts=tuple(said["doubts"]),
            seconds={"read": 1.5},
        )
        home = folder / CASES / one.case / one.model
        home.mkdir(parents=True)
        if one.state is State.DONE:
            write_detection(detection_of(one), home / DETECTION)
            values = [
                {"name": name, "unit": unit, "value": value}
                for (name, unit), value in one.measurements.items()
            ]
            (home / MEASUREMENTS).write_text(json.dumps({"measurements": values}))
            Image.new("RGB", (640, 480), (20, 30, 40 + len(one.case))).save(home / OVERLAY)
            write_thumbnail(home / OVERLAY, home / THUMBNAIL)
        write_case(folder, CaseRecord(one.case, "d", "s", (outcome,)))
    return read_cohort(folder)


def detection_of(one: CaseResult) -> Detection:
    """The detection that a result was read from."""
    landmarks = tuple(
        Landmark(name, position, status, float(confidence))
        for name, position, status, confidence in zip(
            one.names, one.positions, one.status, one.confidence, strict=True
        )
    )
    return Detection(LandmarkSet(landmarks, name="body"), one.model, one.version, doubts=one.doubts)
