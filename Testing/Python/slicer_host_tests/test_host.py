"""The host as an application: dialogs, keys, views, files, packages, start and end."""

import sys
from pathlib import Path

import pytest

MODULE = Path(__file__).with_name("small_module") / "SmallModule.py"


def test_dialogs_are_recorded_and_questions_answered(host):
    import qt
    import slicer

    slicer.util.errorDisplay("broken", detailedText="why")
    slicer.util.warningDisplay("careful")
    host.dialogs.answer(True, False)
    assert slicer.util.confirmOkCancelDisplay("go on?") is True
    assert slicer.util.confirmYesNoDisplay("sure?") is False
    host.dialogs.answer_file("a.csv", "")
    assert qt.QFileDialog.getSaveFileName(None, "Export", "", "*.csv") == "a.csv"
    assert qt.QFileDialog.getOpenFileName(None, "Import") == ""
    assert host.dialogs.texts("error") == ["broken"]
    assert host.dialogs.shown[0].options["detailedText"] == "why"
    assert host.dialogs.texts("question") == ["go on?", "sure?"]


def test_an_unanswered_question_fails_instead_of_waiting(host):
    import qt
    import slicer

    with pytest.raises(RuntimeError, match="No answer"):
        slicer.util.confirmYesNoDisplay("sure?")
    with pytest.raises(RuntimeError, match="No path"):
        qt.QFileDialog.getOpenFileName()
    with pytest.raises(RuntimeError, match="No handler"):
        qt.QDialog().exec_()


def test_a_modal_dialog_is_operated_by_a_handler(host):
    import qt

    host.dialogs.on_exec(lambda dialog: dialog.accept())
    assert qt.QDialog().exec_() == qt.QDialog.Accepted


def test_testing_mode_answers_as_slicer_does(host):
    import slicer

    host.testing = True
    assert slicer.app.testingEnabled()
    assert slicer.util.confirmOkCancelDisplay("go on?")


def test_an_error_in_the_module_is_shown_once_and_raised(host):
    import slicer

    with pytest.raises(ValueError), slicer.util.tryWithErrorDisplay("Failed."):
        raise ValueError("no body")
    assert len(host.dialogs.texts("error")) == 1
    assert "no body" in host.dialogs.texts("error")[0]


def test_a_key_reaches_its_shortcut(host):
    import qt

    widget = host.open_module(MODULE)
    host.press_key(qt.Qt.Key_A)
    host.press_key(qt.Qt.Key_A)
    assert widget.shortcuts == 2


def test_the_module_hears_of_the_end_of_startup(host):
    import slicer

    host.open_module(MODULE)
    host.finish_startup()
    assert slicer.modules.SmallModuleInstance.started
    assert slicer.modules.smallmodule.title == "Small module"
    assert slicer.util.getModuleWidget("SmallModule") is slicer.modules.SmallModuleWidget
    assert "SmallModule" in slicer.util.moduleNames()
    assert slicer.util.getModuleLogic("Markups").GetMRMLScene() is slicer.mrmlScene


def test_slice_views_and_camera_are_real_nodes(host):
    import numpy as np
    import slicer

    layout = slicer.app.layoutManager()
    assert set(layout.sliceViewNames()) == {"Red", "Green", "Yellow"}
    slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, 10, 20, 30)
    center = {
        name: [
            layout.sliceWidget(name).mrmlSliceNode().GetSliceToRAS().GetElement(row, 3) for row in range(3)
        ]
        for name in layout.sliceViewNames()
    }
    assert (center["Yellow"][0], center["Green"][1], center["Red"][2]) == (10, 20, 30)
    volume = slicer.util.addVolumeFromArray(np.ones((8, 8, 8), np.int16))
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    composite = layout.sliceWidget("Red").sliceLogic().GetSliceCompositeNode()
    assert composite.GetBackgroundVolumeID() == volume.GetID()
    view = layout.threeDWidget(0).threeDView().mrmlViewNode()
    camera = slicer.modules.cameras.logic().GetViewActiveCameraNode(view)
    camera.SetFocalPoint(1, 2, 3)
    assert camera.GetCamera().GetFocalPoint() == (1, 2, 3)


@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd"])
def test_a_volume_is_saved_and_loaded(host, ending):
    import numpy as np
    import slicer

    voxels = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    path = host.folder / f"scan{ending}"
    assert slicer.util.saveNode(slicer.util.addVolumeFromArray(voxels), str(path))
    assert np.array_equal(slicer.util.arrayFromVolume(slicer.util.loadVolume(path)), voxels)
    with pytest.raises(RuntimeError, match="Failed to load"):
        slicer.util.loadVolume(host.folder / "missing.nrrd")


def test_a_loaded_volume_is_shown_in_the_slice_views(host):
    import numpy as np
    import slicer

    path = host.folder / "scan.nrrd"
    slicer.util.saveNode(slicer.util.addVolumeFromArray(np.ones((2, 3, 4))), path)
    logic = slicer.app.layoutManager().sliceWidget("Red").sliceLogic()
    hidden = slicer.util.loadVolume(path, {"show": False})
    assert logic.GetSliceCompositeNode().GetBackgroundVolumeID() != hidden.GetID()
    shown = slicer.util.loadVolume(path)
    assert logic.GetSliceCompositeNode().GetBackgroundVolumeID() == shown.GetID()


def test_a_registered_sample_is_loaded_from_this_computer(host):
    import numpy as np
    import SampleData
    import slicer

    path = host.folder / "a sample.nrrd"
    slicer.util.saveNode(slicer.util.addVolumeFromArray(np.ones((2, 3, 4))), path)
    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        sampleName="Sample", uris=path.as_uri(), fileNames=path.name, nodeNames="sample"
    )
    assert host.samples["Sample"]["fileNames"] == "a sample.nrrd"
    assert SampleData.SampleDataLogic().downloadSample("Sample").GetName() == "sample"


def test_a_web_address_is_recorded_not_opened(host):
    import qt

    assert qt.QDesktopServices.openUrl(qt.QUrl("https://example.org/guide"))
    assert host.dialogs.texts("url") == ["https://example.org/guide"]


def test_markups_are_saved_and_loaded(host):
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    node.AddControlPoint((1, 2, 3), "chin")
    path = str(host.folder / "points.mrk.json")
    assert slicer.util.saveNode(node, path)
    assert slicer.util.loadMarkups(path).GetNthControlPointLabel(0) == "chin"


def test_a_scene_with_its_data_is_saved_and_loaded(host):
    import numpy as np
    import slicer

    voxels = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    slicer.util.addVolumeFromArray(voxels, name="scan")
    path = str(host.folder / "scene.mrb")
    assert slicer.util.saveScene(path)
    assert slicer.util.loadScene(path)
    assert np.array_equal(slicer.util.arrayFromVolume(slicer.util.getNode("scan")), voxels)


def test_packages_are_recorded_not_installed(host, tmp_path):
    import slicer

    requirements = tmp_path / "requirements.txt"
    requirements.write_text("# comment\n--index-url nowhere\nnumpy>=1.26\npydantic>=2.6\n")
    host.packages.missing.add("pydantic")
    wanted = slicer.packaging.load_requirements(str(requirements))
    assert not slicer.packaging.pip_check(wanted)
    host.dialogs.answer(False)
    with pytest.raises(RuntimeError):
        slicer.packaging.pip_ensure(wanted, requester="Small module")
    host.dialogs.answer(True)
    slicer.packaging.pip_ensure(wanted, requester="Small module")
    assert host.packages.requested == ["pydantic>=2.6"]
    assert slicer.packaging.pip_check(wanted)


def test_slicer_5_10_has_no_packaging():
    import slicer

    from Testing.Python.slicer_host import SlicerHost

    host = SlicerHost(version="5.10")
    try:
        with pytest.raises(ImportError):
            import slicer.packaging
        assert not hasattr(slicer, "packaging")
        assert (slicer.app.majorVersion, slicer.app.minorVersion) == (5, 10)
        slicer.util.pip_install("pydantic>=2.6")
        assert host.packages.requested == ["pydantic>=2.6"]
    finally:
        host.close()


def test_settings_end_with_the_host(host):
    import qt

    assert qt.QSettings().value("LandmarkDetection/seen") is None
    qt.QSettings().setValue("LandmarkDetection/seen", "yes")
    assert qt.QSettings().value("LandmarkDetection/seen") == "yes"
    host.close()
    host.__init__()
    assert qt.QSettings().value("LandmarkDetection/seen") is None


def test_closing_leaves_slicer_as_it_was(host):
    import slicer

    plain = slicer.util.errorDisplay
    host.open_module(MODULE)
    host.close()
    assert slicer.util.errorDisplay is not plain
    assert not hasattr(slicer, "app") and "SmallModule" not in sys.modules
    host.__init__()


def test_an_imported_function_speaks_to_the_open_host(host):
    from slicer.util import errorDisplay

    host.close()
    host.__init__()
    errorDisplay("broken")
    assert host.dialogs.texts("error") == ["broken"]


def test_there_is_one_host_at_a_time(host):
    from Testing.Python.slicer_host import SlicerHost

    with pytest.raises(RuntimeError, match="Close the open host"):
        SlicerHost()


def test_a_screenshot_shows_the_panel(host, tmp_path):
    import qt

    host.open_module(MODULE)
    path = host.screenshot(tmp_path / "pictures" / "panel.png")
    picture = qt.QImage(str(path))
    assert picture.width() == host.window.width
    colors = {picture.pixel(x, y) for x in range(0, 640, 4) for y in range(0, 200, 4)}
    assert len(colors) > 10
