"""What the tools do: plain functions that answer with types, and raise errors of one sentence."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from LandmarkDetectionLib.core.options import DetectOptions
from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import Cancelled, InputError, LandmarkDetectionError, ModelError, OutputError
from LandmarkDetectionLib.files import MANIFEST, require_not_inputs
from LandmarkDetectionLib.io.protocols import list_protocols, load_protocol
from LandmarkDetectionLib.mcp_server import answers
from LandmarkDetectionLib.mcp_server.filling import (
    Told,
    description_of,
    doubts_of,
    image_of,
    landmark_of,
    measured_of,
    summary_of,
    warned,
)
from LandmarkDetectionLib.mcp_server.folders import Folders
from LandmarkDetectionLib.mcp_server.images import opened, series_in
from LandmarkDetectionLib.models import Model, broken_models
from LandmarkDetectionLib.models import list_models as usable_models
from LandmarkDetectionLib.provenance import ModelUsed, Run, manifest_of, write_manifest
from LandmarkDetectionLib.reporting import REPORT_SUFFIXES, CaseReport, write_report
from LandmarkDetectionLib.typing import Progress


@dataclass(frozen=True)
class Landmarks:
    """Which landmarks are measured or reported, and how.

    Attributes
    ----------
    file
        Their file, as the agent gave it.
    image, series
        Theirs; None where it is not given.
    protocol
        Name of the protocol; found by the model or the names otherwise.
    in_pixels
        Without an image: the positions are pixels of unknown size.
    pixel_size
        mm, where the image does not say it.
    """

    file: str
    image: str | None = None
    series: int | None = None
    protocol: str | None = None
    in_pixels: bool = False
    pixel_size: float | None = None


@dataclass(frozen=True)
class _Case:
    """Landmarks that were read and measured."""

    report: CaseReport
    file: Path
    dicom: tuple[Path, ...]
    told: Told


@dataclass(frozen=True)
class Tasks:
    """The work of a server.

    Attributes
    ----------
    folders
        All that may be read and written.
    manifests
        Whether one is left beside every result.
    """

    folders: Folders
    manifests: bool = True
    started: Callable[[], datetime] = field(default=lambda: datetime.now().astimezone(), repr=False)

    def list_models(self) -> answers.Models:
        """Models by name."""
        return answers.Models(
            models=[summary_of(one) for one in usable_models()], broken=list(broken_models())
        )

    def describe(self, name: str) -> answers.ProtocolDescription:
        """The protocol of a model or of this name; InputError when there is neither."""
        models = {one.name: one.protocol for one in usable_models()}
        if name in models:
            return description_of(models[name])
        return description_of(_known_protocol(name, models))

    def describe_image(self, image: str, series: int | None) -> answers.ImageDescription:
        """What an image is; of a DICOM folder with several series, which there are."""
        path = self.folders.readable(image)
        listed = []
        if path.is_dir():
            found = series_in(path)
            listed = [
                answers.SeriesDescription(
                    number=one.number, modality=one.modality, slices=one.slices, size=list(one.size)
                )
                for one in found
            ]
            if len(found) > 1 and series is None:
                return answers.ImageDescription(
                    modality="",
                    size=None,
                    spacing_mm=None,
                    extent_mm=None,
                    axes=None,
                    is_2d=None,
                    warnings=[],
                    series=listed,
                )
        with opened(self.folders, image, series) as one:
            return image_of(one, listed)

    def detect(
        self,
        image: str,
        output: str,
        model: str,
        options: DetectOptions,
        *,
        series: int | None = None,
        pixel_size: float | None = None,
        only: Sequence[str] = (),
        overwrite: bool = False,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> answers.Found:
        """Find the landmarks of an image and write them to a file.

        Raises
        ------
        LandmarkDetectionError
            As ``detectors.dispatch.analyse``; Cancelled before anything is written.
        """
        from LandmarkDetectionLib.io.records import DETECTION_SUFFIXES, write_detection

        begun, started = time.perf_counter(), self.started()
        target = self._target(output, DETECTION_SUFFIXES, overwrite)
        package = _model(model)
        if unknown := [one for one in only if one not in package.protocol.names]:
            raise InputError(f"The model {model} has no landmark {unknown[0]}; describe names those it has.")
        with opened(self.folders, image, series) as read:
            volume = _sized(read.volume, pixel_size)
            require_not_inputs([target], [self.folders.readable(image)])
            from LandmarkDetectionLib.detectors.dispatch import analyse

            try:
                analysis = analyse(volume, package, options, progress=progress, cancelled=cancelled)
            except LandmarkDetectionError as problem:
                raise type(problem)(read.told(str(problem)), problem.about) from None
            detection = analysis.detection
            detection = replace(detection, landmarks=replace(detection.landmarks, name=read.name))
            if pixel_size is not None:
                detection = replace(
                    detection, parameters={**detection.parameters, "pixel_size_mm": pixel_size}
                )
            if cancelled is not None and cancelled():
                raise Cancelled("Cancelled; nothing was written.")
            write_detection(detection, target)
            manifest = self._keep(
                started,
                "detect",
                {**options.given, "device": options.device, "pixel_size": pixel_size},
                [target],
                images=[volume],
                models=[ModelUsed.of(package)],
                protocol=package.protocol,
                used=asdict(detection.used),
            )
            marks = detection.landmarks
            return answers.Found(
                model=detection.model,
                model_version=detection.model_version,
                unit="px" if detection.unit == "px" else "mm",
                counts=dict(Counter(mark.status.value for mark in marks)),
                landmarks=[landmark_of(mark) for mark in marks if not only or mark.name in only],
                warnings=warned(detection.doubts, read.told),
                files=[str(target)],
                manifest=manifest,
                seconds=round(time.perf_counter() - begun, 2),
            )

    def measure(self, which: Landmarks, output: str | None, overwrite: bool) -> answers.Measured:
        """Measure landmarks, and write a table (.csv) where one is wanted."""
        started = self.started()
        target = None if output is None else self._target(output, (".csv",), overwrite)
        with ExitStack() as reading:
            case = self._case(which, reading)
            written = []
            if target is not None:
                from LandmarkDetectionLib.reporting.table import write_csv

                require_not_inputs([target], [case.file, *case.dicom])
                write_csv([case.report], target)
                written = [target]
            measured = case.report.measurements
            return answers.Measured(
                protocol=measured.protocol.name,
                protocol_version=measured.protocol.version,
                unit_of_lengths="px" if measured.frame.unit == "px" else "mm",
                calibration=measured.frame.note or None,
                measurements=[measured_of(one.to_record()) for one in measured.values],
                warnings=warned(doubts_of(case.report), case.told),
                files=[str(one) for one in written],
                manifest=self._keep_case(started, "measure", which, written, case),
            )

    def report(self, which: Landmarks, output: str, overwrite: bool) -> answers.Reported:
        """Write a page (.pdf, .html), a table (.csv) or a DICOM Structured Report (.dcm) of a case."""
        started = self.started()
        target = self._target(output, REPORT_SUFFIXES, overwrite)
        with ExitStack() as reading:
            case = self._case(which, reading)
            require_not_inputs([target], [case.file, *case.dicom])
            try:
                write_report(case.report, target, case.dicom)
            except LandmarkDetectionError as problem:
                raise type(problem)(case.told(str(problem)), problem.about) from None
            return answers.Reported(
                files=[str(target)],
                manifest=self._keep_case(started, "report", which, [target], case),
                warnings=warned(doubts_of(case.report), case.told),
            )

    # --- reading and writing ------------------------------------------------------------------------------

    def _case(self, which: Landmarks, reading: ExitStack) -> _Case:
        from LandmarkDetectionLib.io.dicom_sr import require_made_on
        from LandmarkDetectionLib.measurement.from_files import (
            PixelSizing,
            measure_found,
            protocol_of,
            read_found,
        )

        file = self.folders.readable(which.file)
        if file.is_dir():
            raise InputError(f"{which.file} is a folder; give a file of landmarks.")
        wanted = None if which.protocol is None else _known_protocol(which.protocol, {})
        volume: Volume | None = None
        dicom: tuple[Path, ...] = ()
        told: Told = _as_it_is
        if which.image is not None:
            require_made_on(file, self.folders.readable(which.image))
            read = reading.enter_context(opened(self.folders, which.image, which.series))
            volume, dicom, told = replace(read.volume, name=read.name), read.files, read.told
        found = read_found(file, volume)
        # A record may name any folder as its model; none but an installed one is looked at.
        model = found.model if found.model in {one.name for one in usable_models()} else ""
        measured = measure_found(
            found,
            wanted or protocol_of(found.landmarks, model),
            volume,
            PixelSizing(which.pixel_size),
            in_pixels=which.in_pixels,
        )
        made = (found.model, found.model_version, found.doubts)
        report = CaseReport(found.name, measured, found.landmarks, datetime.now(), volume, *made)
        return _Case(report, file, dicom, told)

    def _target(self, output: str, endings: Sequence[str], overwrite: bool) -> Path:
        """Where a result goes, and its manifest; OutputError when one of them must not be written."""
        path = self.folders.writable(output, overwrite)
        name = path.name.lower()
        if not name.endswith(tuple(endings)) or name in endings or name.endswith(MANIFEST):
            raise OutputError(f"Cannot write {output}: the name must end in {' or '.join(endings)}.")
        if self.manifests:
            self.folders.writable(str(manifest_of(path)), overwrite=True)
        return path

    def _keep(
        self,
        started: datetime,
        command: str,
        options: Mapping[str, Any],
        outputs: Sequence[Path],
        models: Sequence[ModelUsed],
        **more: Any,
    ) -> str | None:
        if not self.manifests or not outputs:
            return None
        given = {name: value for name, value in options.items() if value is not None}
        path = manifest_of(outputs[0])
        write_manifest(Run(f"mcp {command}", given, started, outputs, models=models, **more), path)
        return str(path)

    def _keep_case(
        self, started: datetime, command: str, which: Landmarks, written: Sequence[Path], case: _Case
    ) -> str | None:
        report = case.report
        return self._keep(
            started,
            command,
            {"pixels": which.in_pixels, "pixel_size": which.pixel_size},
            written,
            images=[] if report.volume is None else [report.volume],
            files={"landmarks": [case.file]},
            models=[ModelUsed(report.model, report.model_version)] if report.model else [],
            protocol=report.measurements.protocol,
        )


def _as_it_is(text: str) -> str:
    return text


def _model(name: str) -> Model:
    """An installed model; a folder is none, as it may lie anywhere."""
    found = {one.name: one for one in usable_models()}
    if name not in found:
        raise ModelError(f"There is no model '{name}'; installed are {', '.join(found) or 'none'}.")
    if (count := found[name].capabilities.channels) > 1:
        raise ModelError(f"The model {name} needs {count} images of a case; use the command line for it.")
    return found[name]


def _known_protocol(name: str, models: Mapping[str, object]) -> Protocol:
    """A protocol by its name; a file is none, as it may lie anywhere."""
    known = list_protocols()
    if name not in known:
        others = f" and the models {', '.join(models)}" if models else ""
        raise InputError(f"There is no protocol '{name}'; known are {', '.join(known)}{others}.")
    return load_protocol(name)


def _sized(volume: Volume, pixel_size: float | None) -> Volume:
    from LandmarkDetectionLib.core.volume import with_pixel_size

    return volume if pixel_size is None else with_pixel_size(volume, pixel_size)
