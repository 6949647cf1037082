"""What the panel remembers in the scene: the choices of its user, saved and loaded with everything else."""

from typing import TYPE_CHECKING

from slicer import vtkMRMLMarkupsFiducialNode, vtkMRMLScalarVolumeNode
from slicer.parameterNodeWrapper import parameterNodeWrapper

from LandmarkDetectionSlicer.scene.choices import Depth, Device, Names, Others, Side

if TYPE_CHECKING:
    from slicer.parameterNodeWrapper import ParameterNode  # what the decorator adds
else:
    ParameterNode = object

DEFAULT_MODEL = "whole-body-ct"


@parameterNodeWrapper
class LandmarkDetectionParameters(ParameterNode):
    """The module's parameter node.

    inputVolume - the image to find landmarks in
    modelName - the model that finds them; empty takes the usual one
    landmarks - the landmarks under review
    automaticThreshold, threshold - whether the value between air and body is estimated, and it if not
    depth, device, side - see ``scene.choices``
    keepReviewed - whether detecting again leaves alone what a person has settled
    others - whether the other landmarks follow corrections
    names - which landmarks' names the views show
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
    names: Names = Names.ROOM
