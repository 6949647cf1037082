"""Every number that corrections rest on, in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CorrectionConfig:
    """How a joint Gaussian is learned and what it makes of a correction. Sizes are those of the mean shape.

    Attributes
    ----------
    anywhere
        Deviation of the landmarks' common place, in sizes: they may lie anywhere.
    own_shape
        Deviation of every coordinate beside the learned one, in sizes: no two bodies are alike.
    degrees, iterations
        Degrees of freedom of the errors (Student's t), and how often they are weighed anew.
    least_doubt, least_deviation
        Probabilities of not being near are told apart down to this one, deviations down to this share of the
        size.
    most_deviation
        No answer is said to be less exact than this, in sizes, which is as good as none.
    shrunk
        Shapes that count as much as one coordinate against shrinking their covariance.
    clipped
        Errors beyond so many deviations count as that many: one lost landmark must not make all correlations.
    halved_at
        Correlations seen in so few images are halved.
    own_calibration, least_calibration
        A landmark's own calibration needs so many errors; with fewer it shares that of all, and with fewer
        than the second the network is believed.
    least_error, least_diagonal, least_shape
        Least variance of any combination of standardised errors, of any single one, and of shapes as a share
        of the largest.
    choices
        Certainties to choose from, from bold to shy.
    most_worse
        Share of the other landmarks that a correction may move farther from the truth by more than the
        tolerance.
    corrections, images
        Corrections that are tried in one image, and images that are tried.
    """

    anywhere: float = 20.0
    own_shape: float = 0.005
    degrees: float = 4.0
    iterations: int = 3
    least_doubt: float = 1e-3
    least_deviation: float = 0.002
    most_deviation: float = 20.0
    shrunk: float = 10.0
    clipped: float = 5.0
    halved_at: int = 30
    own_calibration: int = 200
    least_calibration: int = 10
    least_error: float = 0.02
    least_diagonal: float = 0.2
    least_shape: float = 1e-6
    choices: tuple[float, ...] = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0)
    most_worse: float = 0.012
    corrections: int = 3
    images: int = 300


CONFIG = CorrectionConfig()
