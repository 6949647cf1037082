"""Landmarks of a body from skin and bones, coarse to fine: the networks that ship.

Where no bone is in sight, as in MR, the skin alone speaks: the first look then sees no bone, there is no
second, and networks that know outlines alone tell the landmarks they know.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from LandmarkDetectionLib.core.doubts import Doubt, DoubtKind
from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.correction import Observed
from LandmarkDetectionLib.detectors import array_estimates
from LandmarkDetectionLib.detectors.analysis import Analysis
from LandmarkDetectionLib.detectors.base import (
    Step,
    detection_of,
    landmarks_of,
    refuses_channels,
    refuses_side,
    timed,
)
from LandmarkDetectionLib.detectors.bone_estimates import (
    BodyEstimates,
    BodyView,
    body_image,
    copied,
    first_look,
    look_closely,
)
from LandmarkDetectionLib.detectors.estimates import Estimates
from LandmarkDetectionLib.detectors.evidence import Evidence, Maps, pictured
from LandmarkDetectionLib.detectors.expected import of_people, with_expected
from LandmarkDetectionLib.detectors.joint import Answer, JointEvidence
from LandmarkDetectionLib.detectors.settings import BoneSettings
from LandmarkDetectionLib.detectors.silhouette import (
    AS_LABELLED,
    CLICK_DEPTH_MM,
    CLICK_MM,
    LEAST_LIKENESS,
    distance_before_the_end,
    estimate,
    frame_of,
    patch_of,
    refuses_size,
    room_before_the_end,
    scanned,
)
from LandmarkDetectionLib.detectors.spine_chain import with_spine
from LandmarkDetectionLib.errors import InputError, NoBodyError
from LandmarkDetectionLib.imaging.body.cells import BodyCells, ScannedBox
from LandmarkDetectionLib.imaging.body.patches import DEPTH_MM, SIZE, slab_input, slab_views
from LandmarkDetectionLib.imaging.body.projection import Projection, project_body
from LandmarkDetectionLib.imaging.view import View
from LandmarkDetectionLib.networks.silhouette_arrays import pixel_centres
from LandmarkDetectionLib.quality.body_evidence import Inside, composition, weighed
from LandmarkDetectionLib.quality.calibration import PRESENT_ABOVE, RADIUS_MM, UNCERTAIN_BELOW, Calibration
from LandmarkDetectionLib.quality.plausibility import (
    mirror_warning,
    none_found,
    orientation_warning,
    plausibility_warnings,
)
from LandmarkDetectionLib.quality.vertebra_levels import CHAIN as LEVEL_CHAIN
from LandmarkDetectionLib.quality.vertebra_levels import level_doubt
from LandmarkDetectionLib.typing import Array

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.options import DetectOptions
    from LandmarkDetectionLib.core.volume import Volume
    from LandmarkDetectionLib.models import Model

#: What the end of a scan cuts off is drawn inwards by so many mm, give or take (standard deviation).
DRAWN_IN_MM, GIVE_OR_TAKE_MM = 5.0, 4.0
#: Share of landmarks that must be found closely and so surely to leave the orientation without doubt.
CONVINCING, SURELY_NEAR = 0.6, 0.8
#: Bones that only skulls have, and how many of their landmarks are one.
SKULL = ("basion", "opisthion", "mastoid", "mandibular_condyle", "porion", "zygion", "gonion", "nasion")
SKULL_BONES = 6


def refuses(volume: Volume, model: Model, options: DetectOptions) -> InputError | None:
    """See ``base.Detector``."""
    if options.depth not in (None, "lateral"):
        return InputError(
            f"The model {model.name!r} reads depth from the view from the left; leave the depth to it.",
            about="depth",
        )
    return refuses_side(model, options) or refuses_channels(model, options) or refuses_size(volume)


def analyse(volume: Volume, model: Model, options: DetectOptions, step: Step) -> Analysis:
    """Find landmarks in skin and bones; see ``detectors.dispatch.analyse``."""
    seconds: dict[str, float] = {}
    settings = BoneSettings.of(model)
    with timed(seconds, "project"):
        step(0.05, "looking for the body")
        views = project_body(volume, pixel_mm=settings.pixel_mm, threshold=options.threshold, bones=True)
    with timed(seconds, "load model"):
        step(0.45, "loading the model")
        networks = array_estimates.networks_for(model, options.device)
    with timed(seconds, "networks"):
        step(0.55, "finding landmarks")
        coronal = patch_of(views.coronal, settings.coronal_shape)
        lateral = patch_of(views.lateral, settings.lateral_shape)
        mirror = np.asarray(model.protocol.mirror_permutation())
        names = model.protocol.names
        estimates = first_look(networks, body_view(coronal), body_view(lateral), settings.pixel_mm, mirror)
        if estimates.kind[0, 0] == "first" and views.cells is not None:
            step(0.7, "looking closely")
            looks = close_looks(views.cells)
            regions, pixel_mm = settings.region_rows(names), settings.region_pixel_mm
            close = look_closely(networks, estimates, regions, looks, pixel_mm, mirror)
            estimates = with_spine(networks, estimates, close, names, looks, pixel_mm)
            if (joint := model.read_joint()) is not None:
                estimates = with_expected(networks, estimates, regions, looks, pixel_mm, mirror, joint)
        elif settings.outline is not None:
            estimates = with_outline(networks, estimates, coronal, lateral, settings, names)
        # What was found closely leaves no doubt which way the body lies.
        turned = {} if convincing(estimates) else _turned(networks, coronal, settings)
    with timed(seconds, "check"):
        step(0.9, "checking the result")
        scanned_box = None if views.cells is None else views.cells.scanned
        confidence = _confidence(estimates, settings, coronal, scanned_box, names)
        inside = composition(volume, views).inside
        if inside is Inside.UNIFORM and confidence.max() < LEAST_LIKENESS:
            raise NoBodyError(
                f"{volume.name or 'The volume'} does not look like a human body: it is filled with one "
                "substance, and its outline is that of no part of a body; check that the file, its spacing "
                "and the threshold are right."
            )
        covariance = calibrated_covariance(estimates, settings, names)[0]
        found = _landmarks(model, coronal, estimates, covariance, confidence).positions
        confidence, level = weighed_levels(names, found, covariance, confidence)
        skull = shows_a_skull(estimates, confidence, names)
        weight, doubts = weighed(volume, views, inside, names, found, confidence, skull)
        landmarks = _landmarks(model, coronal, estimates, covariance, weight)
        positions = landmarks.positions
        # What is uncertain is said to be; that it lies oddly is no news.
        surely = np.where((weight >= UNCERTAIN_BELOW)[:, None], positions, np.nan)
        of_all = (
            orientation_warning(turned.pop(AS_LABELLED), turned) if turned else None,
            mirror_warning(volume, views, positions, names),
        )
        doubted = [
            *none_found(volume, model, landmarks),
            *doubts,
            *level,
            *plausibility_warnings(model.protocol, surely, settings.length_range_mm),
            *(doubt for doubt in of_all if doubt is not None),
        ]
    step(1.0, "done")
    detection = detection_of(
        model,
        landmarks,
        doubted,
        seconds,
        threshold=views.threshold,
        depth="lateral",
        device=options.device,
        notes=list(views.notes),
        confidence=f"probability of lying in the scan and within {RADIUS_MM:g} mm",
    )
    state = _evidence(coronal, views, estimates, covariance, settings, model)
    return Analysis(detection, views, state)


def convincing(estimates: BodyEstimates) -> bool:
    """Whether most of what lies in a scan was found by close looks, and surely."""
    present = estimates.present[0] >= PRESENT_ABOVE
    sure = present & (estimates.kind[0] == "close") & (estimates.near[0] >= SURELY_NEAR)
    return bool(sure.sum() > CONVINCING * max(present.sum(), 1))


def shows_a_skull(estimates: BodyEstimates, confidence: Array, names: Sequence[str]) -> bool:
    """Whether close looks found bones of a skull surely, so many that no other part of a body has them."""
    found = (estimates.kind[0] == "close") & (confidence >= SURELY_NEAR)
    return sum(bool(found[n]) for n, name in enumerate(names) if name.startswith(SKULL)) >= SKULL_BONES


def body_view(view: View) -> BodyView:
    """What the first look is shown of a view, and where its first pixel lies."""
    geometry = view.geometry
    origin = np.array([[geometry.origin @ geometry.column_axis, geometry.origin @ geometry.row_axis]])
    bone, depth = (None if part is None else part[None] for part in (view.bone, view.bone_depth))
    image = body_image(view.front[None], view.back[None], view.field_of_view[None], bone, depth)
    return BodyView(image, origin)


def close_looks(cells: BodyCells, half_mm: float = 80.0) -> Any:
    """Pictures of slabs about places of one scan; see ``bone_estimates.Look``."""

    def look(middles: Array, scans: Array) -> tuple[Array, Array]:
        del scans  # there is one
        sides: tuple[list[Array], list[Array]] = ([], [])
        for middle in middles:
            for side, seen in zip(
                sides, slab_views(cells, middle, (half_mm, half_mm, DEPTH_MM), size=(SIZE, SIZE)), strict=True
            ):
                side.append(
                    slab_input(
                        seen.silhouette[None],
                        seen.bone[None],
                        seen.bone_depth[None],
                        seen.field_of_view[None],
                    )[0]
                )
        return np.stack(sides[0]), np.stack(sides[1])

    return look


def _turned(networks: dict[str, Any], coronal: View, settings: BoneSettings) -> dict[str, float]:
    """Sums of confidence as labelled, and with the axes turned, by outline and depth where those are known.

    Bones look much the same from the front and from behind.
    """
    from LandmarkDetectionLib.detectors.bone_estimates import run
    from LandmarkDetectionLib.networks.silhouette_arrays import decode, distribution, mass_within

    front, back, inside = coronal.front, coronal.back, coronal.field_of_view
    bone = np.zeros_like(front) if coronal.bone is None else coronal.bone
    depth = np.full_like(front, np.nan) if coronal.bone_depth is None else coronal.bone_depth
    turns = {
        AS_LABELLED: (front, back, inside, bone, depth),
        "back to front": tuple(a[:, ::-1] for a in (-back, -front, inside, bone, -depth)),
        "upside down": tuple(a[::-1] for a in (front, back, inside, bone, depth)),
        "both": tuple(a[::-1] for a in (-back, -front, inside, bone, -depth)),
    }
    views = [np.stack(parts) for parts in zip(*turns.values(), strict=True)]
    if settings.outline is not None:
        said = _by_outline(networks, settings, (views[0], views[1], views[2]))
        stored = settings.outline.calibration
        curve = Calibration(np.array(stored.scores), np.array(stored.shares))
        return dict(zip(turns, curve(said.score("network")).sum(axis=1).tolist(), strict=True))
    image = body_image(*views)
    network = networks["coronal"]
    maps = run(network, image)
    probability, present = distribution(maps.logits, maps.absent)
    place, _, _ = decode(probability, stride=network.stride)
    near = mass_within(probability, place, RADIUS_MM / settings.pixel_mm, network.stride)
    return dict(zip(turns, (near * present).sum(axis=1).tolist(), strict=True))


def score(estimates: BodyEstimates) -> Array:
    """The networks' own probability (B, L) of lying in the scan and near the place, to be calibrated."""
    return np.asarray(estimates.near * estimates.present)


def _confidence(
    estimates: BodyEstimates,
    settings: BoneSettings,
    coronal: View,
    scanned_box: ScannedBox | None,
    names: Sequence[str],
) -> Array:
    own, kind = score(estimates)[0], estimates.kind[0]
    confidence = np.zeros(len(own))
    for one in np.unique(kind):
        curve = settings.outline.calibration if one == "outline" else settings.calibration[one]  # type: ignore
        calibration = Calibration(np.array(curve.scores), np.array(curve.shares))
        said = calibration(own) * settings.reliability_of(str(one), names)
        confidence = np.where(kind == one, said, confidence)
    places = estimates.position[0]
    coarse = distance_before_the_end(coronal, coronal.geometry.from_ras(places)[:, :2])
    close = distance_to_the_end(coronal, scanned_box, places)
    return np.asarray(confidence * likely_inside(kind, np.where(kind == "close", close, coarse)))


def likely_inside(kind: Array, distance_mm: Array) -> Array:
    """Factor (...) on the confidence of places (...) so far before the end of a scan, by what they rest on.

    Curves of calibration are of landmarks that no end is near (``bone_package``), so that it counts once.
    """
    return np.where(kind == "close", chance_inside(distance_mm), np.clip(distance_mm / RADIUS_MM, 0, 1))


def chance_inside(distance_mm: Array) -> Array:
    """Chance (L,) that what was found closely, this far before the end of a scan, lies in the scan at all."""
    from scipy.special import ndtr

    return np.asarray(ndtr((distance_mm - DRAWN_IN_MM) / GIVE_OR_TAKE_MM))


def distance_to_the_end(view: View, scanned_box: ScannedBox | None, places: Array) -> Array:
    """Distances (L,) mm of places (L, 3) RAS mm from where a scan cuts the body; negative beyond.

    Parameters
    ----------
    view
        From the front, its field of view open where the scan does not cut the body: exact to a pixel.
    scanned_box
        The voxels' own box, exact, but unaware of what it cuts.
    """
    ends = distance_before_the_end(view, view.geometry.from_ras(places)[:, :2])
    if scanned_box is None:
        return ends
    return np.maximum(scanned_box.depth_of(places), ends - view.geometry.spacing[0])


def calibrated_covariance(estimates: BodyEstimates, settings: BoneSettings, names: Sequence[str]) -> Array:
    """Covariances (B, L, 3, 3) mm2 that hold what they promise on bodies that training never saw."""
    factor = np.ones(estimates.present.shape)
    for kind in settings.spread:
        factor = np.where(estimates.kind == kind, settings.spread_of(kind, names), factor)
    return np.asarray(estimates.covariance * factor[..., None, None] ** 2)


def with_outline(
    networks: dict[str, Any],
    first: BodyEstimates,
    coronal: View,
    lateral: View,
    settings: BoneSettings,
    names: Sequence[str],
) -> BodyEstimates:
    """The first look's answer, and of the landmarks that outlines tell what the outline's networks say."""
    outline = settings.outline
    assert outline is not None
    method = outline.depth_method
    first_mm = coronal.geometry.from_ras(lateral.geometry.to_ras(np.zeros((1, 3))))[0, 2]
    said = _by_outline(
        networks,
        settings,
        (coronal.front[None], coronal.back[None], coronal.field_of_view[None]),
        (lateral.front[None], lateral.back[None], lateral.field_of_view[None]),
        np.array([first_mm], np.float32),
    )
    rows = np.array([list(names).index(name) for name in outline.names])
    points = np.concatenate([said.position[0], said.depth[method][0][:, None]], axis=1)
    spread = np.zeros((len(rows), 3, 3))
    spread[:, :2, :2] = said.covariance[0]
    spread[:, 2, 2] = 2 * said.depth_error[method][0] ** 2  # of a Laplace distribution
    axes = coronal.geometry.axes_mm
    answer = copied(first)
    answer.position[0, rows] = coronal.geometry.to_ras(points)
    answer.covariance[0, rows] = axes @ spread @ axes.T
    answer.present[0, rows] = said.present[0]
    # Their score weighs depth, but not presence, which ``score`` multiplies with.
    answer.near[0, rows] = np.minimum(said.score(method)[0] / np.maximum(said.present[0], 1e-6), 1)
    answer.kind[0, rows] = "outline"
    return answer


def _by_outline(
    networks: dict[str, Any],
    settings: BoneSettings,
    coronal: tuple[Array, Array, Array],
    lateral: tuple[Array, Array, Array] | None = None,
    lateral_first_mm: Array | None = None,
) -> Estimates:
    """What the networks of outlines say; see ``silhouette.estimate``."""
    outline = settings.outline
    assert outline is not None
    return estimate(
        {view: networks[f"skin_{view}"] for view in ("coronal", "lateral")},
        coronal,
        lateral,
        lateral_first_mm,
        settings.pixel_mm,
        outline.mirror(),
        np.array([outline.mean_depth_mm[name] for name in outline.names]),
        np.array([outline.mean_depth_error_mm[name] for name in outline.names]),
    )


def weighed_levels(
    names: Sequence[str], found: Array, covariance: Array, confidence: Array
) -> tuple[Array, tuple[Doubt, ...]]:
    """Confidence (L,) after the numbers of the vertebrae were judged, and what speaks against them.

    Parameters
    ----------
    found : (L, 3) RAS mm
        NaN where absent.
    covariance : (L, 3, 3) mm2
    confidence : (L,)
    """
    rows = {name: n for n, name in enumerate(names) if name in LEVEL_CHAIN and np.isfinite(found[n]).all()}
    doubt = level_doubt(
        {name: found[n] for name, n in rows.items()},
        {name: covariance[n] for name, n in rows.items()},
        {name: float(confidence[n]) for name, n in rows.items()},
    )
    if not doubt.text:
        return confidence, ()
    lowered = confidence.copy()
    lowered[list(rows.values())] *= doubt.factor
    return lowered, (Doubt(doubt.text, DoubtKind.LEVEL, tuple(rows)),)


def _landmarks(
    model: Model, view: View, estimates: BodyEstimates, covariance: Array, confidence: Array
) -> LandmarkSet:
    present = scanned(view, frame_of(view).from_ras(estimates.position[0]))
    present &= estimates.present[0] >= PRESENT_ABOVE
    # Of an absent landmark it must not look like one that was found.
    said = np.where(present, confidence, np.minimum(confidence, 1 - confidence))
    return landmarks_of(model, estimates.position[0], present, said, covariance)


def _evidence(
    coronal: View,
    views: Projection,
    estimates: BodyEstimates,
    covariance: Array,
    settings: BoneSettings,
    model: Model,
) -> Evidence:
    curve = settings.calibration["skin" if (estimates.kind == "skin").any() else "first"]
    calibration = Calibration(np.array(curve.scores), np.array(curve.shares))

    def confidence(near: float, depth_error: float, place: Array) -> float:
        own = near * -np.expm1(-RADIUS_MM / max(depth_error, 1e-3))
        return float((calibration(np.array([own])) * room_before_the_end(coronal, place[None]))[0])

    column, row, depth = coronal.geometry.from_ras(estimates.position[0]).T
    # Half the first look's cells, in which the answer itself is seen, too.
    seen = estimates.maps[0].repeat(2, axis=1).repeat(2, axis=2) / 4
    shape = seen.shape[1:]
    stride = coronal.silhouette.shape[0] // shape[0]
    pixel = coronal.geometry.spacing[0]
    across = (pixel_centres(shape[1], stride) - column[:, None])[:, None] * pixel
    along = (pixel_centres(shape[0], stride) - row[:, None])[..., None] * pixel
    # Of a Laplace distribution; away from where it was found nobody looked how deep the landmark would lie.
    error = np.sqrt(covariance[:, 1, 1, None, None] / 2 + (across**2 + along**2) / 4)
    width = (pixel * stride / 2) ** 2
    spot = np.exp(
        -0.5 * across**2 / (covariance[:, 0, 0] + width)[:, None, None]
        - 0.5 * along**2 / (covariance[:, 2, 2] + width)[:, None, None]
    )
    spot /= np.maximum(spot.sum(axis=(1, 2), keepdims=True), 1e-12)
    sure = score(estimates)[0][:, None, None]
    maps = Maps(
        view=coronal,
        maps=np.stack(
            [
                (1 - sure) * seen + sure * spot,
                np.broadcast_to(depth[:, None, None], error.shape),
                error,
            ]
        ).astype(np.float32),
        radius_mm=RADIUS_MM,
        click_mm=CLICK_MM,
        click_depth_mm=CLICK_DEPTH_MM,
        contains=lambda point: pictured(views.coronal, point) and pictured(views.lateral, point),
        confidence=confidence,
        stride=stride,
    )
    frame = frame_of(coronal)
    placed = estimates._replace(position=frame.from_ras(estimates.position[0])[None])
    joint = JointEvidence(
        frame=frame,
        answer=Answer(observed_in(placed, covariance[None])[0], estimates.present[0]),
        joint=None if (joint := model.read_joint()) is None else of_people(joint),
        radius=RADIUS_MM,
        judged_axes=3,
        inside=lambda points: scanned(coronal, points),
    )
    return Evidence(maps, joint)


def observed_in(estimates: BodyEstimates, covariance: Array) -> list[Observed]:
    """What the networks say of every scan, of positions along columns, rows and depth.

    Parameters
    ----------
    estimates : BodyEstimates
        Positions in mm along -right, -superior and -anterior.
    covariance : (B, L, 3, 3) mm2
        Along right, anterior and superior.
    """
    deviation = np.sqrt(np.einsum("blii->bli", covariance))[..., [0, 2, 1]]
    seen = estimates.present >= PRESENT_ABOVE
    parts = zip(estimates.position, deviation, estimates.near, seen, strict=True)
    return [Observed(*values) for values in parts]
