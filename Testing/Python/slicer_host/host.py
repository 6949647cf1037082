"""The host itself: one application, a fresh scene for each ``SlicerHost``."""

import importlib.util
import os
import shutil
import sys
import tempfile
import traceback
import types
from pathlib import Path
from typing import Any, ClassVar

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import slicer
from PySide6 import QtCore, QtGui, QtTest, QtWidgets

from . import (
    ctk_widgets,
    dialogs,
    i18n,
    mrml_widgets,
    packaging,
    parameter_node,
    pythonqt,
    sample_data,
    scene_files,
    scripted_module,
    ui_loader,
    validators,
)
from .application import Application, LoadableModule, ModuleWidget, ScriptedModule

_LOGICS = {
    "VolumeRendering": "vtkSlicerVolumeRenderingLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "Volumes": "vtkSlicerVolumesLogic",
    "Cameras": "vtkSlicerCamerasModuleLogic",
    "Transforms": "vtkSlicerTransformLogic",
}


# What Qt says without a screen.
_NOISE = ("This plugin does not support", "propagateSizeHints", "QStandardPaths:")


class SlicerHost:
    """A window in which scripted modules open, on a new scene.

    Parameters
    ----------
    version
        "5.12" has ``slicer.packaging``, "5.10" has not.
    language
        Of the application, as its settings name it.

    Attributes
    ----------
    dialogs
        What was shown, and the answers to questions; see ``dialogs.Dialogs``.
    packages
        Which Python packages the module finds missing, and which it asked to install.
    samples
        What was registered with Sample Data, by name.
    errors
        Tracebacks of exceptions in slots and observers, and Qt's own warnings: Slicer only prints them.
    testing
        Whether ``slicer.app.testingEnabled()``.
    """

    current: ClassVar["SlicerHost | None"] = None

    def __init__(self, version: str = "5.12", language: str = "en_US") -> None:
        if SlicerHost.current is not None:
            raise RuntimeError("Close the open host before making another: there is one Slicer in a process")
        SlicerHost.current = self
        self.qt = pythonqt.install()
        self._qtApplication = QtWidgets.QApplication.instance() or _makeQtApplication()
        self.folder = Path(tempfile.mkdtemp(prefix="slicer-host-"))
        self.dialogs = dialogs.Dialogs()
        self.packages = packaging.Packages(self.dialogs)
        self.samples: dict[str, dict[str, Any]] = {}
        self.errors: list[str] = []
        self.widgets: dict[str, Any] = {}
        self._plain: dict[tuple[Any, str], Any] = {}
        self._loaded: list[str] = []
        self._excepthook, sys.excepthook = sys.excepthook, self._recordError
        self._messageHandler = QtCore.qInstallMessageHandler(self._recordMessage)
        QtCore.QSettings.setPath(
            QtCore.QSettings.IniFormat, QtCore.QSettings.UserScope, str(self.folder / "settings")
        )
        self.scene = slicer.vtkMRMLScene()
        slicer.mrmlScene = self.scene
        self._letScenesBeRead()
        slicer.modules = types.SimpleNamespace()
        slicer.selfTests = {}
        self.app = Application(
            version if version.count(".") > 1 else f"{version}.0",
            self.scene,
            self.folder,
            lambda: self.testing,
            language,
        )
        slicer.app = self.app
        self._addModules()
        self._provide(version)
        self.window = QtWidgets.QMainWindow()
        self.window.setObjectName("qSlicerMainWindow")
        self.window.resize(640, 1000)
        self.window.statusBar()
        self._panels = QtWidgets.QStackedWidget()
        self.window.setCentralWidget(self._panels)
        self.window.show()

    @property
    def testing(self) -> bool:
        return self.dialogs.testing

    @testing.setter
    def testing(self, testing: bool) -> None:
        self.dialogs.testing = testing

    def open_module(self, path: str | os.PathLike[str]) -> Any:
        """Load the module file, build its panel and enter it.

        Returns
        -------
        The module's own widget object, with ``ui``, ``logic`` and whatever else it has.
        """
        module = self._load(Path(path))
        representation = ModuleWidget()
        representation.setMRMLScene(self.scene)
        area = QtWidgets.QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(representation)
        self._panels.setCurrentIndex(self._panels.addWidget(area))
        module._representation = representation
        representation.build(module.name)
        self.widgets[module.name] = representation
        representation.enter()
        self.process_events()
        return representation._python

    def enter(self, name: str) -> None:
        """Switch to an opened module."""
        self.widgets[name].enter()

    def exit(self, name: str) -> None:
        """Leave a module, as switching to another does."""
        self.widgets[name].exit()

    def finish_startup(self) -> None:
        """Tell the modules that the application is up."""
        self.app.startupCompleted.emit()

    def close_scene(self) -> None:
        """Close the scene as File > Close does."""
        self.scene.Clear(0)
        self.process_events()

    def process_events(self, milliseconds: int = 0) -> None:
        """Let the event loop run, for at least the given time."""
        if milliseconds:
            QtTest.QTest.qWait(milliseconds)
        self._qtApplication.processEvents()

    def wait_until(self, condition: Any, milliseconds: int = 10_000) -> None:
        """Run the event loop until ``condition()`` is true; TimeoutError otherwise."""
        timer = QtCore.QElapsedTimer()
        timer.start()
        while not condition():
            if timer.elapsed() > milliseconds:
                raise TimeoutError(f"not reached within {milliseconds} ms; dialogs: {self.dialogs.texts()}")
            QtTest.QTest.qWait(5)

    def click(self, widget: QtWidgets.QWidget, place: QtCore.QPoint | None = None) -> None:
        """Click a place in a widget, by default its middle (the indicator of a check box)."""
        if place is None:
            place = QtCore.QPoint(8, 8) if isinstance(widget, QtWidgets.QCheckBox) else QtCore.QPoint()
        QtTest.QTest.mouseClick(widget, QtCore.Qt.LeftButton, QtCore.Qt.NoModifier, place)

    def press_key(
        self,
        key: Any,
        modifiers: Any = QtCore.Qt.NoModifier,
        widget: QtWidgets.QWidget | None = None,
    ) -> None:
        """Press a key (``qt.Qt.Key_A`` or a text) where the focus is, or in a widget."""
        target = widget or self._qtApplication.focusWidget() or self.window
        if not target.window().isActiveWindow:
            target.window().activateWindow()
            QtTest.QTest.qWaitForWindowActive(target.window(), 1000)
        if isinstance(key, str):
            QtTest.QTest.keyClicks(target, key, modifiers)
        else:
            QtTest.QTest.keyClick(target, QtCore.Qt.Key(key), modifiers)

    def screenshot(self, path: str | os.PathLike[str], widget: QtWidgets.QWidget | None = None) -> Path:
        """Write a picture of the window or of one widget."""
        self.process_events()
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not (widget or self.window).grab().save(str(target)):
            raise OSError(f"{target} could not be written")
        return target

    def close(self) -> None:
        """Unload the modules, delete the window and the scene, and put ``slicer`` back as it was."""
        for name, representation in self.widgets.items():
            if representation.isEntered:
                representation.exit()
            self.app.moduleManager().moduleAboutToBeUnloaded.emit(name)
        self.window.close()
        self.window.deleteLater()
        self._qtApplication.sendPostedEvents(None, QtCore.QEvent.DeferredDelete)
        self.process_events()
        mrml_widgets.SceneObserver.forgetAll()
        self.scene.Clear(1)
        self.app.forgetTranslations()
        for (owner, name), value in self._plain.items():
            setattr(owner, name, value)
        for name in ("app", "mrmlScene", "modules", "selfTests", "packaging"):
            if hasattr(slicer, name):
                delattr(slicer, name)
        for name in self._loaded:
            sys.modules.pop(name, None)
        sys.excepthook = self._excepthook
        QtCore.qInstallMessageHandler(self._messageHandler)
        SlicerHost.current = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def _recordError(self, kind: type[BaseException], error: BaseException, trace: Any) -> None:
        self.errors.append("".join(traceback.format_exception(kind, error, trace)))
        self._excepthook(kind, error, trace)

    def _recordMessage(self, kind: Any, context: Any, message: str) -> None:
        """Qt only prints, for instance, that a signal to connect does not exist."""
        if kind != QtCore.QtMsgType.QtDebugMsg and not message.startswith(_NOISE):
            self.errors.append(message)
            print(message, file=sys.stderr)

    def _letScenesBeRead(self) -> None:
        """What the application sets up so that .mrb files can be read."""
        self._io = slicer.vtkMRMLRemoteIOLogic()
        self._io.GetCacheManager().SetRemoteCacheDirectory(str(self.folder))
        self._io.SetMRMLScene(self.scene)
        self._io.AddDataIOToScene()

    def _addModules(self) -> None:
        for name, logicClass in _LOGICS.items():
            logic = getattr(slicer, logicClass)()
            logic.SetMRMLScene(self.scene)
            self.app.moduleManager().add(LoadableModule(name, logic))

    def _replace(self, owner: Any, name: str, value: Any) -> None:
        if hasattr(owner, name) and (owner, name) not in self._plain:
            self._plain[owner, name] = getattr(owner, name)
        setattr(owner, name, value)

    def _provide(self, version: str) -> None:
        """Put the stand-ins where ``import`` and ``slicer`` find them."""
        ctk = types.ModuleType("ctk", "Stand-ins of the widgets of CTK.")
        vars(ctk).update(ctk_widgets.WIDGETS)
        sys.modules["ctk"] = ctk
        self.qt.QUiLoader = ui_loader.QUiLoader
        vars(self.qt).update(_QT_DIALOGS)
        for name, widget in mrml_widgets.WIDGETS.items():
            setattr(slicer, name, widget)
        slicer.qSlicerScriptedLoadableModuleWidget = ModuleWidget
        slicer.qSlicerScriptedLoadableModule = ScriptedModule
        _submodule("ScriptedLoadableModule", scripted_module, "Scripted")
        _submodule("i18n", i18n)
        parameters = _submodule("parameterNodeWrapper", parameter_node)
        vars(parameters).update({k: v for k, v in vars(validators).items() if isinstance(v, type)})
        for name, function in _UTIL_DIALOGS.items():
            self._replace(slicer.util, name, function)
        for name in ("loadNodeFromFile", "saveNode", "saveScene", "loadScene"):
            self._replace(slicer.util, name, getattr(scene_files, name))
        self._replace(slicer.util, "pip_install", _PACKAGING.pip_install)
        self._replace(QtWidgets.QDialog, "exec_", lambda dialog: _current().dialogs.execute(dialog))
        if tuple(map(int, version.split(".")[:2])) >= (5, 11):
            slicer.packaging = _PACKAGING
            sys.modules["slicer.packaging"] = slicer.packaging
        else:
            sys.modules["slicer.packaging"] = None
        sys.modules["SampleData"] = _SAMPLE_DATA
        self._loaded += ["slicer.packaging", "SampleData"]

    def _load(self, path: Path) -> ScriptedModule:
        """Import a module file by its name and let it describe itself."""
        name = path.stem
        if str(path.parent) not in sys.path:
            sys.path.append(str(path.parent))
        spec = importlib.util.spec_from_file_location(name, path)
        loaded = importlib.util.module_from_spec(spec)
        sys.modules[name] = loaded
        self._loaded.append(name)
        spec.loader.exec_module(loaded)
        module = ScriptedModule(name, scripted_module.modulePath(path))
        instance = getattr(loaded, name)(module)
        setattr(slicer.modules, f"{name}Instance", instance)
        self.app.moduleManager().add(module)
        return module


def _current() -> SlicerHost:
    if SlicerHost.current is None:
        raise RuntimeError("No host is open")
    return SlicerHost.current


_UTIL_DIALOGS = dialogs.replacements(lambda: _current().dialogs)
_QT_DIALOGS = dialogs.qtClasses(lambda: _current().dialogs)
_SAMPLE_DATA = sample_data.sampleDataModule(lambda: _current().samples)
_PACKAGING = packaging.packagingModule(lambda: _current().packages)


def _makeQtApplication() -> QtWidgets.QApplication:
    QtCore.QSettings.setDefaultFormat(QtCore.QSettings.IniFormat)
    QtCore.QCoreApplication.setOrganizationName("NA-MIC")
    QtCore.QCoreApplication.setApplicationName("Slicer")
    application = QtWidgets.QApplication([])
    application.setStyle("Fusion")
    application.setFont(QtGui.QFont("DejaVu Sans", 9))
    return application


def _submodule(name: str, source: types.ModuleType, prefix: str = "") -> types.ModuleType:
    """Offer the public names of a stand-in as ``slicer.<name>``."""
    module = types.ModuleType(f"slicer.{name}", source.__doc__)
    public = {
        key: value
        for key, value in vars(source).items()
        if getattr(value, "__module__", None) == source.__name__ and key.startswith(prefix) and key[0] != "_"
    }
    vars(module).update(public, __all__=list(public))
    sys.modules[f"slicer.{name}"] = module
    setattr(slicer, name, module)
    return module
