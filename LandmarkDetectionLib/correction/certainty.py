"""How bold landmarks may follow: measured on images held out, so that hardly any is made worse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from LandmarkDetectionLib.correction.joint_gaussian import JointGaussian, Observed
from LandmarkDetectionLib.correction.propagation import propagate
from LandmarkDetectionLib.typing import Array


def choose_certainty(
    joint: JointGaussian, observed: Observed, truth: Array, tolerance: Array, radius: Array
) -> JointGaussian:
    """The joint Gaussian with the least certainty that makes hardly any landmark worse.

    The landmark with the largest expected error is corrected, one after the other, in images where something
    is wrong.

    Parameters
    ----------
    joint : JointGaussian
        With what is tried in its ``config``.
    observed : Observed
        Of M images held out, as in ``fit_joint_gaussian``.
    truth : (M, L, d)
        NaN where it is not known.
    tolerance, radius : (M,)
        How much worse matters, and how far off is wrong.
    """
    config = joint.config
    error = np.linalg.norm(truth - observed.position, axis=2)
    judged = observed.seen & np.isfinite(truth).all(axis=2)
    wrong = np.flatnonzero((judged & (error > radius[:, None])).any(axis=1))[: config.images]
    if not len(wrong):
        return joint
    for certainty in config.choices:
        candidate = replace(joint, certainty=certainty)
        worse = others = 0
        for image in wrong:
            one = Observed(*(np.asarray(value[image]) for value in observed))
            a, b = _made_worse(candidate, one, truth[image], judged[image], float(tolerance[image]))
            worse, others = worse + a, others + b
        if worse <= config.most_worse * others:
            return candidate
    return replace(joint, certainty=config.choices[-1])


def _made_worse(
    joint: JointGaussian, observed: Observed, truth: Array, judged: Array, tolerance: float
) -> tuple[int, int]:
    settled = np.zeros(joint.landmarks, bool)
    places = np.nan_to_num(truth)
    now = propagate(joint, observed, moving=False)
    worse = others = 0
    for _ in range(joint.config.corrections):
        rest = judged & ~settled
        if rest.sum() < 2:
            break
        settled[np.where(rest, now.expected_error, -1).argmax()] = True
        rest = judged & ~settled
        before = np.linalg.norm(now.position - truth, axis=1)[rest]
        now = propagate(joint, observed, settled, places, tolerance=tolerance)
        after = np.linalg.norm(now.position - truth, axis=1)[rest]
        worse, others = worse + int((after > before + tolerance).sum()), others + int(rest.sum())
    return worse, others
