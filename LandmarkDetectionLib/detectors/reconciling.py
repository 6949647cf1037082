"""Places that fit one another: a landmark that the others contradict is looked for where they expect it.

A heatmap has its highest place where the image looks most like the landmark; what lies far from all others
may be something else that looks alike. Of such a landmark the heatmap p and what the others say of it, a
Gaussian N(m, C) of the model's joint Gaussian, are taken together,

    q(x) ~ (p(x) + w / V) N(x; m, C),

w being the chance that the heatmap is about something else altogether, V the number of voxels. The most
surprising one comes first, and each only once, as every change is news for the others. That places are chosen
among a heatmap's peaks by how they lie to one another follows Donner et al. (2010), who do so by a Markov
random field.

References
----------
R. Donner, G. Langs, B. Micusik and H. Bischof, "Generalized sparse MRF appearance models", Image and Vision
Computing 28(6), 1031-1038 (2010).
"""

from __future__ import annotations

import numpy as np
import torch

from LandmarkDetectionLib.correction import JointGaussian, Observed
from LandmarkDetectionLib.heatmaps.decoding import Reading, spread
from LandmarkDetectionLib.heatmaps.gaussian import (
    decode_local_soft_argmax,
    heatmap_to_image,
    image_to_heatmap,
)
from LandmarkDetectionLib.typing import Array

#: Deviations from where the others expect a landmark above which it is looked for again. Chosen with WRONG
#: and LEAST on 75 of the 150 training images of ISBI 2015, read by a model of synthetic images alone.
SURPRISING = 2.5
#: Chance that a heatmap is about something else.
WRONG = 0.03
#: What the others say is no more exact than this, in sizes of the mean shape.
LEAST = 0.036
#: A network's own spread counts up to so many sizes: a heatmap with two peaks is broad.
BROAD = 0.073
#: So many of those that fit least are asked of the others, each time.
ASKED = 20


def reconciled(
    reading: Reading,
    observed: Observed,
    probability: torch.Tensor,
    joint: JointGaussian,
    stride: int,
    radius: float,
    scaled: bool,
) -> Reading:
    """The reading of one image, with landmarks that the others contradict looked for again.

    Parameters
    ----------
    reading : Reading
        Of one image.
    observed : Observed
        The same as the joint Gaussian takes it; what is not seen stays as it is.
    probability : (1, L, *S) tensor
        Heatmaps as distributions.
    joint
        Of the model, in input voxels.
    stride, radius
        Input voxels per heatmap voxel; that of the scores, input voxels.
    scaled
        Whether distributions sum to one and not to the presence, see ``decoding.read_distribution``.
    """
    changed: list[int] = []
    while (found := _most_surprising(observed, joint, changed)) is not None:
        number, mean, covariance = found
        place = _looked_for(probability[:, number : number + 1], mean, covariance, stride)
        position = observed.position.copy()
        position[number] = place
        observed = observed._replace(position=position)
        changed.append(number)
    return _told(reading, observed.position, changed, probability, stride, radius, scaled)


def _most_surprising(
    observed: Observed, joint: JointGaussian, changed: list[int]
) -> tuple[int, Array, Array] | None:
    """Which landmark the others contradict most, and the Gaussian that they expect it by."""
    nobody, nowhere = np.zeros(joint.landmarks, bool), np.zeros_like(observed.position)
    whole = joint.posterior(observed, nobody, nowhere)
    own = joint.deviations(observed)
    apart = np.linalg.norm(observed.position - whole.mean, axis=1)
    apart[~observed.seen] = apart[changed] = 0.0
    most, answer = SURPRISING, None
    for number in np.argsort(-apart)[:ASKED].tolist():
        if apart[number] == 0:
            continue
        seen = observed.seen.copy()
        seen[number] = False
        others = joint.posterior(observed._replace(seen=seen), nobody, nowhere)
        mean = others.mean[number]
        covariance = others.covariance[number] + (LEAST * joint.size) ** 2 * np.eye(joint.dimensions)
        spreads = np.minimum(own[number], BROAD * joint.size)
        off = observed.position[number] - mean
        surprise = float(np.sqrt(off @ np.linalg.solve(covariance + np.diag(spreads**2), off)))
        if surprise > most:
            most, answer = surprise, (number, mean, covariance)
    return answer


def _looked_for(probability: torch.Tensor, mean: Array, covariance: Array, stride: int) -> Array:
    """The best place (d,) of a distribution (1, 1, *S) and a Gaussian together, in input voxels."""
    shape = probability.shape[2:]
    middle = image_to_heatmap(torch.from_numpy(mean), stride)
    # x is the last axis.
    offsets = torch.meshgrid(
        *(torch.arange(n, dtype=torch.float64) - float(middle[-1 - axis]) for axis, n in enumerate(shape)),
        indexing="ij",
    )
    off = torch.stack(offsets[::-1], dim=-1)
    precision = torch.from_numpy(np.linalg.inv(covariance)) * stride**2
    expected = torch.exp(-0.5 * torch.einsum("...i,ij,...j->...", off, precision, off))
    both = (probability[0, 0].cpu().double() + WRONG / expected.numel()) * expected
    both = both / both.amax().clamp_min(1e-300)
    return heatmap_to_image(decode_local_soft_argmax(both[None, None]), stride)[0, 0].numpy()


def _told(
    reading: Reading,
    position: Array,
    changed: list[int],
    probability: torch.Tensor,
    stride: int,
    radius: float,
    scaled: bool,
) -> Reading:
    """The reading at other places: heatmaps say themselves how little they are spread about these."""
    if not changed:
        return reading
    places = torch.from_numpy(position[changed])[None]
    maps = probability[:, changed].cpu().double()
    covariance, near = spread(maps, image_to_heatmap(places, stride), torch.tensor(radius / stride))
    new = Reading(*(values.copy() for values in reading))
    new.position[0, changed] = position[changed]
    new.covariance[0, changed] = covariance[0].numpy() * stride**2
    new.near[0, changed] = near[0].numpy() * (new.present[0, changed] if scaled else 1.0)
    return new
