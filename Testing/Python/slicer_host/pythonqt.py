"""Make PySide6 answer as PythonQt does, and offer it as the module ``qt``.

Only what a scripted module can see is changed: Qt properties are attributes, signals are connected by
their C++ signature, children and dynamic properties are found by name, and unknown attributes are refused.
"""

import ctypes
import functools
import inspect
import sys
import types
from collections.abc import Callable
from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets

_BINDINGS = (QtCore, QtGui, QtWidgets)
_OWN_PACKAGE = __name__.rpartition(".")[0]
_NATIVE = ("PySide6.", f"{_OWN_PACKAGE}.")
# QTimer's property shares its name with the static function, which Python code calls on the class only.
_NO_READER = {"singleShot"}

_plainConnect = QtCore.QObject.connect
_plainDisconnect = QtCore.QObject.disconnect


class _Property:
    """A Qt property as a Python attribute; asked on the class it is Qt's function, as before."""

    def __init__(self, name: str, function: Any, setter: Any) -> None:
        self.name = name
        self.function = function
        self.reader = None if function is None or name in _NO_READER else function
        self.setter = setter

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self if self.function is None else self.function
        # Qt's own reader first: going through QObject.property() would call virtual readers without end.
        return QtCore.QObject.property(instance, self.name) if self.reader is None else self.reader(instance)

    def __set__(self, instance: Any, value: Any) -> None:
        if self.setter is not None:
            try:
                self.setter(instance, value)
                return
            except TypeError:
                pass  # PythonQt takes the number of an enumerator as well
        if not QtCore.QObject.setProperty(instance, self.name, value):
            raise AttributeError(
                f"Property '{self.name}' of {type(instance).__name__} is not writable or does not accept "
                f"{value!r} ({type(value).__name__})"
            )


def _makePropertiesAttributes(cls: type) -> None:
    """Give ``cls`` an attribute for each property it declares, or whose function it declares anew."""
    meta = cls.staticMetaObject
    for index in range(meta.propertyCount()):
        name = meta.property(index).name()
        if index < meta.propertyOffset() and name not in cls.__dict__:
            continue
        capital = name[0].upper() + name[1:]
        setattr(cls, name, _Property(name, getattr(cls, name, None), getattr(cls, f"set{capital}", None)))


def _refuseUnknownAttributes(cls: type) -> None:
    """PythonQt forbids new attributes on C++ objects; Python subclasses outside the host may have them."""

    def setAttribute(self: Any, name: str, value: Any) -> None:
        kind = type(self)
        if kind.__module__.startswith(_NATIVE) and not name.startswith("_") and not hasattr(kind, name):
            if isinstance(value, QtCore.QObject) and QtCore.QObject.objectName(value) == name:
                return  # PySide6 gives a form from a .ui file its children as attributes; PythonQt does not
            if name not in _dynamicProperties(self):
                raise AttributeError(
                    f"'{name}' does not exist on {kind.__name__}, and creating new attributes on C++ objects "
                    "is not allowed"
                )
            self.setProperty(name, value)
            return
        QtCore.QObject.__setattr__(self, name, value)

    cls.__setattr__ = setAttribute


def _signature(sender: QtCore.QObject, signal: str) -> str:
    """The signature in Qt's meta object of what a scripted module calls ``signal``."""
    wanted = QtCore.QMetaObject.normalizedSignature(signal)
    wanted = wanted.data().decode() if hasattr(wanted, "data") else str(wanted)
    for cls in type(sender).__mro__:
        wanted = cls.__dict__.get("_signatures", {}).get(wanted, wanted)
    if sender.metaObject().indexOfSignal(wanted) < 0:
        raise AttributeError(f"{type(sender).__name__} has no signal '{signal}'")
    return f"2{wanted}"


def _isConnectionByName(arguments: tuple[Any, ...]) -> bool:
    """Qt's own code passes signatures that start with a digit; they are left alone."""
    return len(arguments) in (2, 3) and isinstance(arguments[0], str) and not arguments[0][:1].isdigit()


def _slot(arguments: tuple[Any, ...]) -> Callable[..., Any]:
    if len(arguments) == 2:
        return arguments[1]
    receiver, slot = arguments[1:]
    return getattr(receiver, slot.partition("(")[0])


def _connect(sender: QtCore.QObject, *arguments: Any) -> Any:
    if not _isConnectionByName(arguments):
        return _plainConnect(sender, *arguments)
    slot = _slot(arguments)
    # PythonQt keeps what it calls alive; PySide6 would forget a bound method with its object.
    sender.__dict__.setdefault("_connected", []).append(slot)
    return bool(_plainConnect(sender, _signature(sender, arguments[0]), slot))


def _disconnect(sender: QtCore.QObject, *arguments: Any) -> Any:
    if not _isConnectionByName(arguments):
        return _plainDisconnect(sender, *arguments)
    slot = _slot(arguments)
    kept = sender.__dict__.get("_connected", [])
    if slot not in kept:
        return False
    kept.remove(slot)
    return bool(_plainDisconnect(sender, _signature(sender, arguments[0]), slot))


def _reading(plain: Callable[[Any, str], Any]) -> Callable[[QtCore.QObject, str], Any]:
    """How a class reads attributes, made of the plain way it does."""

    def getAttribute(self: QtCore.QObject, name: str) -> Any:
        if name == "connect":
            return functools.partial(_connect, self)
        if name == "disconnect":
            return functools.partial(_disconnect, self)
        try:
            return plain(self, name)
        except AttributeError:
            if name.startswith("_"):
                raise
            found = _dynamicPropertyOrChild(self, name)
            if found is None:
                raise
            return found

    return getAttribute


def _dynamicProperties(self: QtCore.QObject) -> list[str]:
    return [known.data().decode() for known in QtCore.QObject.dynamicPropertyNames(self)]


def _dynamicPropertyOrChild(self: QtCore.QObject, name: str) -> Any:
    try:
        if name in _dynamicProperties(self):
            return QtCore.QObject.property(self, name)
        children = QtCore.QObject.children(self)
    except RuntimeError:  # deleted, or not yet initialised
        return None
    return next((child for child in children if QtCore.QObject.property(child, "objectName") == name), None)


def _qtClasses() -> list[type]:
    values = [getattr(binding, name) for binding in _BINDINGS for name in dir(binding)]
    return [value for value in values if inspect.isclass(value) and issubclass(value, QtCore.QObject)]


def _keepConstantsAlive() -> None:
    """PySide6 6.12 takes a reference from what it returns; before Python 3.12 that ends None and True."""
    if sys.version_info < (3, 12):
        for constant in (None, True, False):
            ctypes.c_ssize_t.from_address(id(constant)).value += 1 << 40


@functools.cache
def install() -> types.ModuleType:
    """Change PySide6 once for this process and return the module ``qt``."""
    _keepConstantsAlive()
    for cls in _qtClasses():
        if issubclass(cls, QtCore.QCoreApplication):
            continue
        _makePropertiesAttributes(cls)
        # Python lets a replacement call the plain function of an ancestor only: QObject keeps its own.
        if cls is not QtCore.QObject and "__setattr__" in cls.__dict__:
            _refuseUnknownAttributes(cls)
        if "__getattribute__" in cls.__dict__:  # menus have a way of their own
            cls.__getattribute__ = _reading(cls.__dict__["__getattribute__"])
    QtCore.QObject.name = vars(QtCore.QObject)["objectName"]
    QtCore.QObject.className = lambda self: self.metaObject().className()
    QtCore.QObject.delete = lambda self: self.deleteLater()

    qt = types.ModuleType("qt", "PySide6 in the manner of PythonQt.")
    for binding in _BINDINGS:
        for name in dir(binding):
            if not name.startswith("_"):
                setattr(qt, name, getattr(binding, name))
    sys.modules["qt"] = qt
    return qt
