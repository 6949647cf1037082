"""Stand-in for ``slicer.app``, the module manager and the module objects."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import slicer
from PySide6 import QtCore, QtGui, QtWidgets

from .mrml_widgets import qMRMLWidget
from .views import LayoutManager


class ScriptedModule:
    """The application's object for a scripted module; the module's constructor may fill in these alone."""

    __slots__ = (
        "_representation",
        "acknowledgementText",
        "associatedNodeTypes",
        "categories",
        "contributors",
        "dependencies",
        "helpText",
        "hidden",
        "icon",
        "index",
        "name",
        "path",
        "title",
        "widgetRepresentationCreationEnabled",
    )

    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self.path = path
        self.title = name
        self.dependencies: list[str] = []
        self._representation: ModuleWidget | None = None

    def widgetRepresentation(self) -> "ModuleWidget | None":
        return self._representation

    def logic(self) -> None:
        """A scripted module has no C++ logic."""


class ModuleWidget(qMRMLWidget):
    """The widget a panel is built into."""

    def __init__(self) -> None:
        super().__init__()
        self.setLayout(QtWidgets.QVBoxLayout())
        self._python: Any = None
        self._entered = False

    def self(self) -> Any:
        """The Python object of the panel, as Slicer's scripted widgets give it."""
        return self._python

    @property
    def isEntered(self) -> bool:
        return self._entered

    def build(self, module: str) -> None:
        """Make the Python object of the panel and let it set up itself."""
        self._python = getattr(sys.modules[module], f"{module}Widget")(self)
        setattr(slicer.modules, f"{module}Widget", self._python)
        self._python.setup()

    def reload(self) -> None:
        """Build the panel of the module as it was just read; it is not entered, as in Slicer."""
        self.build(self._python.moduleName)

    def enter(self) -> None:
        self._entered = True
        if hasattr(self._python, "enter"):
            self._python.enter()

    def exit(self) -> None:
        self._entered = False
        if hasattr(self._python, "exit"):
            self._python.exit()


class _Factory:
    def __init__(self, modules: dict[str, Any]) -> None:
        self._modules = modules

    def loadedModuleNames(self) -> tuple[str, ...]:
        return tuple(self._modules)


class ModuleManager(QtCore.QObject):
    """Knows the opened modules and those of Slicer's own whose logic a panel may ask for."""

    moduleAboutToBeUnloaded = QtCore.Signal(str)
    moduleLoaded = QtCore.Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._modules: dict[str, Any] = {}

    def module(self, name: str) -> Any:
        return self._modules.get(name)

    def add(self, module: Any) -> None:
        self._modules[module.name] = module
        setattr(slicer.modules, module.name.lower(), module)
        self.moduleLoaded.emit(module.name)

    def factoryManager(self) -> _Factory:
        return _Factory(self._modules)

    def modulesNames(self) -> tuple[str, ...]:
        return tuple(self._modules)


class LoadableModule:
    """A C++ module of Slicer: only its name and its real logic."""

    def __init__(self, name: str, logic: Any) -> None:
        self.name = name
        self._logic = logic

    def logic(self) -> Any:
        return self._logic

    def widgetRepresentation(self) -> None:
        return None


class Application(QtCore.QObject):
    """The part of ``qSlicerApplication`` that scripted modules use."""

    startupCompleted = QtCore.Signal()
    lastWindowClosed = QtCore.Signal()
    aboutToQuit = QtCore.Signal()
    mrmlSceneChanged = QtCore.Signal(object)
    _signatures: ClassVar[dict[str, str]] = {"mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged(PyObject)"}

    applicationName = "Slicer"
    mainApplicationName = "Slicer"
    documentationBaseUrl = "https://slicer.readthedocs.io/en/latest/"
    isEmbeddedModule = False

    def __init__(
        self, version: str, scene: Any, folder: Path, testing: Callable[[], bool], language: str = "en_US"
    ) -> None:
        super().__init__()
        self.applicationLocaleName = language
        self._translators: list[QtCore.QTranslator] = []
        self._version = version
        self._scene = scene
        self._folder = folder
        self._testing = testing
        self._restarted = False
        self._logic = slicer.vtkSlicerApplicationLogic()
        self._logic.SetMRMLScene(scene)
        self._layouts = LayoutManager(scene, self._logic)
        self._modules = ModuleManager()

    @property
    def applicationVersion(self) -> str:
        return self._version

    @property
    def majorVersion(self) -> int:
        return int(self._version.split(".")[0])

    @property
    def minorVersion(self) -> int:
        return int(self._version.split(".")[1])

    @property
    def temporaryPath(self) -> str:
        return str(self._folder)

    @property
    def slicerHome(self) -> str:
        return str(self._folder)

    def applicationLogic(self) -> Any:
        return self._logic

    def mrmlScene(self) -> Any:
        return self._scene

    def layoutManager(self) -> LayoutManager:
        return self._layouts

    def moduleManager(self) -> ModuleManager:
        return self._modules

    def testingEnabled(self) -> bool:
        return self._testing()

    def settings(self) -> QtCore.QSettings:
        return QtCore.QSettings()

    def userSettings(self) -> QtCore.QSettings:
        return QtCore.QSettings()

    def revisionUserSettings(self) -> QtCore.QSettings:
        return QtCore.QSettings()

    def startupEnvironment(self) -> QtCore.QProcessEnvironment:
        return QtCore.QProcessEnvironment.systemEnvironment()

    def processEvents(self, *arguments: Any) -> None:
        QtWidgets.QApplication.processEvents(*arguments)

    def topLevelWidgets(self) -> list[QtWidgets.QWidget]:
        return QtWidgets.QApplication.topLevelWidgets()

    def setOverrideCursor(self, cursor: Any) -> None:
        QtWidgets.QApplication.setOverrideCursor(QtGui.QCursor(cursor))

    def restoreOverrideCursor(self) -> None:
        QtWidgets.QApplication.restoreOverrideCursor()

    def clipboard(self) -> QtGui.QClipboard:
        return QtWidgets.QApplication.clipboard()

    def keyboardModifiers(self) -> Any:
        return QtWidgets.QApplication.keyboardModifiers()

    def palette(self) -> QtGui.QPalette:
        return QtWidgets.QApplication.palette()

    def translate(self, context: str, text: str) -> str:
        return QtCore.QCoreApplication.translate(context, text)

    def translationFolders(self) -> tuple[str, ...]:
        return (str(self._folder / "bin" / "translations"),)

    def loadTranslations(self, folder: str) -> None:
        """All .qm files of a folder whose names end in the language, else in that without its country."""
        for ending in (self.applicationLocaleName, self.applicationLocaleName.split("_")[0]):
            if files := sorted(Path(folder).glob(f"*{ending}.qm")):
                break
        for file in files:
            translator = QtCore.QTranslator(self)
            if not translator.load(str(file)):
                raise RuntimeError(f"{file} holds no translations")
            QtCore.QCoreApplication.installTranslator(translator)
            self._translators.append(translator)

    def forgetTranslations(self) -> None:
        """The host is closed, and Qt's application stays."""
        for translator in self._translators:
            QtCore.QCoreApplication.removeTranslator(translator)
        self._translators.clear()

    def restart(self) -> None:
        self._restarted = True

    def pauseRender(self) -> None:
        """Nothing is drawn."""

    def resumeRender(self) -> None:
        """Nothing is drawn."""
