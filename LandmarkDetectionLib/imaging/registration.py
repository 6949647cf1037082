"""Affine registration of an image to a template crop by mutual information, before a network sees it.

Every image of a data set is brought to where the template's anatomy lies (Reddy et al. 2021, section IV), so
that a network meets little variation of place and size; predictions are mapped back by the inverse. Mattes'
mutual information (Mattes et al. 2003) in SimpleITK, from several starts, first similarity, then affine, from
coarse to fine. Sampling is seeded: the same images give the same matrix.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from LandmarkDetectionLib.core.geometry import Affine, ras_from_lps
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.itk import quiet

#: Voxels along the longest side of the finest images that are compared; finer ones move a landmark by less
#: than a network's error and take longer.
FINEST = {2: 256, 3: 96}
BINS = 32
#: A factor of the size along any axis beyond these is no person's, but a failure.
PLAUSIBLE_SCALE = (0.5, 2.0)
#: Axes of a plausible affine map differ by less than this factor.
PLAUSIBLE_RATIO = 1.6
#: Share of the template that must lie in the image.
LEAST_OVERLAP = 0.5


@dataclass(frozen=True, eq=False)
class AffineAlignment:
    """Where an image lies in a template's space.

    Attributes
    ----------
    matrix
        (4, 4) from RAS mm of the image to RAS mm of the template.
    quality
        Mattes mutual information (nats) over the template under ``matrix``; 0 when it could not be measured.
    start_quality
        The same without registration (see ``warning``).
    seconds
        How long registering took.
    warning
        Empty, or why the registration was given up: ``matrix`` then only places the template's box on the
        image, unturned.
    """

    matrix: np.ndarray
    quality: float
    start_quality: float
    seconds: float
    warning: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the registration was kept."""
        return not self.warning

    @property
    def affine(self) -> Affine:
        """``matrix`` as a map of points."""
        return Affine(self.matrix)


def register_to_template(image: Volume, template: Volume, *, seed: int = 0) -> AffineAlignment:
    """Find the affine map from an image to a template.

    Parameters
    ----------
    image, template
        Two volumes or two radiographs; see :mod:`LandmarkDetectionLib.imaging.template` for choosing the
        template. Of radiographs the planes are registered, each in its own axes; unknown pixel sizes must be
        alike.
    seed
        Of the samples that the mutual information is estimated from.

    Returns
    -------
    AffineAlignment
        With a warning, and only the template's box placed on the image, when the registration failed: no
        better than its start, an implausible size, a mirror image, or little of the template in the image.

    Raises
    ------
    InputError
        One is a volume and the other a radiograph, or one is one grey value only.
    """
    started = time.perf_counter()
    _check(image, template)
    d = 2 if image.is_2d else 3
    fixed, moving = (_as_itk(volume, d) for volume in (template, image))
    box_only = _box_only(_centre(fixed), moving, fixed, d)
    best: np.ndarray | None = None
    reason = ""
    with quiet(_sitk()):
        start_quality = _quality(box_only, fixed, moving, seed)
        try:
            best = _registered(fixed, moving, d, seed)
        except RuntimeError:
            reason = "the images have too little in common"
        quality = _quality(best, fixed, moving, seed) if best is not None else start_quality
    if best is not None:
        reason = _implausible(best, d, _overlap(best, fixed, moving))
        if not reason and not quality >= start_quality:
            reason = "it fits no better than before"
    warning = ""
    if reason or best is None:
        best, quality = box_only, start_quality
        warning = (
            f"{image.name or 'The image'} could not be registered to the template ({reason}); "
            "the template's box is used as it is."
        )
    matrix = _to_ras(best, image, template, d)
    return AffineAlignment(matrix, quality, start_quality, time.perf_counter() - started, warning)


def resample_to_template(image: Volume, template: Volume, alignment: AffineAlignment) -> Volume:
    """The image on the template's voxels, float32; what lies outside the image has its least value.

    Linear interpolation; an image much finer than the template is averaged first.
    """
    from scipy.ndimage import affine_transform

    whole = template.ijk_to_ras
    to_ijk = (image.affine.inverse @ alignment.affine.inverse @ template.affine).matrix
    steps = np.maximum(np.abs(to_ijk[:3, :3]).max(axis=1).round().astype(int), 1)
    if image.is_2d:
        steps[2] = 1
    voxels = averaged(image.voxels, steps)
    # A block of n voxels has its centre (n - 1) / 2 behind its first voxel.
    to_block = np.diag([*(1 / steps), 1.0])
    to_block[:3, 3] = -(steps - 1) / 2 / steps
    matrix = to_block @ to_ijk
    flipped = np.eye(4)[[2, 1, 0, 3]]  # arrays are (k, j, i)
    matrix = flipped @ matrix @ flipped
    if image.is_2d:
        matrix[0] = [0, 0, 0, 0]
    result = affine_transform(
        voxels, matrix[:3, :3], matrix[:3, 3], template.shape, np.float32, order=1,
        mode="constant", cval=float(image.voxels.min()),
    )  # fmt: skip
    return Volume(result, whole, image.modality, image.name, template.spacing_known)


# --- geometry ---------------------------------------------------------------------------------------------


def _check(image: Volume, template: Volume) -> None:
    if image.is_2d != template.is_2d:
        kinds = ["a radiograph" if volume.is_2d else "a volume" for volume in (image, template)]
        raise InputError(
            f"{image.name or 'The image'} is {kinds[0]} and the template is {kinds[1]}; "
            "register images of one kind."
        )
    for volume, name in ((image, image.name or "The image"), (template, "The template")):
        if volume.voxels.min() == volume.voxels.max():
            raise InputError(f"{name} is one grey value only; check how it was exported.")


def _plane(volume: Volume) -> np.ndarray:
    """(4, 4) from mm along a radiograph's own axes, counted from the origin of RAS, to RAS mm."""
    matrix = volume.ijk_to_ras.copy()
    matrix[:3, :3] /= volume.spacing
    matrix[:3, 3] = matrix[:3, 2] * np.linalg.solve(matrix[:3, :3], matrix[:3, 3])[2]
    return matrix


def _to_ras(fixed_to_moving: np.ndarray, image: Volume, template: Volume, d: int) -> np.ndarray:
    """(4, 4) image RAS to template RAS, of a map from the template to the image in the frames of ITK."""
    inverse = Affine(fixed_to_moving).inverse
    if d == 3:
        # The change between LPS and RAS is its own inverse.
        return ras_from_lps(ras_from_lps(inverse.matrix).T).T
    return (Affine(_plane(template)) @ inverse @ Affine(_plane(image)).inverse).matrix


def averaged(voxels: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Means of blocks of (i, j, k) voxels, float32; an incomplete block at the end is left out."""
    blocks = np.minimum(steps[::-1], voxels.shape)
    if (blocks == 1).all():
        return voxels.astype(np.float32)
    size = np.array(voxels.shape) // blocks
    result = np.zeros(size, np.float32)
    for offset in product(*(range(n) for n in blocks)):
        result += voxels[tuple(slice(o, o + n * b, b) for o, n, b in zip(offset, size, blocks, strict=True))]
    return np.asarray(result / float(np.prod(blocks)))


def _sitk() -> Any:
    import SimpleITK as sitk  # noqa: N813

    return sitk


def _as_itk(volume: Volume, d: int) -> Any:
    """A float image of at most FINEST voxels along each side, outlying grey values clipped."""
    sitk = _sitk()
    # Voxels as nearly cubes as whole blocks allow.
    finest = float(volume.extent_mm[:d].max()) / FINEST[d]
    steps = np.maximum(np.round(finest / volume.spacing), 1).astype(int)
    if d == 2:
        steps[2] = 1
    voxels = averaged(volume.voxels, steps)
    low, high = np.percentile(voxels, (0.5, 99.5))
    if high > low:
        voxels = np.clip(voxels, low, high)
    spacing = volume.spacing * steps
    image = sitk.GetImageFromArray(voxels[0] if d == 2 else voxels)
    image.SetSpacing(spacing[:d].tolist())
    offset = (steps - 1) / 2
    if d == 2:
        corner = np.linalg.solve(_plane(volume), volume.ijk_to_ras[:, 3])[:2]
        image.SetOrigin((corner + (offset * volume.spacing)[:2]).tolist())
        return image
    matrix = ras_from_lps(volume.ijk_to_ras)
    image.SetOrigin((matrix[:3, 3] + matrix[:3, :3] @ offset).tolist())
    image.SetDirection((matrix[:3, :3] / volume.spacing).ravel().tolist())
    return image


def _centre(image: Any) -> np.ndarray:
    middle = [(n - 1) / 2 for n in image.GetSize()]
    return np.array(image.TransformContinuousIndexToPhysicalPoint(middle))


def _grid(image: Any, count: int = 9) -> np.ndarray:
    """(count^d, d) points spread over an image, in its physical frame."""
    axes = [np.linspace(0, n - 1, count) for n in image.GetSize()]
    indices = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))
    direction = np.reshape(image.GetDirection(), (len(axes), len(axes))) * image.GetSpacing()
    return np.asarray(indices @ direction.T + image.GetOrigin())


def _overlap(matrix: np.ndarray, fixed: Any, moving: Any) -> float:
    """Share of the template that a map (4, 4) puts into the image."""
    d = fixed.GetDimension()
    points = _grid(fixed) @ matrix[:d, :d].T + matrix[:d, 3]
    direction = np.reshape(moving.GetDirection(), (d, d)) * moving.GetSpacing()
    index = np.linalg.solve(direction, (points - moving.GetOrigin()).T).T
    return float(((index >= -0.5) & (index <= np.array(moving.GetSize()) - 0.5)).all(axis=1).mean())


def _similarity(
    scale: float, shift: np.ndarray, centre: np.ndarray, d: int, angle: float = 0.0
) -> np.ndarray:
    """(4, 4) that scales about ``centre``, turns there (in the first plane), and then moves by ``shift``."""
    matrix = np.eye(4)
    matrix[:d, :d] *= scale
    cosine, sine = np.cos(angle), np.sin(angle)
    matrix[:2, :2] = matrix[:2, :2] @ [[cosine, -sine], [sine, cosine]]
    matrix[:d, 3] = centre - matrix[:d, :d] @ centre + shift
    return matrix


def _box_only(centre: np.ndarray, moving: Any, fixed: Any, d: int) -> np.ndarray:
    """The identity where it puts the template into the image, else centre onto centre."""
    identity = np.eye(4)
    if _overlap(identity, fixed, moving) >= LEAST_OVERLAP:
        return identity
    return _similarity(1.0, _centre(moving) - centre, centre, d)


def _implausible(matrix: np.ndarray, d: int, overlap: float) -> str:
    linear = matrix[:d, :d]
    if not np.isfinite(matrix).all() or np.linalg.det(linear) <= 0:
        return "it came out mirrored"
    scales = np.linalg.svd(linear, compute_uv=False)
    low, high = PLAUSIBLE_SCALE
    if scales.min() < low or scales.max() > high or scales.max() / scales.min() > PLAUSIBLE_RATIO:
        return f"it came out {scales.min():.2g} to {scales.max():.2g} times as large"
    if overlap < LEAST_OVERLAP:
        return f"only {overlap:.0%} of the template came to lie in the image"
    return ""


# --- registering ------------------------------------------------------------------------------------------


def _method(seed: int, samples: int, fixed: Any, shrink: int, smooth: float) -> Any:
    sitk = _sitk()
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(BINS)
    # Several threads add up in the order in which they finish, which would change the last digits.
    method.SetNumberOfThreads(1)
    method.SetNumberOfWorkUnits(1)
    voxels = float(np.prod([max(n // shrink, 1) for n in fixed.GetSize()]))
    if samples < voxels:
        method.SetMetricSamplingStrategy(method.RANDOM)
        # 0 would mean the time of day.
        method.SetMetricSamplingPercentage(samples / voxels, seed + 1)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetShrinkFactorsPerLevel([shrink])
    method.SetSmoothingSigmasPerLevel([smooth])
    method.SetSmoothingSigmasAreSpecifiedInPhysicalUnits(False)
    return method


def _as_affine(matrix: np.ndarray, centre: np.ndarray, d: int) -> Any:
    transform = _sitk().AffineTransform(d)
    transform.SetCenter(centre.tolist())
    transform.SetMatrix(matrix[:d, :d].ravel().tolist())
    transform.SetTranslation((matrix[:d, :d] @ centre + matrix[:d, 3] - centre).tolist())
    return transform


def _as_matrix(transform: Any, d: int) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:d, :d] = np.reshape(transform.GetMatrix(), (d, d))
    centre = np.array(transform.GetCenter())
    matrix[:d, 3] = np.array(transform.GetTranslation()) + centre - matrix[:d, :d] @ centre
    return matrix


def _quality(matrix: np.ndarray, fixed: Any, moving: Any, seed: int) -> float:
    method = _method(seed, 40_000, fixed, 1, 0)
    method.SetInitialTransform(_as_affine(matrix, _centre(fixed), fixed.GetDimension()))
    try:
        return -float(method.MetricEvaluate(fixed, moving))
    except RuntimeError:  # no sample lies in both
        return 0.0


def _starts(fixed: Any, moving: Any, d: int) -> Iterator[np.ndarray]:
    """The template as it lies, on the image's centre, on its centre of mass; moved about, scaled, turned."""
    centre, mass = _centre(fixed), _centre_of_mass(fixed)
    extent = np.array(fixed.GetSize()) * fixed.GetSpacing()
    shifts = [np.zeros(d), _centre(moving) - centre, _centre_of_mass(moving) - mass]
    offsets = (-0.2, 0.0, 0.2) if d == 3 else (-0.3, -0.15, 0.0, 0.15, 0.3)
    direction = np.reshape(fixed.GetDirection(), (d, d))
    places = [(steps, 1.0, 0.0) for steps in product(offsets, repeat=d)]
    places += [((0.0,) * d, scale, 0.0) for scale in (0.75, 0.87, 1.15, 1.33)]
    if d == 2:
        places += [((0.0, 0.0), 1.0, angle) for angle in (-0.4, -0.2, 0.2, 0.4)]
    for shift, (steps, scale, angle) in product(shifts, places):
        matrix = _similarity(scale, shift + direction @ (np.array(steps) * extent), centre, d, angle)
        if _overlap(matrix, fixed, moving) >= 0.8:
            yield matrix


def _centre_of_mass(image: Any) -> np.ndarray:
    """Of what is brighter than the mean, by how much: shapes, not backgrounds, are compared."""
    array = _sitk().GetArrayViewFromImage(image)
    weights = np.clip(array - array.mean(), 0, None)
    total = float(weights.sum())
    d = weights.ndim
    index = [
        float((weights.sum(axis=tuple(a for a in range(d) if a != axis)) * np.arange(n)).sum()) / total
        for axis, n in enumerate(weights.shape)
    ]
    return np.array(image.TransformContinuousIndexToPhysicalPoint(index[::-1]))


def _registered(fixed: Any, moving: Any, d: int, seed: int) -> np.ndarray:
    """The best of a few starts, taken through similarity to affine and from coarse to fine."""
    shrink = max(1, round(min(fixed.GetSize()) / (32 if d == 2 else 16)))
    scorer = _method(seed, 4_000, fixed, 1, 0)
    coarse, coarse_moving = (_smoothed(image, shrink) for image in (fixed, moving))
    scored: list[tuple[float, int, np.ndarray]] = []
    for start in _starts(fixed, moving, d):
        scorer.SetInitialTransform(_as_affine(start, _centre(fixed), d))
        scored.append((float(scorer.MetricEvaluate(coarse, coarse_moving)), len(scored), start))
    if not scored:
        raise RuntimeError("no start puts the template into the image")
    finals = []
    for _, number, start in _distinct(sorted(scored)[:20], fixed)[:3]:
        matrix = _optimised(start, fixed, moving, d, seed, affine=False, shrink=shrink)
        if not _implausible(matrix, d, _overlap(matrix, fixed, moving)):
            scorer.SetInitialTransform(_as_affine(matrix, _centre(fixed), d))
            finals.append((float(scorer.MetricEvaluate(coarse, coarse_moving)), number, matrix))
    if not finals:
        raise RuntimeError("no start led anywhere plausible")
    for _, _, matrix in sorted(finals, key=lambda final: final[:2]):
        # Coarser images hold too few voxels for the joint histogram of so free a map.
        for level in (2, 1):
            matrix = _optimised(matrix, fixed, moving, d, seed, affine=True, shrink=level)
        if not _implausible(matrix, d, _overlap(matrix, fixed, moving)):
            return matrix
    return matrix


def _smoothed(image: Any, shrink: int) -> Any:
    sitk = _sitk()
    factors = [min(shrink, n) for n in image.GetSize()]
    return sitk.BinShrink(image, factors)


def _distinct(scored: list[tuple[float, int, np.ndarray]], fixed: Any) -> list[tuple[float, int, np.ndarray]]:
    """The best starts, without those that lie next to a better one."""
    d = fixed.GetDimension()
    apart = 0.1 * float((np.array(fixed.GetSize()) * fixed.GetSpacing()).max())
    centre = _centre(fixed)
    kept: list[tuple[float, int, np.ndarray]] = []
    for one in scored:
        place = one[2][:d, :d] @ centre + one[2][:d, 3]
        others = [other[2][:d, :d] @ centre + other[2][:d, 3] for other in kept]
        if all(np.linalg.norm(place - other) > apart for other in others):
            kept.append(one)
    return kept


def _optimised(
    matrix: np.ndarray, fixed: Any, moving: Any, d: int, seed: int, *, affine: bool, shrink: int
) -> np.ndarray:
    sitk = _sitk()
    method = _method(seed, 20_000, fixed, shrink, 0.5 * shrink if shrink > 1 else 0.0)
    transform = _as_affine(matrix, _centre(fixed), d)
    if not affine:
        similarity = sitk.Similarity2DTransform() if d == 2 else sitk.Similarity3DTransform()
        similarity.SetCenter(transform.GetCenter())
        similarity.SetTranslation(transform.GetTranslation())
        similarity.SetScale(float(np.linalg.det(matrix[:d, :d])) ** (1 / d))
        if d == 2:
            similarity.SetAngle(float(np.arctan2(matrix[1, 0], matrix[0, 0])))
        transform = similarity
    # An affine map has more to shear and runs off with longer steps.
    step = (0.3 if affine else 2.0) * shrink * max(fixed.GetSpacing())
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=step, minStep=0.002 * step, numberOfIterations=100, relaxationFactor=0.6,
        gradientMagnitudeTolerance=1e-6,
    )  # fmt: skip
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInitialTransform(transform, inPlace=True)
    method.Execute(fixed, moving)
    return _as_matrix(transform, d)
