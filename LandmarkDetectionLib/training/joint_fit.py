"""How landmarks lie to one another and how a network errs about them: measured when a model is packaged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from LandmarkDetectionLib.correction import JointGaussian, Observed, choose_certainty, fit_joint_gaussian
from LandmarkDetectionLib.typing import Array

#: Moves up to here never matter: mm, or pixels where their size is unknown.
TOLERANCE_MM = 2.0
#: From so many images on a fit may be judged on what it was fitted to.
MANY_IMAGES = 200


def joint_of(
    shapes: Array, observed: Observed, truth: Array, tolerance: Array, radius: Array
) -> JointGaussian:
    """Fit on all of it, and choose how bold landmarks follow.

    On few images a fit is too sure of itself: there the boldness is that of fits to one half of the images on
    the other half, the shyer of two.

    See ``correction.fit_joint_gaussian`` and ``correction.choose_certainty``.

    Raises
    ------
    ValueError
        Too few shapes.
    """
    joint = fit_joint_gaussian(shapes, observed, truth)
    if len(truth) >= MANY_IMAGES:
        return choose_certainty(joint, observed, truth, tolerance, radius)
    halves = np.arange(len(truth)) % 2 == 0
    certainty = joint.certainty
    for learned in (halves, ~halves):
        if not learned.any() or learned.all():
            continue
        half = fit_joint_gaussian(shapes, _of(observed, learned), truth[learned])
        judged = ~learned
        chosen = choose_certainty(
            half, _of(observed, judged), truth[judged], tolerance[judged], radius[judged]
        )
        certainty = max(certainty, chosen.certainty)
    return replace(joint, certainty=certainty)


def _of(observed: Observed, chosen: Array) -> Observed:
    return Observed(*(np.asarray(value)[chosen] for value in observed))
