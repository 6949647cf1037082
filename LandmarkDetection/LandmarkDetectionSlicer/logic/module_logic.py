"""Everything the panel does, for scripts and the Python console as well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from slicer import vtkMRMLMarkupsFiducialNode, vtkMRMLScalarVolumeNode
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

from LandmarkDetectionSlicer.logic import detecting, files
from LandmarkDetectionSlicer.logic.annotating import ReviewClock
from LandmarkDetectionSlicer.logic.plain_lists import PlainList, readPlainLists
from LandmarkDetectionSlicer.process.worker import BackgroundWorker
from LandmarkDetectionSlicer.scene import nodes, pixel_size, volumes
from LandmarkDetectionSlicer.scene.parameters import DEFAULT_MODEL, LandmarkDetectionParameters

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.options import Side
    from LandmarkDetectionLib.core.protocol import Protocol
    from LandmarkDetectionLib.models import Model


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
        self._worker: BackgroundWorker | None = None

    def getParameterNode(self) -> LandmarkDetectionParameters:
        """The module's parameters in the current scene."""
        return LandmarkDetectionParameters(super().getParameterNode())

    @property
    def worker(self) -> BackgroundWorker:
        """The background process; it is started by its first request."""
        if self._worker is None:
            self._worker = BackgroundWorker()
        return self._worker

    def close(self) -> None:
        """End the background process, if there is one."""
        if self._worker is not None:
            self._worker.stop()
            self._worker = None

    # --- models -----------------------------------------------------------------------------------------

    def readModels(self) -> tuple[list[Model], dict[str, str]]:
        """The usable models, shipped ones first, and the reason for each that is not usable.

        None of either while Python packages are missing.
        """
        try:
            from LandmarkDetectionLib.models import broken_models, list_models
        except ImportError:
            return [], {}
        return list_models(), broken_models()

    def protocols(self, models: Sequence[Model]) -> list[Protocol] | list[PlainList]:
        """What can be placed by hand: the landmarks of the models, and the protocols that ship besides."""
        try:
            from LandmarkDetectionLib.io.protocols import list_protocols, load_protocol
        except ImportError:
            return readPlainLists()
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
