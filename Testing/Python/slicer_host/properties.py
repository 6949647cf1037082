"""Short ways to declare the Qt properties of a stand-in widget."""

from typing import Any

from PySide6 import QtCore


def forwarded(kind: Any, inner: str, name: str) -> QtCore.Property:
    """A property that is the property ``name`` of the inner widget ``inner``."""
    return QtCore.Property(
        kind,
        lambda self: getattr(getattr(self, inner), name),
        lambda self, value: setattr(getattr(self, inner), name, value),
    )


def stored(kind: Any, name: str, default: Any) -> QtCore.Property:
    """A property that is only remembered: the host does nothing with it."""
    slot = f"_{name}_"
    return QtCore.Property(
        kind,
        lambda self: self.__dict__.get(slot, default),
        lambda self, value: self.__dict__.__setitem__(slot, value),
    )


def withSetters(cls: type) -> type:
    """Add ``setValue`` for a property ``value``, as the C++ classes have both."""
    for ancestor in reversed(cls.__mro__):
        for name, value in list(vars(ancestor).items()):
            if isinstance(value, QtCore.Property):
                setter = f"set{name[0].upper()}{name[1:]}"
                if not hasattr(cls, setter):
                    setattr(cls, setter, lambda self, value, name=name: setattr(self, name, value))
    return cls
