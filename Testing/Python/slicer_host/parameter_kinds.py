"""How a value of each supported type lies in a vtkMRMLScriptedModuleNode."""

import enum
import pathlib
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import slicer

NONE_SUFFIX = ".isNone"


class Kind:
    """Reads and writes the values of one type under a key of a parameter node."""

    default: Any = None

    def write(self, node: Any, key: str, value: Any) -> None:
        raise NotImplementedError

    def read(self, node: Any, key: str) -> Any:
        raise NotImplementedError

    def has(self, node: Any, key: str) -> bool:
        return bool(node.HasParameter(key))


@dataclass(frozen=True)
class TextKind(Kind):
    """A type whose values are written as text."""

    accepts: Callable[[Any], bool]
    toText: Callable[[Any], str]
    fromText: Callable[[str], Any]
    title: str
    default: Any

    def write(self, node: Any, key: str, value: Any) -> None:
        if not self.accepts(value):
            raise TypeError(f"Parameter '{key}' takes {self.title}, not {value!r} ({type(value).__name__})")
        node.SetParameter(key, self.toText(value))

    def read(self, node: Any, key: str) -> Any:
        return self.fromText(node.GetParameter(key))


@dataclass(frozen=True)
class NodeKind(Kind):
    """A MRML node, kept as a node reference with the key as its role."""

    classes: tuple[type, ...]

    def write(self, node: Any, key: str, value: Any) -> None:
        if value is not None and not isinstance(value, self.classes):
            raise TypeError(
                f"Parameter '{key}' takes {' or '.join(c.__name__ for c in self.classes)}, "
                f"not {type(value).__name__}"
            )
        node.SetNodeReferenceID(key, value.GetID() if value is not None else None)

    def read(self, node: Any, key: str) -> Any:
        return node.GetNodeReference(key)

    def has(self, node: Any, key: str) -> bool:
        return True  # no reference is the value None


@dataclass(frozen=True)
class OptionalKind(Kind):
    """A value of another kind, or None."""

    inner: Kind

    def write(self, node: Any, key: str, value: Any) -> None:
        # One Modified event for the two entries.
        modifying = node.StartModify()
        try:
            node.SetParameter(key + NONE_SUFFIX, "true" if value is None else "false")
            if value is not None:
                self.inner.write(node, key, value)
        finally:
            node.EndModify(modifying)

    def read(self, node: Any, key: str) -> Any:
        return None if node.GetParameter(key + NONE_SUFFIX) == "true" else self.inner.read(node, key)

    def has(self, node: Any, key: str) -> bool:
        return bool(node.HasParameter(key + NONE_SUFFIX))


def _isInteger(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_SIMPLE = {
    str: TextKind(lambda value: isinstance(value, str), str, str, "a text", ""),
    int: TextKind(_isInteger, str, int, "a whole number", 0),
    float: TextKind(
        lambda value: isinstance(value, float) or _isInteger(value), repr, float, "a number", 0.0
    ),
    bool: TextKind(
        lambda value: isinstance(value, bool), str, lambda text: text == "True", "True or False", False
    ),
    pathlib.Path: TextKind(
        lambda value: isinstance(value, pathlib.PurePath), str, pathlib.Path, "a path", pathlib.Path()
    ),
}


def kindOf(kind: Any) -> Kind:
    """The kind of a (not annotated) type; TypeError for a type that the host does not know."""
    if kind in _SIMPLE:
        return _SIMPLE[kind]
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return TextKind(
            lambda value: isinstance(value, kind),
            lambda value: value.name,
            lambda text: kind[text],
            f"a {kind.__name__}",
            next(iter(kind)),
        )
    if isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode):
        return NodeKind((kind,))
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        members = [member for member in typing.get_args(kind) if member is not type(None)]
        if all(isinstance(member, type) and issubclass(member, slicer.vtkMRMLNode) for member in members):
            return NodeKind(tuple(members))
        if len(members) == 1:
            return OptionalKind(kindOf(members[0]))
    raise TypeError(f"The host's parameter node has no way to keep {kind}")
