"""Detecting landmarks without holding up the window, and the smaller questions about a volume.

Nothing in the scene is touched before the result is complete, so whatever ends a detection early leaves the
scene as it was.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from LandmarkDetectionLib.core.detection import Detection, detection_from_record
from LandmarkDetectionLib.core.landmarks import Landmark, Status
from LandmarkDetectionLib.core.search_path import SearchPath
from LandmarkDetectionLib.errors import LandmarkDetectionError
from LandmarkDetectionLib.requests import Detect, LocateNear, Picture, Silhouette
from LandmarkDetectionSlicer.logic.volume_request import OnFailed, VolumeRequest
from LandmarkDetectionSlicer.scene import nodes, ways

if TYPE_CHECKING:
    import slicer

    from LandmarkDetectionSlicer.process.worker import BackgroundWorker

OnRunProgress = Callable[[float, str, float | None], None]


UNREADABLE = (ValueError, KeyError, TypeError)
"""What reading an answer raises that is none: of a worker of another version, or cut off."""


class DetectionRun:
    """One detection in the background, from a volume node to a landmark node.

    Parameters
    ----------
    worker
        Runs it.
    volumeNode
        Where to look.
    modelName
        Name of an installed model.
    threshold, depth, device, side
        As in ``LandmarkDetectionLib.detectors.detect``.
    keepReviewed
        Leave alone what a person has settled in an earlier detection.
    onProgress
        Called many times a second with a fraction, a text, and the seconds left (None while unknown).
    onFinished
        Called with the landmark node and one sentence that sums up.
    onFailed
        Called with one sentence; the scene is then as it was.
    """

    def __init__(
        self,
        worker: BackgroundWorker,
        volumeNode: slicer.vtkMRMLScalarVolumeNode,
        modelName: str,
        *,
        threshold: float | None = None,
        depth: str | None = None,
        device: str = "auto",
        side: str = "auto",
        keepReviewed: bool = True,
        onProgress: OnRunProgress = lambda fraction, text, secondsLeft: None,
        onFinished: Callable[[slicer.vtkMRMLMarkupsFiducialNode, str], None],
        onFailed: OnFailed,
    ) -> None:
        self._worker, self._volumeNode = worker, volumeNode
        self._keepReviewed = keepReviewed
        self._onProgress, self._onFinished, self._onFailed = onProgress, onFinished, onFailed
        self._timeLeft = TimeLeft()
        ask = partial(Detect, model=modelName, threshold=threshold, depth=depth, device=device, side=side)
        self._request = VolumeRequest(
            worker, volumeNode, ask, self._noteProgress, self._apply, self._onFailed
        )

    @property
    def isActive(self) -> bool:
        """Whether it has begun and has not ended yet."""
        return self._request.isActive

    def start(self) -> None:
        """Begin; what cannot work fails at once."""
        self._request.start()

    def cancel(self) -> None:
        """Stop at once and leave the scene as it was; ``onFailed`` says so."""
        self._request.cancel()

    def _noteProgress(self, fraction: float, text: str) -> None:
        self._onProgress(fraction, text, self._timeLeft.after(fraction))

    def _apply(self, result: dict[str, Any]) -> None:
        try:
            detection = detection_from_record(result)
            node = nodes.applyDetection(detection, self._volumeNode, keepReviewed=self._keepReviewed)
            ways.keepWays(
                [SearchPath.from_record(one) for one in result.get("paths", ())], self._volumeNode, node
            )
        except LandmarkDetectionError as problem:
            self._onFailed(str(problem))
            return
        except UNREADABLE as problem:
            self._onFailed(_unreadable(problem))
            return
        # In another turn of the event loop: writing the landmarks and showing them at once would be noticed.
        self._worker.soon(partial(self._onFinished, node, summary(detection)))


def givenThreshold(detection: Detection) -> float | None:
    """The threshold to detect again with; None lets it be estimated as it was.

    An estimate is of the picture that a detector makes of the image, and means something else when it is
    given for the image itself. Of records that do not tell, that of a hand is taken for estimated.
    """
    if "given" in detection.parameters:
        return detection.options.threshold
    return detection.used.threshold if detection.used.side is None else None


class TimeLeft:
    """Seconds left, from how far a piece of work has come; the end it foresees moves gently.

    Parameters
    ----------
    clock : callable
        Gives seconds.
    """

    FIRST_WORD_S = 1.0
    GENTLENESS = 0.7

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start = clock()
        self._fraction = 0.0
        self._end: float | None = None

    def after(self, fraction: float) -> float | None:
        """Seconds left when ``fraction`` of the work is done; None when that cannot be said."""
        now = self._clock()
        elapsed = now - self._start
        if fraction > self._fraction and elapsed >= self.FIRST_WORD_S:
            end = self._start + elapsed / fraction
            self._end = end if self._end is None else end + self.GENTLENESS * (self._end - end)
            self._fraction = fraction
        return None if self._end is None or now > self._end else self._end - now


def summary(detection: Detection) -> str:
    """What came of a detection, in one sentence with a second one when the device was not the wanted one."""
    seconds, note = f"{sum(detection.seconds.values()):.1f}", detection.used.device_note
    count = Counter(landmark.status for landmark in detection.landmarks)
    if len(detection.landmarks) == 1:
        sentence = _ofOne(detection.landmarks.landmarks[0].status).format(seconds=seconds)
        return f"{sentence} {note}" if note else sentence
    found = len(detection.landmarks) - count[Status.ABSENT]
    sentence = _counted(count[Status.UNCERTAIN] > 0, detection.used.device or "").format(
        found=found,
        total=len(detection.landmarks),
        uncertain=count[Status.UNCERTAIN],
        seconds=seconds,
    )
    return f"{sentence} {note}" if note else sentence


def _ofOne(status: Status) -> str:
    """The sentence for a model of one landmark."""
    if status is Status.ABSENT:
        return _("The landmark was not found; it took {seconds} s.")
    if status is Status.UNCERTAIN:
        return _("The landmark was found in {seconds} s, and is uncertain.")
    return _("The landmark was found in {seconds} s.")


def _counted(isAnyUncertain: bool, device: str) -> str:
    """The sentence for what was found; whole ones, since languages put a sentence together differently."""
    if isAnyUncertain:
        sentences = {
            "cpu": _(
                "{found} of {total} landmarks found, {uncertain} of them uncertain, in {seconds} s on the "
                "processor."
            ),
            "cuda": _(
                "{found} of {total} landmarks found, {uncertain} of them uncertain, in {seconds} s on the "
                "graphics card."
            ),
        }
        other = _("{found} of {total} landmarks found, {uncertain} of them uncertain, in {seconds} s.")
    else:
        sentences = {
            "cpu": _("{found} of {total} landmarks found, in {seconds} s on the processor."),
            "cuda": _("{found} of {total} landmarks found, in {seconds} s on the graphics card."),
        }
        other = _("{found} of {total} landmarks found, in {seconds} s.")
    return sentences.get(device, other)


def previewSilhouette(
    worker: BackgroundWorker,
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
    modelName: str,
    threshold: float | None,
    path: str,
    onDone: Callable[[float, str], None],
    onFailed: OnFailed,
) -> VolumeRequest:
    """Draw what a detection would take for the body or the hand, from the front, as a PNG file at ``path``.

    ``onDone`` is called with the threshold (estimated when None) and the path. Of several that wait only the
    latest is drawn.
    """
    ask = partial(Silhouette, model=modelName, threshold=threshold, path=path)
    return _started(
        VolumeRequest(
            worker,
            volumeNode,
            ask,
            _ignore,
            lambda result: onDone(result["threshold"], result["picture"]),
            onFailed,
        )
    )


def locateNear(
    worker: BackgroundWorker,
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
    modelName: str,
    landmarkName: str,
    near: list[float],
    onDone: Callable[[Landmark], None],
    onFailed: OnFailed,
    *,
    threshold: float | None = None,
    device: str = "auto",
    side: str = "auto",
) -> VolumeRequest:
    """Find one landmark again near a click at ``near`` (world RAS mm).

    ``onDone`` is called with the landmark in world RAS mm. The volume is looked at as a whole first when the
    process has not seen it, which takes as long as a detection.
    """

    def receive(result: dict[str, Any]) -> None:
        try:
            landmark = Landmark.from_record(result)
        except UNREADABLE as problem:
            onFailed(_unreadable(problem))
            return
        onDone(landmark)

    right, anterior, superior = (float(value) for value in near)
    ask = partial(
        LocateNear,
        model=modelName,
        landmark=landmarkName,
        near=(right, anterior, superior),
        threshold=threshold,
        device=device,
        side=side,
    )
    return _started(
        VolumeRequest(
            worker,
            volumeNode,
            ask,
            _ignore,
            receive,
            onFailed,
        )
    )


def drawPicture(
    worker: BackgroundWorker,
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
    landmarkNode: slicer.vtkMRMLMarkupsFiducialNode,
    path: str,
    onDone: Callable[[str], None],
    onFailed: OnFailed,
) -> VolumeRequest:
    """Draw the body from the front and from the left with the landmarks as they stand (PNG, SVG or PDF)."""
    review = nodes.loadWorldReview(landmarkNode)
    threshold = givenThreshold(review.prediction)
    record = review.to_record()
    record["parameters"] = {**record["parameters"], "threshold": threshold}
    ask = partial(Picture, record=record, path=path)
    return _started(
        VolumeRequest(worker, volumeNode, ask, _ignore, lambda result: onDone(result["picture"]), onFailed)
    )


def _started(request: VolumeRequest) -> VolumeRequest:
    request.start()
    return request


def _unreadable(problem: Exception) -> str:
    return _("The answer of the background process cannot be read ({problem}); try again.").format(
        problem=problem
    )


def _ignore(fraction: float, text: str) -> None:
    """Progress that nobody waits for."""
