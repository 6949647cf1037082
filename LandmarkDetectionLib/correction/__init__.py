"""What the other landmarks should do when a person moves one; arithmetic on positions, no images."""

from LandmarkDetectionLib._renamed import names_of_before
from LandmarkDetectionLib.correction.certainty import choose_certainty
from LandmarkDetectionLib.correction.config import CorrectionConfig
from LandmarkDetectionLib.correction.fitting import fit_joint_gaussian, of_shapes
from LandmarkDetectionLib.correction.joint_gaussian import JointGaussian, Observed
from LandmarkDetectionLib.correction.propagation import Propagated, propagate
from LandmarkDetectionLib.correction.tensors import joint_from_bytes, joint_to_bytes

__all__ = [
    "CorrectionConfig",
    "JointGaussian",
    "Observed",
    "Propagated",
    "choose_certainty",
    "fit_joint_gaussian",
    "joint_from_bytes",
    "joint_to_bytes",
    "of_shapes",
    "propagate",
]

__getattr__ = names_of_before(__name__)
