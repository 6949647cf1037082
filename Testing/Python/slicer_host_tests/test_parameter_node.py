"""Parameters lie in the scene, and in the widgets connected to them."""

import enum
import typing
from pathlib import Path

import pytest

MODULE = Path(__file__).with_name("small_module") / "SmallModule.py"


@pytest.fixture
def widget(host):
    return host.open_module(MODULE)


@pytest.fixture
def parameters(widget):
    return widget._parameterNode


def test_defaults_come_from_the_class(parameters):
    assert parameters.threshold == -300
    assert (parameters.title, parameters.count, parameters.invert) == ("untitled", 3, False)
    assert parameters.device.name == "CPU"
    assert parameters.inputVolume is None and parameters.depth is None
    assert parameters.default("count").value == 3


def test_values_survive_a_saved_scene(host, widget, parameters):
    import numpy as np
    import slicer

    volume = slicer.util.addVolumeFromArray(np.zeros((2, 2, 2)), name="scan")
    parameters.inputVolume = volume
    parameters.threshold = 0.1 + 0.2
    parameters.title = "größer\nals"
    parameters.depth = 2.5
    parameters.device = type(parameters.device).GPU
    scene = str(host.folder / "scene.mrml")
    assert slicer.util.saveScene(scene)
    assert slicer.util.loadScene(scene)
    read = widget.logic.getParameterNode()
    assert read.threshold == 0.1 + 0.2
    assert (read.title, read.depth, read.device.name) == ("größer\nals", 2.5, "GPU")
    assert read.inputVolume.GetName() == "scan"


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("threshold", 1001, ValueError),
        ("method", "guess", ValueError),
        ("count", 1.5, TypeError),
        ("invert", 1, TypeError),
        ("device", "cuda", TypeError),
        ("inputVolume", "scan", TypeError),
    ],
)
def test_a_wrong_value_is_refused(parameters, name, value, error):
    before = getattr(parameters, name)
    with pytest.raises(error):
        setattr(parameters, name, value)
    assert getattr(parameters, name) == before


def test_widgets_change_parameters(host, widget, parameters):
    ui = widget.ui
    host.click(ui.invertCheckBox)
    ui.thresholdSlider.value = 120.5
    host.press_key("!", widget=ui.titleEdit)
    ui.countSpinBox.value = 7
    ui.methodComboBox.currentText = "network"
    ui.deviceComboBox.currentIndex = 1
    assert parameters.invert
    assert (parameters.threshold, parameters.title, parameters.count) == (120.5, "untitled!", 7)
    assert (parameters.method, parameters.device.name) == ("network", "GPU")


def test_parameters_change_widgets(widget, parameters):
    import numpy as np
    import slicer

    ui = widget.ui
    volume = slicer.util.addVolumeFromArray(np.zeros((2, 2, 2)))
    parameters.inputVolume = volume
    parameters.threshold = -50.0
    parameters.invert = True
    parameters.title = "other"
    parameters.method = "network"
    assert ui.inputSelector.currentNode() is volume
    assert ui.thresholdSlider.value == -50
    assert ui.invertCheckBox.checked and ui.titleEdit.text == "other"
    assert ui.methodComboBox.currentText == "network"
    assert ui.deviceComboBox.itemText(1) == "Graphics card"
    assert (ui.thresholdSlider.minimum, ui.thresholdSlider.maximum) == (-1000, 1000)


def test_a_left_module_no_longer_follows(host, widget, parameters):
    host.exit("SmallModule")
    parameters.title = "unseen"
    widget.ui.countSpinBox.value = 9
    assert widget.ui.titleEdit.text == "untitled"
    assert parameters.count == 3
    host.enter("SmallModule")
    assert widget.ui.titleEdit.text == "unseen"


def test_a_closed_scene_gives_defaults_and_a_usable_panel(host, widget, parameters):
    parameters.title = "old"
    host.close_scene()
    assert widget._parameterNode.title == "untitled"
    widget.ui.titleEdit.text = "new"
    assert widget._parameterNode.title == "new"


def test_a_widget_of_the_wrong_kind_or_without_range_is_refused(host):
    import ctk
    import qt
    import slicer
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    @parameterNodeWrapper
    class Parameters:
        size: float = 1.0

    class Box(qt.QDoubleSpinBox):
        pass

    parameters = Parameters(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
    with pytest.raises(RuntimeError, match="needs a parameter with a range"):
        parameters.connectParametersToGui({"size": ctk.ctkSliderWidget()})
    with pytest.raises(RuntimeError, match="Box cannot be connected"):
        parameters.connectParametersToGui({"size": Box()})
    with pytest.raises(ValueError, match="no parameter 'width'"):
        parameters.connectParametersToGui({"width": qt.QDoubleSpinBox()})


def test_other_types_are_kept_or_refused_when_the_class_is_made(host):
    import slicer
    from slicer.parameterNodeWrapper import Default, parameterNodeWrapper

    class Side(enum.Enum):
        LEFT = 1
        RIGHT = 2

    @parameterNodeWrapper
    class Parameters:
        folder: Path
        side: typing.Annotated[Side, Default(Side.RIGHT)]
        curve: slicer.vtkMRMLMarkupsCurveNode | slicer.vtkMRMLMarkupsFiducialNode | None
        name: str | None = "x"

    parameters = Parameters(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
    parameters.folder = Path("a/b")
    parameters.name = None
    assert (parameters.folder, parameters.name, parameters.side) == (Path("a/b"), None, Side.RIGHT)
    with pytest.raises(TypeError, match="no way to keep"):

        @parameterNodeWrapper
        class Wrong:
            values: dict[str, int]
