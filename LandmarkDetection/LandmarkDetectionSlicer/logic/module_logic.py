"""Everything the panel does, for scripts and the Python console as well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from slicer import vtkMRMLMarkupsFiducialNode, vtkMRMLScalarVolumeNode
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

from LandmarkDetectionLib.requests import ListModels
from LandmarkDetectionSlicer.logic import detecting, files
from LandmarkDetectionSlicer.logic.annotating import ReviewClock
from LandmarkDetectionSlicer.logic.plain_lists import PlainList, readPlainLists
from LandmarkDetectionSlicer.logic.remote_models import PlainProtocol, RemoteModel, modelsOf
from LandmarkDetectionSlicer.process import elsewhere
from LandmarkDetectionSlicer.process.in_background import InBackground
from LandmarkDetectionSlicer.process.worker import BackgroundWorker
from LandmarkDetectionSlicer.scene import nodes, pixel_size, volumes
from LandmarkDetectionSlicer.scene.parameters import DEFAULT_MODEL, LandmarkDetectionParameters

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.options import Side
    from LandmarkDetectionLib.core.protocol import Protocol
    from LandmarkDetectionLib.models import Model
    from LandmarkDetectionLib.remote.addresses import Elsewhere


class LandmarkDetectionLogic(ScriptedLoadableModuleLogic):
    """Everything the panel does, for scripts and the Python console as well.

    Examples
    --------
    >>> logic = slicer.modules.landmarkdetection.widgetRepresentation().self().logic  # doctest: +SKIP
    >>> landmarks = logic.detect(slicer.util.getNode("CT"))  # doctest: +SKIP
    >>> logic.exportLandmarks(landmarks, "landmarks.mrk.json")  # doctest: +SKIP
    """

    def __init__(self) -> None:
        ScriptedLoadableModuleLogic.__init__(self)
        self.clock = ReviewClock()
        self.background = InBackground()
        self._worker: BackgroundWorker | None = None
        self._remote: BackgroundWorker | None = None
        self._remoteModels: list[RemoteModel] | None = None
        self.remoteTrouble = ""
        if (place := elsewhere.chosenPlace()) is not None:
            self._remote = BackgroundWorker(place=place)

    def getParameterNode(self) -> LandmarkDetectionParameters:
        """The module's parameters in the current scene."""
        return LandmarkDetectionParameters(super().getParameterNode())

    @property
    def worker(self) -> BackgroundWorker:
        """What is asked about volumes: the process on this computer, or a way to a worker elsewhere."""
        return self._remote if self._remote is not None else self.localWorker

    @property
    def localWorker(self) -> BackgroundWorker:
        """The process on this computer, for what is about files; it is started by its first request."""
        if self._worker is None:
            self._worker = BackgroundWorker()
        return self._worker

    def close(self) -> None:
        """End the background processes, if there are any; whoever asked them is not called back."""
        self.background.close()
        # They stay as they are, closed: nothing that comes later starts another one.
        self.localWorker.close()
        if self._remote is not None:
            self._remote.close()

    # --- a worker elsewhere -----------------------------------------------------------------------------

    @property
    def place(self) -> Elsewhere | None:
        """Where the worker is that is asked about volumes; None for this computer."""
        return self._remote.place if self._remote is not None else None

    def workAt(self, place: Elsewhere | None) -> None:
        """Ask another worker about volumes from now on, also when Slicer starts again.

        What the worker before was doing is cancelled.

        Raises
        ------
        OutputError
            The choice cannot be kept.
        """
        elsewhere.choosePlace(place)
        if self._remote is not None:
            self._remote.stop()
        self._remote = BackgroundWorker(place=place) if place is not None else None
        self._remoteModels, self.remoteTrouble = None, ""

    def fetchModels(self, onFetched: Callable[[], None]) -> None:
        """Ask a worker elsewhere for its models, unless they are known; ``readModels`` has them then.

        ``onFetched`` is called when they are there, or ``remoteTrouble`` says why they are not.
        """
        worker = self._remote
        if worker is None or self._remoteModels is not None or worker.isBusy:
            return

        def keep(result: dict[str, Any]) -> None:
            try:
                models, trouble = modelsOf(result), ""
            except ValueError as problem:
                models, trouble = None, f"The worker elsewhere cannot be understood: {problem}."
            finish(models, trouble)

        def finish(models: list[RemoteModel] | None, trouble: str) -> None:
            if worker is self._remote:
                self._remoteModels, self.remoteTrouble = models, trouble
                onFetched()

        worker.request(ListModels(), lambda *_: None, keep, lambda kind, sentence: finish(None, sentence))

    # --- models -----------------------------------------------------------------------------------------

    def readModels(self) -> tuple[list[Model], dict[str, str]]:
        """The usable models, shipped ones first, and the reason for each that is not usable.

        Those of a worker elsewhere while there is one, as far as they are known.
        """
        if self._remote is not None:
            return cast("list[Model]", self._remoteModels or []), {}
        return self.readLocalModels()

    def readLocalModels(self) -> tuple[list[Model], dict[str, str]]:
        """As ``readModels``, of this computer.

        None of either while Python packages are missing.
        """
        try:
            from LandmarkDetectionLib.models import read_models
        except ImportError:
            return [], {}
        return read_models()

    def protocols(self, models: Sequence[Model]) -> list[Protocol] | list[PlainList]:
        """What can be placed by hand: the landmarks of the models, and the protocols that ship besides."""
        try:
            from LandmarkDetectionLib.io.protocols import list_protocols, load_protocol
        except ImportError:
            # Those of models elsewhere are as plain where the package is missing.
            lists: list[Any] = [model.protocol for model in models]
            plain: list[PlainList] = [one for one in lists if isinstance(one, PlainProtocol)]
            return [*plain, *readPlainLists()]
        found: dict[str, Protocol] = {}
        for protocol in (*(model.protocol for model in models), *map(load_protocol, list_protocols())):
            found.setdefault(protocol.name, protocol)
        return list(found.values())

    # --- detecting --------------------------------------------------------------------------------------

    def detect(
        self,
        volumeNode: vtkMRMLScalarVolumeNode,
        model: str = DEFAULT_MODEL,
        threshold: float | None = None,
        depth: str | None = None,
        device: str = "auto",
        side: str = "auto",
        keepReviewed: bool = True,
    ) -> vtkMRMLMarkupsFiducialNode:
        """Find landmarks and wait for them; for scripts.

        Parameters
        ----------
        volumeNode
            The image.
        model
            Name or folder of a model.
        threshold
            Value between air and body; estimated when None.
        depth
            "network", "lateral" or "mean"; the model's best when None.
        device
            "auto", "cpu" or "cuda".
        side
            "auto", "left" or "right", for models of hands.
        keepReviewed
            Leave alone what a person has settled in an earlier detection.

        Returns
        -------
        vtkMRMLMarkupsFiducialNode
            One point per landmark; the same node as before when it is detected again.

        Raises
        ------
        LandmarkDetectionError
            It does not work, for the reason that its text says.
        """
        from LandmarkDetectionLib.detectors.dispatch import detect
        from LandmarkDetectionLib.models import load_model

        detection = detect(
            volumes.readVolume(volumeNode),
            load_model(model),
            threshold=threshold,
            depth=depth,
            device=device,
            side=cast("Side", side),
        )
        return nodes.applyDetection(detection, volumeNode, keepReviewed=keepReviewed)

    def startDetection(
        self,
        volumeNode: vtkMRMLScalarVolumeNode,
        model: str = DEFAULT_MODEL,
        *,
        threshold: float | None = None,
        depth: str | None = None,
        device: str = "auto",
        side: str = "auto",
        keepReviewed: bool = True,
        onProgress: Callable[[float, str, float | None], None] = lambda fraction, text, secondsLeft: None,
        onFinished: Callable[[vtkMRMLMarkupsFiducialNode, str], None],
        onFailed: Callable[[str], None],
    ) -> detecting.DetectionRun:
        """Find landmarks in the background; as ``detect``, with callbacks as in ``DetectionRun``."""
        run = detecting.DetectionRun(
            self.worker,
            volumeNode,
            model,
            threshold=threshold,
            depth=depth,
            device=device,
            side=side,
            keepReviewed=keepReviewed,
            onProgress=onProgress,
            onFinished=onFinished,
            onFailed=onFailed,
        )
        run.start()
        return run

    # --- files ------------------------------------------------------------------------------------------

    def exportLandmarks(self, landmarkNode: vtkMRMLMarkupsFiducialNode, path: str | Path) -> None:
        """Write landmarks; the suffix chooses the kind of file. Raises OutputError when it cannot."""
        files.exportLandmarks(landmarkNode, path)

    def importLandmarks(
        self, path: str | Path, volumeNode: vtkMRMLScalarVolumeNode | None = None
    ) -> vtkMRMLMarkupsFiducialNode:
        """Read landmarks into the scene, as those of a volume. Raises InputError when it cannot."""
        pixel_size.correctPixelSize(volumeNode)
        return files.importLandmarks(path, volumeNode)
