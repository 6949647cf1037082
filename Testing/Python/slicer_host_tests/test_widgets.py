"""The stand-ins of CTK's and Slicer's widgets."""

import pytest


@pytest.fixture
def selector(host):
    import slicer

    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    selector.noneEnabled = True
    selector.setMRMLScene(slicer.mrmlScene)
    return selector


def add(name, kind="vtkMRMLScalarVolumeNode"):
    import slicer

    return slicer.mrmlScene.AddNewNodeByClass(kind, name)


def test_a_node_list_follows_the_scene(selector):
    import slicer

    heard = []
    selector.connect("currentNodeChanged(vtkMRMLNode*)", heard.append)
    first, model = add("first"), add("surface", "vtkMRMLModelNode")
    assert selector.nodeCount() == 1 and selector.currentNode() is None
    selector.setCurrentNode(first)
    selector.setCurrentNode(model)
    assert selector.currentNode() is None
    selector.setCurrentNodeID(first.GetID())
    assert selector.currentNodeID == first.GetID()
    first.SetName("renamed")
    assert selector._combo.currentText == "renamed"
    slicer.mrmlScene.RemoveNode(first)
    assert selector.currentNode() is None
    assert heard == [first, None, first, None]


def test_without_none_the_first_node_is_chosen(selector):
    selector.noneEnabled = False
    first = add("first")
    add("second")
    assert selector.currentNode() is first


def test_hidden_nodes_and_nodes_without_the_attribute_are_not_listed(selector):
    selector.addAttribute("vtkMRMLScalarVolumeNode", "kind", "ct")
    add("plain")
    node = add("ct")
    assert selector.nodeCount() == 0
    node.SetAttribute("kind", "ct")
    assert selector.nodeCount() == 1
    node.SetHideFromEditors(True)
    assert selector.nodeCount() == 0


def test_a_node_list_follows_a_closed_scene(host, selector):
    add("first")
    host.close_scene()
    assert selector.nodeCount() == 0
    add("second")
    assert selector.nodeCount() == 1


@pytest.mark.parametrize("name", ["ctkCollapsibleButton", "ctkCollapsibleGroupBox"])
def test_a_section_hides_what_it_holds(host, name):
    import ctk
    import qt

    section = getattr(ctk, name)("Options")
    layout = qt.QVBoxLayout(section)
    shown, hidden = qt.QLabel("shown"), qt.QLabel("hidden")
    layout.addWidget(shown)
    layout.addWidget(hidden)
    hidden.hide()
    section.show()
    assert shown.visible and not hidden.visible
    section.collapsed = True
    assert not shown.visible
    section.collapsed = False
    assert shown.visible and not hidden.visible


def test_a_slider_keeps_its_range_and_tells_its_value(host):
    import ctk

    heard = []
    slider = ctk.ctkSliderWidget()
    slider.connect("valueChanged(double)", heard.append)
    slider.setRange(-1000, 1000)
    slider.value = -300
    slider.value = 5000
    assert heard == [-300, 1000]
    assert (slider.minimum, slider.maximum, slider.value) == (-1000, 1000, 1000)


def test_a_path_line_asks_for_a_file(host):
    import ctk

    line = ctk.ctkPathLineEdit()
    host.dialogs.answer_file("folder/scan.nii.gz")
    line.browse()
    assert line.currentPath == "folder/scan.nii.gz"


def test_a_widget_without_a_stand_in_is_refused(host, tmp_path):
    import slicer

    path = tmp_path / "unknown.ui"
    path.write_text(
        '<ui version="4.0"><widget class="QWidget" name="a">'
        '<widget class="ctkFlightSimulator" name="b"/></widget></ui>'
    )
    with pytest.raises(RuntimeError, match="no stand-in for: ctkFlightSimulator"):
        slicer.util.loadUI(str(path))


def test_a_node_list_in_a_ui_file_needs_its_connection_to_get_the_scene(host, tmp_path):
    import slicer

    path = tmp_path / "unconnected.ui"
    path.write_text(
        '<ui version="4.0"><widget class="qMRMLWidget" name="a"><widget class="qMRMLNodeComboBox" name="b"/>'
        "</widget></ui>"
    )
    widget = slicer.util.loadUI(str(path))
    widget.setMRMLScene(slicer.mrmlScene)
    assert slicer.util.childWidgetVariables(widget).b.mrmlScene() is None
