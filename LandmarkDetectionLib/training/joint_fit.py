"""How landmarks lie to one another and how a network errs about them: measured when a model is packaged."""

from __future__ import annotations

import numpy as np

from LandmarkDetectionLib.correction import JointGaussian, Observed, choose_certainty, fit_joint_gaussian

Array = np.ndarray

#: Moves up to here never matter: mm, or pixels where their size is unknown.
TOLERANCE_MM = 2.0


def joint_of(
    shapes: Array, observed: Observed, truth: Array, tolerance: Array, radius: Array
) -> JointGaussian:
    """Fit on all of it, and choose how bold landmarks follow.

    See ``correction.fit_joint_gaussian`` and ``correction.choose_certainty``.

    Raises
    ------
    ValueError
        Too few shapes.
    """
    joint = fit_joint_gaussian(shapes, observed, truth)
    return choose_certainty(joint, observed, truth, tolerance, radius)
