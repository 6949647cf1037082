"""Landmarks of a body from its silhouettes and depth maps: the networks that ship."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from LandmarkDetectionLib._renamed import names_of_before
from LandmarkDetectionLib.core.doubts import Doubt
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.correction import Observed
from LandmarkDetectionLib.detectors import array_estimates
from LandmarkDetectionLib.detectors.analysis import Analysis
from LandmarkDetectionLib.detectors.base import Step, detection_of, refuses_channels, refuses_side, timed
from LandmarkDetectionLib.detectors.estimates import Estimates
from LandmarkDetectionLib.detectors.evidence import Evidence, Maps, pictured
from LandmarkDetectionLib.detectors.joint import Answer, JointEvidence, JointFrame
from LandmarkDetectionLib.detectors.settings import SilhouetteSettings
from LandmarkDetectionLib.errors import InputError, NoBodyError
from LandmarkDetectionLib.imaging.body.projection import Projection, project_body
from LandmarkDetectionLib.imaging.view import View
from LandmarkDetectionLib.networks.silhouette_arrays import SilhouetteArrays
from LandmarkDetectionLib.quality.body_evidence import Inside, composition, weighed
from LandmarkDetectionLib.quality.calibration import PRESENT_ABOVE, RADIUS_MM, UNCERTAIN_BELOW, Calibration
from LandmarkDetectionLib.quality.plausibility import (
    mirror_warning,
    none_found,
    orientation_warning,
    plausibility_warnings,
)
from LandmarkDetectionLib.typing import Array

if TYPE_CHECKING:
    from torch import Tensor, nn

    from LandmarkDetectionLib.core.options import DetectOptions
    from LandmarkDetectionLib.core.volume import Volume
    from LandmarkDetectionLib.models import Model


LARGEST_MM = 3500.0
SMALLEST_MM = 60.0
AS_LABELLED = "as labelled"
#: What holds no tissues may still be a body drawn in one value, if its outline says so as clearly as this.
LEAST_LIKENESS = 0.2
# Measured on synthetic scans with clicks 7 to 18 mm off: of 12 to 30 mm, this spread leaves good landmarks
# where they are and lets go of wrong ones 50 mm away.
CLICK_MM = 16.0
# In depth people are less exact: they click on a surface, or on another slice.
CLICK_DEPTH_MM = 30.0


def estimate(
    networks: dict[str, Any],
    coronal: tuple[Array, Array, Array],
    lateral: tuple[Array, Array, Array] | None,
    lateral_first_mm: Array | None,
    pixel_mm: float,
    mirror: Array,
    mean_depth_mm: Array,
    mean_depth_error_mm: Array,
) -> Estimates:
    """Run the networks on views and their mirror images, and read positions and depths by every method.

    Parameters
    ----------
    coronal, lateral : front (B, H, W), back (B, H, W), field of view (B, H, W)
        As in ``view.View``. Without the lateral view its method is left out.
    lateral_first_mm : (B,)
        Coronal depth in mm of the lateral view's first column.
    mirror : (L,) int
        Swaps left and right.
    mean_depth_mm, mean_depth_error_mm : (L,)
        Depth of every landmark behind the mean depth of the front surface, over the training population.
    """
    if isinstance(networks["coronal"], SilhouetteArrays):
        return array_estimates.estimate(
            networks,
            coronal,
            lateral,
            lateral_first_mm,
            pixel_mm,
            mirror,
            mean_depth_mm,
            mean_depth_error_mm,
        )
    import torch

    from LandmarkDetectionLib.heatmaps import softmax
    from LandmarkDetectionLib.imaging.depth import network_input
    from LandmarkDetectionLib.networks.silhouette_unet import STRIDE

    swap = torch.as_tensor(mirror)
    with torch.inference_mode():
        front, back, inside = _on_device(networks["coronal"], coronal)
        image, scale = network_input(front, back, inside)
        maps = networks["coronal"](image)
        flipped = networks["coronal"](image.flip(-1))
        probability, present = softmax.distribution(maps.logits, maps.absent)
        other, other_present = softmax.distribution(flipped.logits, flipped.absent)
        probability = (probability + other.flip(-1)[:, swap]) / 2
        present = (present + other_present[:, swap]) / 2
        decoded = softmax.decode(probability, STRIDE)
        depth_map = (maps.depth + flipped.depth.flip(-1)[:, swap]) / 2
        error_map = (maps.depth_log_scale.exp() + flipped.depth_log_scale.exp().flip(-1)[:, swap]) / 2
        depth_map = scale.restore(depth_map)
        error_map = error_map * scale.deviation[:, None, None, None]
        depth = {"network": (decoded.window * depth_map).sum(dim=(2, 3))}
        depth_error = {"network": (decoded.window * error_map).sum(dim=(2, 3))}
        depth["mean"] = scale.mean[:, None] + torch.as_tensor(mean_depth_mm).to(scale.mean)
        depth_error["mean"] = torch.as_tensor(mean_depth_error_mm).to(scale.mean).expand_as(depth["mean"])
        if lateral is not None and lateral_first_mm is not None:
            column, spread = _lateral_columns(networks["lateral"], lateral, swap)
            depth["lateral"] = torch.as_tensor(lateral_first_mm).to(column)[:, None] + column * pixel_mm
            depth_error["lateral"] = spread * pixel_mm
        near = softmax.mass_within(probability, decoded.position, STRIDE, RADIUS_MM / pixel_mm)

    def numpy(tensor: Tensor) -> Array:
        return np.asarray(tensor.double().cpu().numpy())

    return Estimates(
        numpy(decoded.position),
        numpy(decoded.covariance),
        numpy(present),
        numpy(near),
        {name: numpy(value) for name, value in depth.items()},
        {name: numpy(value) for name, value in depth_error.items()},
        torch.stack([probability, depth_map, error_map], dim=1),
    )


def _lateral_columns(
    network: nn.Module, lateral: tuple[Array, Array, Array], swap: Tensor
) -> tuple[Tensor, Tensor]:
    """Column (B, L) in pixels of every landmark in the lateral view, and its expected absolute error."""
    from LandmarkDetectionLib.heatmaps import softmax
    from LandmarkDetectionLib.imaging.depth import network_input
    from LandmarkDetectionLib.networks.silhouette_unet import STRIDE

    front, back, inside = _on_device(network, lateral)
    maps = network(network_input(front, back, inside)[0])
    # The mirror image of a body: what was last from the left is now first, and the sides swap names.
    flipped = network(network_input(-back, -front, inside)[0])
    probability = softmax.distribution(maps.logits, maps.absent)[0]
    probability = (probability + softmax.distribution(flipped.logits, flipped.absent)[0][:, swap]) / 2
    decoded = softmax.decode(probability, STRIDE)
    return decoded.position[..., 0], 0.8 * decoded.covariance[..., 0, 0].sqrt()


def _on_device(network: nn.Module, view: tuple[Array, Array, Array]) -> list[Tensor]:
    import torch

    device = next(network.parameters()).device
    return [torch.as_tensor(np.ascontiguousarray(image)).to(device) for image in view]


def refuses(volume: Volume, model: Model, options: DetectOptions) -> InputError | None:
    """See ``base.Detector``."""
    return refuses_side(model, options) or refuses_channels(model, options) or refuses_size(volume)


def analyse(volume: Volume, model: Model, options: DetectOptions, step: Step) -> Analysis:
    """Find landmarks with ``SilhouetteUNet`` networks; see ``detectors.dispatch.analyse``."""
    seconds: dict[str, float] = {}
    settings = SilhouetteSettings.of(model)
    method = options.depth or settings.depth_method
    views, networks = prepare(volume, model, settings.pixel_mm, options, step, seconds)
    with timed(seconds, "networks"):
        step(0.6, "finding landmarks")
        coronal = patch_of(views.coronal, settings.coronal_shape)
        lateral = patch_of(views.lateral, settings.lateral_shape)
        estimates, sums = _estimate_views(networks, coronal, lateral, model, settings)
    with timed(seconds, "check"):
        step(0.9, "checking the result")
        calibration = calibration_of(settings, method)
        confidence = calibration(estimates.score(method)) * room_before_the_end(
            coronal, estimates.position[0]
        )
        inside = composition(volume, views).inside
        _require_body(volume, inside, confidence[0])
        found = _landmarks(model, coronal, estimates, confidence[0], method).positions
        weight, doubts = weighed(volume, views, inside, model.protocol.names, found, confidence[0])
        landmarks = _landmarks(model, coronal, estimates, weight, method)
        doubted = [
            *none_found(volume, model, landmarks),
            *doubts,
            *_implausible(volume, views, model, settings, landmarks, sums),
        ]
    step(1.0, "done")
    detection = detection_of(
        model,
        landmarks,
        doubted,
        seconds,
        threshold=views.threshold,
        depth=method,
        device=options.device,
        notes=list(views.notes),
        confidence=f"probability of lying in the scan and within {RADIUS_MM:g} mm",
    )
    return Analysis(detection, views, _evidence(coronal, views, estimates, settings, model, method))


def prepare(
    volume: Volume,
    model: Model,
    pixel_mm: float,
    options: DetectOptions,
    step: Step,
    seconds: dict[str, float],
) -> tuple[Projection, dict[str, Any]]:
    """Both views of the body and the networks that look at them."""
    with timed(seconds, "project"):
        step(0.05, "looking for the body")
        views = project_body(volume, pixel_mm=pixel_mm, threshold=options.threshold)
    with timed(seconds, "load model"):
        step(0.45, "loading the model")
        networks = array_estimates.networks_for(model, options.device)
    return views, networks


def _estimate_views(
    networks: dict[str, Any], coronal: View, lateral: View, model: Model, settings: SilhouetteSettings
) -> tuple[Estimates, dict[str, float]]:
    """Estimates for the views as labelled, and sums of confidences as labelled and with the axes turned."""
    front, back, inside = coronal.front, coronal.back, coronal.field_of_view
    turns = {
        "back to front": (-back[:, ::-1], -front[:, ::-1], inside[:, ::-1]),
        "upside down": (front[::-1, ::-1], back[::-1, ::-1], inside[::-1, ::-1]),
        "both": (-back[::-1], -front[::-1], inside[::-1]),
    }
    # Where the lateral view's columns lie along the coronal view's depth.
    first = coronal.geometry.from_ras(lateral.geometry.to_ras(np.zeros((1, 3))))[0, 2]
    names = model.protocol.names
    shared = (
        settings.pixel_mm,
        model.protocol.mirror_permutation(),
        np.array([settings.mean_depth_mm[name] for name in names]),
        np.array([settings.mean_depth_error_mm[name] for name in names]),
    )
    side = (lateral.front[None], lateral.back[None], lateral.field_of_view[None])
    as_labelled = estimate(
        networks, (front[None], back[None], inside[None]), side, np.array([first], np.float32), *shared
    )
    turned_front, turned_back, turned_inside = (
        np.stack(images) for images in zip(*turns.values(), strict=True)
    )
    turned = estimate(networks, (turned_front, turned_back, turned_inside), None, None, *shared)
    calibration = calibration_of(settings, "network")
    confidence = calibration(np.concatenate([as_labelled.score("network"), turned.score("network")]))
    return as_labelled, dict(zip((AS_LABELLED, *turns), confidence.sum(axis=1).tolist(), strict=True))


def _require_body(volume: Volume, inside: Inside, confidence: Array) -> None:
    """Refuse what neither holds the tissues of a body nor has the outline of any part of one."""
    if inside is Inside.UNIFORM and confidence.max() < LEAST_LIKENESS:
        raise NoBodyError(
            f"{volume.name or 'The volume'} does not look like a human body: it is filled with one "
            "substance, and its outline is that of no part of a body; check that the file, its spacing and "
            "the threshold are right."
        )


def calibration_of(settings: SilhouetteSettings, method: str) -> Calibration:
    """From the networks' own score to confidence, for one way to find the depth."""
    curve = settings.calibration[method]  # type: ignore[index]
    return Calibration(np.array(curve.scores), np.array(curve.shares))


def _evidence(
    coronal: View,
    views: Projection,
    estimates: Estimates,
    settings: SilhouetteSettings,
    model: Model,
    method: str,
) -> Evidence:
    calibration = calibration_of(settings, "network")

    def confidence(near: float, depth_error: float, place: Array) -> float:
        score = near * -np.expm1(-RADIUS_MM / max(depth_error, 1e-3))
        return float((calibration(np.array([score])) * room_before_the_end(coronal, place[None]))[0])

    maps = Maps(
        view=coronal,
        maps=_as_array(estimates.maps[0]),
        radius_mm=RADIUS_MM,
        click_mm=CLICK_MM,
        click_depth_mm=CLICK_DEPTH_MM,
        contains=lambda point: pictured(views.coronal, point) and pictured(views.lateral, point),
        confidence=confidence,
    )
    (observed,) = body_observations(estimates, settings.pixel_mm, method)
    joint = JointEvidence(
        frame=frame_of(coronal),
        answer=Answer(observed, estimates.present[0]),
        joint=model.read_joint(),
        radius=RADIUS_MM,
        judged_axes=3,
        inside=lambda points: scanned(coronal, points),
    )
    return Evidence(maps, joint)


def _as_array(maps: Tensor | Array) -> Array:
    return maps if isinstance(maps, np.ndarray) else np.asarray(maps.float().cpu().numpy())


def body_observations(estimates: Estimates, pixel_mm: float, method: str) -> list[Observed]:
    """What the networks say of every view, in mm from its first pixel along columns, rows and depth."""
    position = np.concatenate([estimates.position * pixel_mm, estimates.depth[method][..., None]], axis=-1)
    plane = np.sqrt(np.einsum("blii->bli", estimates.covariance)) * pixel_mm
    # Of a Laplace distribution, whose mean absolute error the network gives.
    depth = np.sqrt(2) * estimates.depth_error[method][..., None]
    deviation = np.concatenate([plane, depth], axis=-1)
    seen = estimates.present >= PRESENT_ABOVE
    return [Observed(*values) for values in zip(position, deviation, estimates.near, seen, strict=True)]


def frame_of(view: View) -> JointFrame:
    """Millimetres along columns, rows and depth."""
    geometry = view.geometry
    return JointFrame(geometry.origin, geometry.axes_mm / (*geometry.spacing, 1.0))


def scanned(view: View, points: Array) -> Array:
    column, row = np.rint(points[:, :2] / view.geometry.spacing).astype(int).T
    rows, columns = view.field_of_view.shape
    within = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    there = view.field_of_view[row.clip(0, rows - 1), column.clip(0, columns - 1)]
    return np.asarray(within & there)


def room_before_the_end(view: View, pixels: Array, room_mm: float = RADIUS_MM) -> Array:
    """Factor (L,) in [0, 1] on the confidence of landmarks at pixels (L, 2) near where a scan cuts the body.

    Closer than ``room_mm``, how exactly landmarks are found, to the end of the scan, one that was scanned
    cannot be told from one that was just left out.
    """
    return np.asarray(np.clip(distance_before_the_end(view, pixels) / room_mm, 0, 1))


def distance_before_the_end(view: View, pixels: Array) -> Array:
    """Distances (L,) mm of pixels (L, 2) from the end of the field of view, to a pixel; negative beyond."""
    from scipy.ndimage import distance_transform_edt

    spacing = view.geometry.spacing
    distance = distance_transform_edt(np.pad(view.field_of_view, 1), sampling=(spacing[1], spacing[0]))
    column, row = np.rint(pixels).astype(int).T + 1
    rows, columns = distance.shape
    return np.asarray(distance[np.clip(row, 0, rows - 1), np.clip(column, 0, columns - 1)] - min(spacing) / 2)


def _landmarks(model: Model, view: View, estimates: Estimates, confidence: Array, method: str) -> LandmarkSet:
    geometry = view.geometry
    pixels = estimates.position[0]
    points = np.concatenate([pixels, estimates.depth[method][0][:, None]], axis=1)
    ras = geometry.to_ras(points)
    axes = geometry.axes_mm
    rows, columns = view.field_of_view.shape
    result = []
    for n, definition in enumerate(model.protocol.landmarks):
        spread = np.zeros((3, 3))
        spread[:2, :2] = estimates.covariance[0, n]
        spread[2, 2] = 2 * estimates.depth_error[method][0, n] ** 2
        column, row = np.rint(pixels[n]).astype(int)
        scanned = 0 <= row < rows and 0 <= column < columns and bool(view.field_of_view[row, column])
        present = scanned and estimates.present[0, n] >= PRESENT_ABOVE
        trusted = confidence[n] >= UNCERTAIN_BELOW
        result.append(
            Landmark(
                name=definition.name,
                position=ras[n] if present else np.full(3, np.nan),
                status=Status.ABSENT if not present else Status.DETECTED if trusted else Status.UNCERTAIN,
                # Of an absent landmark it must not look like one that was found.
                confidence=float(confidence[n]) if present else float(min(confidence[n], 1 - confidence[n])),
                covariance=axes @ spread @ axes.T if present else None,
                description=definition.definition,
            )
        )
    return LandmarkSet(tuple(result), name=model.protocol.title)


def _implausible(
    volume: Volume,
    views: Projection,
    model: Model,
    settings: SilhouetteSettings,
    landmarks: LandmarkSet,
    sums: dict[str, float],
) -> list[Doubt]:
    """Everything a person should look at."""
    positions = landmarks.positions
    of_all = (
        orientation_warning(sums[AS_LABELLED], {k: v for k, v in sums.items() if k != AS_LABELLED}),
        mirror_warning(volume, views, positions, model.protocol.names),
    )
    distances = plausibility_warnings(model.protocol, positions, settings.length_range_mm)
    return [*distances, *(doubt for doubt in of_all if doubt is not None)]


def patch_of(view: View, smallest: tuple[int, int] | list[int]) -> View:
    """The window around the body that a network sees: ``smallest`` (rows, columns) or more multiples of 32.

    Training shows bodies in the middle of an image of that size, so they are shown there now.
    """
    margin, multiple = 4, 32
    row, column, shape = view.object_window()
    size = tuple(
        max(int(least), -(-(extent + 2 * margin) // multiple) * multiple)
        for extent, least in zip(shape, smallest, strict=True)
    )
    window = view.window(
        row - (size[0] - shape[0]) // 2, column - (size[1] - shape[1]) // 2, (size[0], size[1])
    )
    return replace(window, field_of_view=_usual_field_of_view(window))


def _usual_field_of_view(view: View, margin: int = 8) -> Array:
    """The field of view with ``margin`` pixels around the body on every side where the scan does not cut it.

    How much air was scanned beyond the body says nothing about it and must not move a landmark. A side
    where the body reaches the end of the scan is left as it is.
    """
    body, inside = view.silhouette, view.field_of_view
    row, column, (height, width) = view.object_window()
    beyond = np.pad(~inside, 1, constant_values=True)
    rows, columns = inside.shape

    def cut(down: int, right: int) -> bool:
        ends = beyond[1 + down : 1 + down + rows, 1 + right : 1 + right + columns]
        return int((body & ends).sum()) > 1

    usual = inside.copy()
    box_columns = slice(column, column + width)
    top, bottom, left, right = cut(-1, 0), cut(1, 0), cut(0, -1), cut(0, 1)
    for is_cut, outside, near in (
        (top, np.s_[:row], np.s_[max(row - margin, 0) : row]),
        (bottom, np.s_[row + height :], np.s_[row + height : row + height + margin]),
    ):
        if not is_cut:
            usual[outside] = False
            usual[near, box_columns] = True
    for is_cut, outside, near in (
        (left, np.s_[:column], np.s_[max(column - margin, 0) : column]),
        (right, np.s_[column + width :], np.s_[column + width : column + width + margin]),
    ):
        if not is_cut:
            usual[:, outside] = False
            usual[:, near] = usual[:, box_columns].any(axis=1, keepdims=True)
    return usual


def refuses_size(volume: Volume) -> InputError | None:
    """Of scans whose size in mm cannot be a body's, which mostly means a wrong spacing."""
    if volume.is_2d:
        # Refused as a single image where it is looked at: its pixels need no size for that.
        return None
    if not volume.spacing_known:
        return InputError(
            f"{volume.name or 'The volume'} does not say how large its voxels are; body landmarks need mm, "
            "so convert it to a format with spacing (NRRD, NIfTI, DICOM)."
        )
    extent = float(np.max(volume.extent_mm))
    if not SMALLEST_MM <= extent <= LARGEST_MM:
        return InputError(
            f"{volume.name or 'The volume'} is {extent:.4g} mm long, which no scan of a body is; its spacing "
            f"({', '.join(f'{s:.4g}' for s in volume.spacing)} mm) is probably wrong: "
            "correct it and try again."
        )
    return None


__getattr__ = names_of_before(__name__)
