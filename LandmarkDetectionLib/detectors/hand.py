"""Landmarks of a hand from its silhouette, and its depth where there is any."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from LandmarkDetectionLib.core.doubts import Doubt, DoubtKind
from LandmarkDetectionLib.core.landmarks import LandmarkSet, Status
from LandmarkDetectionLib.core.options import DetectOptions, Side
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.correction import Observed
from LandmarkDetectionLib.detectors import array_estimates
from LandmarkDetectionLib.detectors.analysis import Analysis
from LandmarkDetectionLib.detectors.base import Step, detection_of, landmarks_of, refuses_channels, timed
from LandmarkDetectionLib.detectors.estimates import HandEstimates
from LandmarkDetectionLib.detectors.evidence import Evidence, Maps
from LandmarkDetectionLib.detectors.hand_network import HAND_LINE, estimate_hands, hand_patch
from LandmarkDetectionLib.detectors.joint import Answer, JointEvidence, JointFrame
from LandmarkDetectionLib.detectors.settings import HandSettings
from LandmarkDetectionLib.errors import InputError, ModelError, NoBodyError
from LandmarkDetectionLib.imaging.hand.views import HandPicture, HandView, view_hand
from LandmarkDetectionLib.imaging.view import View
from LandmarkDetectionLib.models import Model
from LandmarkDetectionLib.quality.calibration import PRESENT_ABOVE, UNCERTAIN_BELOW, Calibration
from LandmarkDetectionLib.quality.plausibility import in_pixels, plausibility_warnings
from LandmarkDetectionLib.typing import Array

#: Two ways to turn a hand that differ by fewer landmarks, or bones of a possible length, are about as good.
DOUBTFUL = 1.0
#: So many more must be found for the network alone to be trusted against a hand's clear shape.
CLEAR = 2.5
#: A bone is impossible when it is longer or shorter than any of the training population by this factor.
STRETCH = 1.1
#: What has so many impossible bones is no hand, or was taken apart wrongly.
MANY_BONES = 3
#: Of what seems to be in the picture, less than this share found, impossible bones taken off, is no hand.
LEAST_SHARE = 0.75
#: Confidence of what has a reason to be wrong is at most this.
REFUTED = 0.3
LEAST_CONFIDENCE = 0.2
#: Below this mean confidence it may be something else than a hand, or a small part of one.
DOUBTFUL_CONFIDENCE = 0.6
#: How exactly a person points, as shares of the hand's length: a joint's width, and in depth a finger's.
CLICK_SHARE, CLICK_DEPTH_SHARE = 0.04, 0.08


def refuses(volume: Volume, model: Model, options: DetectOptions) -> InputError | None:
    """See ``base.Detector``: hands have no lateral view."""
    if (options.depth or HandSettings.of(model).depth_method) == "lateral":
        return InputError(
            "Hands are seen from one side only; choose the depth method mean or network.", about="depth"
        )
    return refuses_channels(model, options)


def analyse(volume: Volume, model: Model, options: DetectOptions, step: Step) -> Analysis:
    """Find the landmarks of one hand in a radiograph, CT or MR; see ``detectors.dispatch.analyse``.

    The hand is turned into the network's axes in every way its shape allows, and the one in which the
    network finds most is taken. Positions in a radiograph lie in its plane; when its pixel size is unknown
    they are in pixels.

    Raises
    ------
    NoBodyError
        When there is no hand.
    ModelError
        When the model's protocol lacks the ends of the hand.
    """
    settings = HandSettings.of(model)
    method, side = options.depth or settings.depth_method, options.side
    seconds: dict[str, float] = {}
    with timed(seconds, "project"):
        step(0.05, "looking for the hand")
        picture = view_hand(volume, side, options.threshold)
    with timed(seconds, "load model"):
        step(0.45, "loading the model")
        networks = array_estimates.networks_for(model, options.device)
    with timed(seconds, "networks"):
        step(0.6, "finding landmarks")
        patches = [hand_patch(one.view, settings.canvas_shape, settings.filled) for one in picture.views]
        front, back, inside = (
            np.stack([getattr(patch, image) for patch in patches])
            for image in ("front", "back", "field_of_view")
        )
        ends = _ends(model)
        found = estimate_hands(networks["coronal"], front, back, inside, ends, settings.radius_share)
    step(0.9, "checking the result")
    curve = settings.calibration["silhouette" if picture.flat else "depth"]
    confidence = Calibration(np.array(curve.scores), np.array(curve.shares))(found.near)
    pixel_mm = np.array([patch.geometry.spacing[0] for patch in patches])
    impossible = impossible_bones(found, model, settings, flat=picture.flat, pixel_mm=pixel_mm)
    # A view in which bones are impossible explains the picture as badly as one that lacks landmarks.
    worth = confidence.sum(axis=1) - impossible.sum(axis=1)
    best = _best_view(worth, picture.sure)
    if confidence[best].max() < LEAST_CONFIDENCE:
        raise NoBodyError(
            f"{volume.name or 'The picture'} does not look like a hand: no landmark was found with a "
            f"confidence over {LEAST_CONFIDENCE:g}; check the file, or give the grey value of the skin as "
            "threshold.",
            about="threshold",
        )
    chosen = picture.views[best]
    places = _places(found, best, settings, method, model, picture.flat)
    doubts, trust = _refuted(
        volume, picture, model, found, worth, impossible[best], best, confidence[best], side
    )
    landmarks = _landmarks(volume, model, patches[best], found, best, places, trust)
    length = float(found.length[best]) * patches[best].geometry.spacing[0]
    doubted = [
        *_partly_seen(volume, confidence[best]),
        *doubts,
        *picture.doubts,
        *_absent_tips(landmarks),
        *_side_doubts(picture, worth, best, side),
        *in_pixels(volume),
        *(
            _unusual_lengths(volume, model, settings, landmarks, length)
            if np.count_nonzero(impossible[best]) < MANY_BONES
            else ()
        ),
    ]
    step(1.0, "done")
    detection = detection_of(
        model,
        landmarks,
        doubted,
        seconds,
        threshold=picture.threshold,
        depth="none" if picture.flat else method,
        device=options.device,
        side=chosen.side,
        seen=_seen(picture, chosen, side),
        unit="mm" if volume.spacing_known else "pixel",
        confidence="probability of lying in the picture and within "
        f"{100 * settings.radius_share:g} % of the hand's length",
    )
    views = picture if picture.flat else replace(picture, picture=chosen.view)
    return Analysis(detection, views, _evidence(volume, picture, patches[best], found, best, settings, model))


def _evidence(
    volume: Volume,
    picture: HandPicture,
    view: View,
    found: HandEstimates,
    best: int,
    settings: HandSettings,
    model: Model,
) -> Evidence:
    curve = settings.calibration["silhouette" if picture.flat else "depth"]
    calibration = Calibration(np.array(curve.scores), np.array(curve.shares))
    length_mm = float(found.length[best] * view.geometry.spacing[0])

    maps = Maps(
        view=view,
        maps=found.maps[best, :1] if picture.flat else found.maps[best],
        radius_mm=settings.radius_share * length_mm,
        click_mm=CLICK_SHARE * length_mm,
        click_depth_mm=CLICK_DEPTH_SHARE * length_mm,
        contains=lambda point: bool(volume.holds(point)),
        confidence=lambda near, _depth_error, _place: float(calibration(np.array([near]))[0]),
    )
    pixel = view.geometry.spacing[0]
    axes = 2 if picture.flat else 3
    observed = hand_observations(found, np.full(len(found.length), pixel), axes)[best]
    frame = JointFrame(view.geometry.origin, (view.geometry.axes_mm * (1.0, 1.0, pixel))[:, :axes])
    whole = model.read_joint()

    joint = JointEvidence(
        frame=frame,
        answer=Answer(observed, found.present[best]),
        joint=whole.first_axes(axes) if whole is not None else None,
        radius=settings.radius_share * float(found.length[best]),
        judged_axes=2,
        inside=lambda points: volume.holds(frame.to_ras(points)),
    )
    return Evidence(maps, joint)


def hand_observations(found: HandEstimates, pixel_mm: Array, axes: int) -> list[Observed]:
    """What the network says of every hand, in pixels of its patch of (B,) mm; 2 axes are without depth."""
    scale = np.asarray(pixel_mm)[:, None, None]
    position = np.concatenate([found.position, found.depth[..., None] / scale], axis=-1)
    plane = np.sqrt(np.einsum("blii->bli", found.covariance))
    # Of a Laplace distribution, whose mean absolute error the network gives.
    depth = np.sqrt(2) * found.depth_error[..., None] / scale
    deviation = np.concatenate([plane, depth], axis=-1)
    seen = found.present >= PRESENT_ABOVE
    return [
        Observed(one[:, :axes], spread[:, :axes], near, there)
        for one, spread, near, there in zip(position, deviation, found.near, seen, strict=True)
    ]


def _ends(model: Model) -> tuple[int, int]:
    names = list(model.protocol.names)
    missing = [name for name in HAND_LINE if name not in names]
    if missing:
        raise ModelError(
            f"The protocol of the model {model.name!r} lacks {' and '.join(missing)}, between which the "
            "hand's length is measured."
        )
    return names.index(HAND_LINE[0]), names.index(HAND_LINE[1])


def impossible_bones(
    found: HandEstimates, model: Model, settings: HandSettings, *, flat: bool, pixel_mm: Array
) -> Array:
    """Which of the protocol's lines (B, lines) are longer or shorter than in any hand of this length.

    Parameters
    ----------
    flat
        Without depth.
    pixel_mm : (B,)
        Size of the patches' pixels, for what has depth.
    """
    names = list(model.protocol.names)
    ends = np.array([[names.index(one) for one in line] for line in model.protocol.lines], int).reshape(-1, 2)
    ranges = [settings.length_range_share.get(f"{a}-{b}", (0.0, np.inf)) for a, b in model.protocol.lines]
    low, high = np.array(ranges, float).reshape(-1, 2).T
    depth = np.zeros_like(found.depth) if flat else found.depth / pixel_mm[:, None]
    places = np.concatenate([found.position, depth[..., None]], axis=-1)
    steps = places[:, ends[:, 0]] - places[:, ends[:, 1]]
    share = np.linalg.norm(steps, axis=-1) / np.maximum(found.length, 1e-6)[:, None]
    seen = (found.present[:, ends] >= PRESENT_ABOVE).all(axis=-1)
    return np.asarray(seen & ((share < low / STRETCH) | (share > high * STRETCH)))


def _best_view(worth: Array, clear: bool) -> int:
    """The way to turn the hand that explains most; a clear shape's own, unless another is clearly better."""
    best = int(np.argmax(worth))
    return 0 if clear and worth[best] <= worth[0] + DOUBTFUL else best


def _refuted(
    volume: Volume,
    picture: HandPicture,
    model: Model,
    found: HandEstimates,
    worth: Array,
    impossible: Array,
    best: int,
    confidence: Array,
    side: Side,
) -> tuple[list[Doubt], Array]:
    """What speaks against what was found, and the confidence (L,) that is left."""
    name = volume.name or "The picture"
    trust = confidence.copy()
    doubts = []
    names = list(model.protocol.names)
    wrong = [line for line, no in zip(model.protocol.lines, impossible, strict=True) if no]
    if len(wrong) >= MANY_BONES:
        trust = np.minimum(trust, REFUTED)
        text = (
            f"{len(wrong)} of {len(impossible)} bones would have lengths that no hand has: {name} shows no "
            "hand, or its outline was not found; check the outline in the overlay picture."
        )
        doubts.append(Doubt(text, DoubtKind.NO_HAND))
    for line in wrong:
        ends = [names.index(one) for one in line]
        trust[ends] = np.minimum(trust[ends], REFUTED)
    present = confidence[found.present[best] >= PRESENT_ABOVE]
    share = (present.sum() - len(wrong)) / max(len(present), 1)
    too_little = share < LEAST_SHARE
    if not picture.hand_like or too_little:
        trust = np.minimum(trust, REFUTED)
    if picture.hand_like and too_little and len(wrong) < MANY_BONES:
        text = f"{name} may not show a hand: too little of one was found; check every landmark."
        doubts.append(Doubt(text, DoubtKind.NO_HAND))
    if _thumb_is_doubtful(picture, worth, best, side):
        trust = np.minimum(trust, REFUTED)
    return doubts, trust


def _thumb_is_doubtful(picture: HandPicture, worth: Array, best: int, side: Side) -> bool:
    """Whether the fingers may be in reverse order: shape and network differ, or neither tells."""
    shape_differs = picture.sure and best != 0
    others = [n for n, one in enumerate(picture.views) if one.side != picture.views[best].side]
    if not others or (not picture.flat and side == "auto"):
        return False
    margin = float(worth[best] - worth[others].max())
    return margin < (CLEAR if shape_differs else -CLEAR if picture.sure else DOUBTFUL)


def _places(
    found: HandEstimates, best: int, settings: HandSettings, method: str, model: Model, flat: bool
) -> Array:
    """(L, 4): column and row in pixels, depth in mm, and the expected absolute error of depth in mm."""
    pixels = found.position[best]
    if flat:
        return np.c_[pixels, np.zeros((len(pixels), 2))]
    depth, error = found.depth[best], found.depth_error[best]
    if method == "mean":
        mean = np.array([settings.mean_depth[name] for name in model.protocol.names])
        depth = found.mean[best] + mean * found.deviation[best]
    return np.c_[pixels, depth, error]


def _landmarks(
    volume: Volume,
    model: Model,
    view: View,
    found: HandEstimates,
    best: int,
    places: Array,
    confidence: Array,
) -> LandmarkSet:
    ras = view.geometry.to_ras(places[:, :3])
    present = volume.holds(ras) & (found.present[best] >= PRESENT_ABOVE)
    # Of an absent landmark it must not look like one that was found.
    confidence = np.where(present, confidence, np.minimum(confidence, 1 - confidence))
    spread = np.zeros((len(ras), 3, 3))
    spread[:, :2, :2] = found.covariance[best]
    spread[:, 2, 2] = 2 * places[:, 3] ** 2
    axes = view.geometry.axes_mm
    return landmarks_of(model, ras, present, confidence, axes @ spread @ axes.T)


def _seen(picture: HandPicture, chosen: HandView, side: str) -> str:
    """How the sides were told, for the record."""
    if not picture.flat:
        return "side from the shape of the back and the palm" if side == "auto" else "side as given"
    if side == "auto":
        return "side from the thumb, taking the radiograph as dorsopalmar (PA) and not mirrored"
    return "side as given" + (", seen from its palm or mirrored" if chosen.palm else ", seen from its back")


def _partly_seen(volume: Volume, confidence: Array) -> Iterator[Doubt]:
    if confidence.mean() < DOUBTFUL_CONFIDENCE:
        sure = np.count_nonzero(confidence >= UNCERTAIN_BELOW)
        yield Doubt(
            f"{volume.name or 'The picture'} may not show a whole hand: only {sure} of "
            f"{len(confidence)} landmarks were found with some confidence.",
            DoubtKind.UNCERTAIN,
        )


def _absent_tips(landmarks: LandmarkSet) -> Iterator[Doubt]:
    absent = tuple(one.name for one in landmarks if one.name.endswith("_tip") and one.status is Status.ABSENT)
    if absent:
        yield Doubt(
            f"Not found: {', '.join(absent)}. The picture may cut them off; if they are in it, the outline "
            "lacks them, and their neighbours need a look, too.",
            DoubtKind.NOT_FOUND,
            absent,
        )


def _side_doubts(picture: HandPicture, found: Array, best: int, side: str) -> Iterator[Doubt]:
    chosen = picture.views[best]
    if chosen.palm:
        yield Doubt(
            f"The thumb is not where that of a {chosen.side} hand is seen from the back: the picture shows "
            "the palm, is mirrored, or shows the other hand.",
            DoubtKind.SIDE,
        )
    others = [n for n, one in enumerate(picture.views) if one.side != chosen.side]
    doubtful = bool(others) and found[others].max() > found[best] - DOUBTFUL
    differs = picture.sure and best != 0
    if side == "auto" and not picture.flat and doubtful:
        yield Doubt(
            f"The shape does not tell left from right; taken as a {chosen.side} hand: give the side if it is "
            "not.",
            DoubtKind.SIDE,
        )
    elif (doubtful and not picture.sure) or (differs and picture.flat):
        text = "It is not clear on which side the thumb is; check the order of the fingers."
        yield Doubt(text, DoubtKind.SIDE)


def _unusual_lengths(
    volume: Volume, model: Model, settings: HandSettings, landmarks: LandmarkSet, length: float
) -> list[Doubt]:
    """Bones that no hand has at the length of this one."""
    ranges = {key: (low * length, high * length) for key, (low, high) in settings.length_range_share.items()}
    unit = "mm" if volume.spacing_known else "pixels"
    return plausibility_warnings(model.protocol, landmarks.positions, ranges, unit)
