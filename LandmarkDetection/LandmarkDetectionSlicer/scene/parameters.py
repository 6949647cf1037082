"""What the panel remembers in the scene: the choices of its user, saved and loaded with everything else."""

from enum import Enum
from typing import TYPE_CHECKING

from slicer import vtkMRMLMarkupsFiducialNode, vtkMRMLScalarVolumeNode
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import parameterNodeWrapper

if TYPE_CHECKING:
    from slicer.parameterNodeWrapper import ParameterNode  # what the decorator adds
else:
    ParameterNode = object

DEFAULT_MODEL = "whole-body-ct"


class Depth(Enum):
    """How the distance from front to back is found; the values are the library's words."""

    AUTOMATIC = ""
    NETWORK = "network"
    LATERAL = "lateral"
    MEAN = "mean"

    def label(self) -> str:
        """As the panel shows it."""
        return {
            Depth.AUTOMATIC: _("Best for the model"),
            Depth.NETWORK: _("Networks, from front and side"),
            Depth.LATERAL: _("View from the side"),
            Depth.MEAN: _("Mean of the training bodies"),
        }[self]


class Device(Enum):
    """What computes; the values are the library's words."""

    AUTOMATIC = "auto"
    CPU = "cpu"
    CUDA = "cuda"

    def label(self) -> str:
        """As the panel shows it."""
        return {
            Device.AUTOMATIC: _("Automatic"),
            Device.CPU: _("Processor (CPU)"),
            Device.CUDA: _("Graphics card (CUDA)"),
        }[self]


class Side(Enum):
    """Which hand it is, for models of hands; the values are the library's words."""

    AUTOMATIC = "auto"
    LEFT = "left"
    RIGHT = "right"

    def label(self) -> str:
        """As the panel shows it."""
        return {
            Side.AUTOMATIC: _("As the thumb tells"),
            Side.LEFT: _("Left hand"),
            Side.RIGHT: _("Right hand"),
        }[self]


class Others(Enum):
    """When the landmarks that nobody has settled follow a correction."""

    STAY = "stay"
    FOLLOW = "follow"
    LIVE = "live"

    def label(self) -> str:
        """As the panel shows it."""
        return {
            Others.STAY: _("Stay where they are"),
            Others.FOLLOW: _("Follow corrections"),
            Others.LIVE: _("Follow while dragging"),
        }[self]


@parameterNodeWrapper
class LandmarkDetectionParameters(ParameterNode):
    """The module's parameter node.

    inputVolume - the image to find landmarks in
    modelName - the model that finds them; empty takes the usual one
    landmarks - the landmarks under review
    automaticThreshold, threshold - whether the value between air and body is estimated, and it if not
    depth, device, side - see the enumerations
    keepReviewed - whether detecting again leaves alone what a person has settled
    others - whether the other landmarks follow corrections
    """

    inputVolume: vtkMRMLScalarVolumeNode
    modelName: str = ""
    landmarks: vtkMRMLMarkupsFiducialNode
    automaticThreshold: bool = True
    threshold: float = -400.0
    depth: Depth = Depth.AUTOMATIC
    device: Device = Device.AUTOMATIC
    side: Side = Side.AUTOMATIC
    keepReviewed: bool = True
    others: Others = Others.STAY
