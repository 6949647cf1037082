"""Stand-in for ``slicer.parameterNodeWrapper``: typed parameters in a real vtkMRMLScriptedModuleNode."""

import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6 import QtWidgets

from .gui_connectors import Connector, connector
from .parameter_kinds import Kind, kindOf
from .validators import Default, Validator

NAME_PROPERTY = "SlicerParameterName"


@dataclass(frozen=True)
class Parameter:
    """One declared parameter: its type as declared, and how values are kept and checked."""

    name: str
    datatype: Any
    kind: Kind
    default: Any
    validators: tuple[Validator, ...]

    def write(self, node: Any, key: str, value: Any) -> None:
        for validator in self.validators:
            validator.validate(value)
        self.kind.write(node, key, value)


def _declared(cls: type, name: str, datatype: Any) -> Parameter:
    annotations: tuple[Any, ...] = ()
    plain = datatype
    if typing.get_origin(datatype) is typing.Annotated:
        plain, *rest = typing.get_args(datatype)
        annotations = tuple(rest)
    kind = kindOf(plain)
    default = next((a.value for a in annotations if isinstance(a, Default)), kind.default)
    validators = tuple(a for a in annotations if isinstance(a, Validator))
    return Parameter(name, datatype, kind, cls.__dict__.get(name, default), validators)


class _Wrapper:
    """What every wrapped class can do beside having its parameters as attributes."""

    allParameters: dict[str, Parameter]

    def __init__(self, parameterNode: Any, prefix: str | None = None) -> None:
        self.parameterNode = parameterNode
        self._prefix = prefix or ""
        self._connections: dict[int, tuple[int, dict[str, Connector]]] = {}
        self._updatingGui = False
        for name, parameter in self.allParameters.items():
            if not parameter.kind.has(parameterNode, self._prefix + name):
                parameter.write(parameterNode, self._prefix + name, parameter.default)

    def _parameter(self, name: str) -> Parameter:
        if name not in self.allParameters:
            raise ValueError(f"There is no parameter '{name}', only {', '.join(self.allParameters)}")
        return self.allParameters[name]

    def default(self, name: str) -> Default:
        return Default(self._parameter(name).default)

    def dataType(self, name: str) -> Any:
        return self._parameter(name).datatype

    def getValue(self, name: str) -> Any:
        return self._parameter(name).kind.read(self.parameterNode, self._prefix + name)

    def setValue(self, name: str, value: Any) -> None:
        self._parameter(name).write(self.parameterNode, self._prefix + name, value)

    def connectGui(self, gui: Any) -> None:
        """Connect every widget of ``gui`` that names a parameter.

        As Slicer's it gives no tag back, whatever its documentation says, so nothing can be disconnected.
        """
        if isinstance(gui, QtWidgets.QWidget):
            widgets = gui.findChildren(QtWidgets.QWidget)
        else:
            widgets = list(vars(gui).values())
        named = {widget.property(NAME_PROPERTY): widget for widget in widgets}
        self.connectParametersToGui({name: widget for name, widget in named.items() if name})

    def connectParametersToGui(self, mapping: dict[str, Any]) -> int:
        connectors = {name: connector(widget, self.dataType(name)) for name, widget in mapping.items()}
        for name, made in connectors.items():
            made.write(self.getValue(name))
            made.follow(self._guiChanged(name, made))
        observation = self.AddObserver("ModifiedEvent", lambda *_: self._updateGui(connectors))
        tag = len(self._connections)
        while tag in self._connections:
            tag += 1
        self._connections[tag] = (observation, connectors)
        return tag

    def disconnectGui(self, tag: int) -> None:
        if tag in self._connections:
            observation, connectors = self._connections.pop(tag)
            self.RemoveObserver(observation)
            for made in connectors.values():
                made.forget()

    def _guiChanged(self, name: str, made: Connector) -> Callable[[], None]:
        def changed() -> None:
            if not self._updatingGui:
                self.setValue(name, made.read())

        return changed

    def _updateGui(self, connectors: dict[str, Connector]) -> None:
        if self._updatingGui:
            return
        self._updatingGui = True
        try:
            for name, made in connectors.items():
                made.write(self.getValue(name))
        finally:
            self._updatingGui = False

    def StartModify(self) -> Any:
        return self.parameterNode.StartModify()

    def EndModify(self, wasModifying: Any) -> Any:
        return self.parameterNode.EndModify(wasModifying)

    def AddObserver(self, event: Any, callback: Callable[..., None], priority: float = 0.0) -> int:
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag: int) -> None:
        self.parameterNode.RemoveObserver(tag)

    def Modified(self) -> None:
        self.parameterNode.Modified()


def _attribute(name: str) -> property:
    return property(lambda self: self.getValue(name), lambda self, value: self.setValue(name, value))


def parameterNodeWrapper(cls: type) -> type:
    """Class decorator: the annotated names become parameters."""
    declared = typing.get_type_hints(cls, include_extras=True)
    parameters = {name: _declared(cls, name, datatype) for name, datatype in declared.items()}
    taken = set(vars(_Wrapper)) & set(parameters)
    if taken:
        raise ValueError(f"Reserved names of a parameter node: {', '.join(sorted(taken))}")
    kept = {
        name: value
        for name, value in vars(cls).items()
        if name not in parameters and name not in ("__dict__", "__weakref__", "__init__")
    }
    attributes = {name: _attribute(name) for name in parameters}
    return type(cls.__name__, (_Wrapper, *cls.__bases__), {**kept, **attributes, "allParameters": parameters})


def isParameterNodeWrapper(value: Any) -> bool:
    """Whether ``value`` is a wrapped class or an instance of one."""
    return issubclass(value if isinstance(value, type) else type(value), _Wrapper)


__all__ = ["isParameterNodeWrapper", "parameterNodeWrapper"]
