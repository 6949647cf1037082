"""PySide6 answers as PythonQt does."""

import pytest


def test_properties_are_attributes_both_ways(host):
    import qt

    label, box, timer = qt.QLabel("one"), qt.QCheckBox(), qt.QTimer()
    label.text = "two"
    label.name = "title"
    label.visible = False
    box.checked = True
    timer.singleShot = True
    timer.interval = 25
    assert (label.text, label.name, label.objectName, label.visible) == ("two", "title", "title", False)
    assert box.checked and timer.singleShot and timer.interval == 25 and not timer.active
    label.setText("three")
    assert label.text == "three"
    assert label.sizeHint.width() > 0 and label.minimumSizeHint.height() > 0


def test_a_reader_called_as_a_function_fails_as_in_slicer(host):
    import qt

    with pytest.raises(TypeError):
        qt.QLabel("one").text()


def test_an_enumerator_may_be_given_as_a_number(host):
    import qt

    combo = qt.QComboBox()
    combo.insertPolicy = 0
    assert combo.insertPolicy == qt.QComboBox.NoInsert
    label = qt.QLabel()
    label.alignment = qt.Qt.AlignRight | qt.Qt.AlignVCenter
    assert label.alignment & qt.Qt.AlignRight


def test_a_cpp_object_takes_no_new_attribute_and_no_read_only_property(host):
    import ctk
    import qt

    with pytest.raises(AttributeError, match="not allowed"):
        qt.QLabel().colour = "red"
    with pytest.raises(AttributeError, match="not allowed"):
        ctk.ctkSliderWidget().colour = "red"
    with pytest.raises(AttributeError, match="not writable"):
        qt.QTimer().active = True

    class Label(qt.QLabel):
        pass

    own = Label()
    own.colour = "red"
    assert own.colour == "red"


def test_a_python_subclass_may_override_a_virtual_reader(host):
    import qt

    class Wide(qt.QLabel):
        def sizeHint(self):  # noqa: N802
            return qt.QSize(321, 20)

    box = qt.QWidget()
    layout = qt.QHBoxLayout(box)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(Wide())
    assert box.sizeHint.width() == 321


def test_signals_are_connected_by_signature(host):
    import qt

    heard = []
    button = qt.QPushButton()
    button.checkable = True

    def with_value(checked="nothing"):
        heard.append(checked)

    button.connect("clicked(bool)", with_value)
    button.connect("clicked()", with_value)
    button.click()
    assert sorted(map(str, heard)) == ["True", "nothing"]
    assert button.disconnect("clicked(bool)", with_value)
    assert not button.disconnect("clicked(bool)", with_value)
    button.click()
    assert heard[2:] == ["nothing"]
    with pytest.raises(AttributeError, match="no signal 'pressed"):
        button.connect("pressed(int)", with_value)


def test_a_menu_is_connected_as_other_widgets_are(host):
    import qt

    heard = []
    menu = qt.QMenu()
    menu.connect("aboutToShow()", lambda: heard.append(menu))
    menu.popup(qt.QPoint(0, 0))
    menu.close()
    assert heard == [menu]


def test_a_connected_object_stays_alive(host):
    import qt

    heard = []

    class Listener:
        def hear(self):
            heard.append(self)

    timer = qt.QTimer()
    timer.singleShot = True
    timer.connect("timeout()", Listener().hear)
    timer.start(0)
    host.process_events(20)
    assert len(heard) == 1


def test_a_receiver_is_connected_by_its_slot(host):
    import qt

    button, label = qt.QPushButton(), qt.QLabel("full")
    button.connect("clicked()", label, "clear()")
    button.click()
    assert label.text == ""


def test_children_and_dynamic_properties_are_found_by_name(host):
    import qt

    parent = qt.QWidget()
    child = qt.QLabel(parent)
    child.name = "caption"
    parent.setProperty("SlicerParameterName", "threshold")
    assert parent.caption is child
    assert parent.SlicerParameterName == "threshold"
    assert parent.className() == "QWidget"
    with pytest.raises(AttributeError):
        parent.nothing  # noqa: B018


def test_an_exception_in_a_slot_is_kept(host):
    import qt

    button = qt.QPushButton()
    button.connect("clicked()", lambda: 1 / 0)
    button.click()
    assert "ZeroDivisionError" in host.errors[0]
    host.errors.clear()


def test_spellings_of_pyside_are_found():
    from Testing.Python.slicer_host.spelling import foreign_spellings

    source = """from PySide6 import QtCore
import qt
qt.Qt.Key_A
qt.Qt.Key.Key_A
qt.QMessageBox.StandardButton.Ok
qt.QDialog().exec()"""
    assert foreign_spellings(source) == [
        "line 1: import of PySide6",
        "line 4: qt.Qt.Key.Key_A (PythonQt: qt.Qt.Key_A)",
        "line 5: qt.QMessageBox.StandardButton.Ok (PythonQt: qt.QMessageBox.Ok)",
        "line 6: exec() (PythonQt: exec_())",
    ]
