"""What is done for each request: the types of :mod:`LandmarkDetectionLib.requests` and what answers them."""

from __future__ import annotations

import gc
import platform
import traceback
from collections.abc import Callable
from dataclasses import asdict, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from LandmarkDetectionLib import requests
from LandmarkDetectionLib._version import __version__
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError, LandmarkDetectionError, ModelError
from LandmarkDetectionLib.files import read_text
from LandmarkDetectionLib.requests import Message, VolumeMessage
from LandmarkDetectionLib.typing import Progress
from LandmarkDetectionLib.worker.pipes import DEFECT, Send
from LandmarkDetectionLib.worker.reading import in_one_sentence, open_volume, protocol_of, review_of

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.detection import Detection
    from LandmarkDetectionLib.core.options import Side
    from LandmarkDetectionLib.detectors.analysis import Analysis
    from LandmarkDetectionLib.models import Model


class Worker:
    """Answers requests one after the other.

    It keeps the last volume open and the last analysis, and lets go of both before it
    opens another volume, so that never more than one is in memory.

    Parameters
    ----------
    send : callable
        Called with every event.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._tasks: dict[str, Callable[[Any, Progress], Message]] = {
            "detect": self._detect,
            "locate_near": self._locate_near,
            "refine": self._refine,
            "find_counterparts": self._find_counterparts,
            "silhouette": self._silhouette,
            "picture": self._picture,
            "read_image": self._read_image,
            "cohort": self._cohort,
            "cohort_report": self._cohort_report,
            "install": self._install,
            "about": self._about,
            "models": self._models,
            "annotate": self._annotate,
            "fine_tune": self._fine_tune,
            "train": self._train,
        }
        self._message: VolumeMessage | None = None
        self._volume: Volume | None = None
        self._analysis: tuple[object, Analysis] | None = None

    def answer(self, request: Message) -> None:
        """Answer one request; whatever goes wrong becomes its error event."""
        number = request.get("id") if isinstance(request, dict) else None

        def progress(fraction: float, text: str) -> None:
            self._send({"id": number, "event": "progress", "fraction": fraction, "text": text})

        try:
            asked = requests.request_of(request)
            result = self._tasks[asked.do](asked, progress)
        except LandmarkDetectionError as problem:
            self._send_error(number, type(problem).__name__, str(problem))
        except MemoryError:
            self._forget()
            text = "This computer has too little memory left for that; close other programs and try again."
            self._send_error(number, "MemoryError", text)
        except Exception:
            self._send_error(number, DEFECT, traceback.format_exc())
        else:
            self._send({"id": number, "event": "done", "result": result})

    def _send_error(self, number: object, kind: str, message: str) -> None:
        self._send({"id": number, "event": "error", "kind": kind, "message": message})

    def _detect(self, request: requests.Detect, progress: Progress) -> Message:
        from LandmarkDetectionLib.models import load_model

        analysis = self._new_analysis(request, load_model(request.model), progress)
        ways = [path.to_record() for path in analysis.paths]
        return analysis.detection.to_record() | ({"paths": ways} if ways else {})

    def _new_analysis(self, request: requests.Detect, model: Model, progress: Progress) -> Analysis:
        progress(0.0, "starting")
        from LandmarkDetectionLib.core.options import DetectOptions
        from LandmarkDetectionLib.detectors.dispatch import analyse

        volume = self._opened(request.volume)
        self._analysis = None
        # Refuses a word that is no side.
        side = cast("Side", request.side)
        options = DetectOptions(request.threshold, request.depth, request.device, side)
        analysis = analyse(volume, model, options, progress=progress)
        self._analysis = (model.path, model.version), analysis
        return analysis

    def _analysed(self, request: requests.Detect, progress: Progress) -> Analysis:
        """The analysis at hand, or a new one where it was of another volume or with another model."""
        from LandmarkDetectionLib.models import load_model

        model = load_model(request.model)
        self._opened(request.volume)
        made_with, analysis = self._analysis or (None, None)
        if analysis is None or made_with != (model.path, model.version):
            analysis = self._new_analysis(request, model, progress)
        return analysis

    def _refine(self, request: requests.Refine, progress: Progress) -> Message:
        from LandmarkDetectionLib.detectors.again import detect_again, difference, require_near
        from LandmarkDetectionLib.models import load_model

        model, review = load_model(request.model), review_of(request.record)
        volume = self._opened(request.volume)
        require_near(volume, review.landmarks)
        made_with, analysis = self._analysis or (None, None)
        if (
            analysis is None
            or made_with != (model.path, model.version)
            or difference(analysis, review) is not None
        ):
            self._analysis = None
            analysis = detect_again(volume, model, review, device=request.device, progress=progress)
            self._analysis = (model.path, model.version), analysis
        return analysis.refine(review.landmarks).detection.to_record()

    def _locate_near(self, request: requests.LocateNear, progress: Progress) -> Message:
        analysis = self._analysed(request, progress)
        return analysis.locate_near(request.landmark, request.near).to_record()

    def _find_counterparts(self, request: requests.FindCounterparts, progress: Progress) -> Message:
        from LandmarkDetectionLib.imaging.counterparts import find_counterparts

        landmarks = review_of(request.record).landmarks
        found = find_counterparts(
            landmarks, open_volume(request.source), self._opened(request.volume), progress=progress
        )
        return found.to_record()

    def _silhouette(self, request: requests.Silhouette, progress: Progress) -> Message:
        from PIL import Image

        from LandmarkDetectionLib.detectors.dispatch import preview
        from LandmarkDetectionLib.files import atomic_write
        from LandmarkDetectionLib.models import load_model

        model = load_model(request.model)
        threshold, picture = preview(self._opened(request.volume), model, request.threshold)
        with atomic_write(request.path) as temporary:
            Image.fromarray(picture).save(temporary, format="PNG")
        return {"threshold": threshold, "picture": request.path}

    def _picture(self, request: requests.Picture, progress: Progress) -> Message:
        from LandmarkDetectionLib.core.protocol import Protocol
        from LandmarkDetectionLib.detectors.again import look_again
        from LandmarkDetectionLib.reporting.overlay import write_overlay

        detection = review_of(request.record).detection
        model = _model_of(detection)
        volume = self._opened(request.volume)
        views = look_again(volume, model, detection)
        protocol = model.protocol if model else Protocol.model_construct(pairs=(), lines=())
        write_overlay(detection, views, protocol, request.path, volume=volume)
        return {"picture": request.path}

    def _install(self, request: requests.Install, progress: Progress) -> Message:
        from LandmarkDetectionLib.detectors.checking import check_model
        from LandmarkDetectionLib.models import install_model

        model = install_model(request.source, request.sha256, check=check_model, progress=progress)
        return {"name": model.name, "version": model.version}

    def _about(self, request: requests.About, progress: Progress) -> Message:
        return versions()

    def _models(self, request: requests.ListModels, progress: Progress) -> Message:
        """For a window that has no models of its own, so pictures of them are left out."""
        from LandmarkDetectionLib.models import list_models
        from LandmarkDetectionLib.models.package import CARD

        return {
            "models": [
                {
                    "name": model.name,
                    "version": model.version,
                    "description": str(model.metadata.get("description", "")),
                    "capabilities": asdict(model.capabilities),
                    "card": _text_of(model.path / CARD),
                    "protocol": model.protocol.model_dump(mode="json", exclude_defaults=True),
                }
                for model in list_models()
            ]
        }

    def _read_image(self, request: requests.ReadImage, progress: Progress) -> Message:
        """For a window that cannot read the image itself, or wants it at hand before it is looked at."""
        from LandmarkDetectionLib.io import nrrd
        from LandmarkDetectionLib.io.volumes import read_volume

        volume = read_volume(request.source, series=request.series)
        # Not packed: the window waits for it.
        nrrd.write(volume, Path(request.path), packed=False)
        return {"path": request.path, "modality": volume.modality}

    def _cohort(self, request: requests.ListCohort, progress: Progress) -> Message:
        from LandmarkDetectionLib.cohort import read_cohort
        from LandmarkDetectionLib.cohort.results.case_results import case_results, protocols_of
        from LandmarkDetectionLib.cohort.results.model_results import by_model, ranked
        from LandmarkDetectionLib.cohort.results.verdicts import read_log, verdicts_of

        cohort = read_cohort(request.folder)
        order = ranked(by_model(case_results(cohort, progress), protocols_of(cohort)))
        return {
            "cases": [one.to_record() for one in order],
            "total": cohort.settings.total,
            "verdicts": [
                {"case": case, "model": model, "by": one.by, "verdict": one.verdict.value}
                for (case, model), given in verdicts_of(read_log(cohort.folder)).items()
                for one in given
            ],
        }

    def _cohort_report(self, request: requests.ReportCohort, progress: Progress) -> Message:
        from LandmarkDetectionLib.cohort.report.page import write_report

        return {"page": str(write_report(request.folder, progress=progress))}

    def _annotate(self, request: requests.Annotate, progress: Progress) -> Message:
        from LandmarkDetectionLib.datasets.annotations import AnnotationStore, summarise_store

        progress(0.0, "saving the review")
        volume = self._opened(request.volume)
        with in_one_sentence("The place of the image"):
            volume = replace(volume, ijk_to_ras=np.array(request.ijk_to_ras))
        store = AnnotationStore(request.store)
        annotation = store.save(
            review_of(request.record),
            volume,
            request.image,
            protocol=protocol_of(request.protocol),
            reviewer=request.reviewer,
            seconds=request.seconds,
            comment=request.comment,
            subject=request.subject,
            copy_image=request.copy_image,
        )
        kept = summarise_store(store.path)
        return {
            "file": str(store.file_of(annotation)),
            "split": annotation.split,
            "annotations": kept.annotations,
            "held_out": kept.held_out,
        }

    def _fine_tune(self, request: requests.FineTune, progress: Progress) -> Message:
        progress(0.0, "starting")
        from LandmarkDetectionLib.training.finetuning.finetune import STEPS, fine_tune

        return fine_tune(
            request.model,
            request.store,
            data=request.data,
            steps=request.steps or STEPS,
            device=request.device,
            progress=progress,
        ).to_record()

    def _train(self, request: requests.Train, progress: Progress) -> Message:
        progress(0.0, "starting")
        from LandmarkDetectionLib.training.supervised.model import train_from_store

        model = train_from_store(
            request.store,
            request.name,
            preset=request.preset,
            changes=request.changes or None,
            device=request.device,
            install=request.install,
            progress=progress,
        )
        return {"name": model.name, "version": model.version}

    def _opened(self, message: VolumeMessage) -> Volume:
        """The volume of a request: the one at hand, or another one in its place."""
        if self._volume is None or self._message != message:
            self._forget()
            self._volume = open_volume(message)
            self._message = message
        return self._volume

    def _forget(self) -> None:
        self._message = self._volume = self._analysis = None
        gc.collect()


def versions() -> Message:
    """Of what answers here: the library, Python, and PyTorch (null without it)."""
    try:
        torch: str | None = metadata.version("torch")
    except metadata.PackageNotFoundError:
        torch = None
    return {"version": __version__, "python": platform.python_version(), "torch": torch}


def _text_of(path: Path) -> str:
    """Of a file that may be missing or damaged, which is no reason to do without the rest."""
    try:
        return read_text(path)
    except InputError:
        return ""


def _model_of(detection: Detection) -> Model | None:
    """The model that made a detection; None when a person did, or it is no longer installed."""
    from LandmarkDetectionLib.models import load_model

    try:
        return load_model(detection.model or "none")
    except ModelError:
        return None
