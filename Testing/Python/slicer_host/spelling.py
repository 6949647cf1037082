"""Spellings that PySide6 takes and PythonQt does not, found in a module's source."""

import ast
import enum
from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets


def foreign_spellings(source: str) -> list[str]:
    """Every place in ``source`` that would only work in PySide6, with its line.

    Enumerators through their enumeration (``qt.Qt.Key.Key_A`` for ``qt.Qt.Key_A``), Qt's own Python
    packages, and ``exec``.
    """
    found = []
    for node in ast.walk(ast.parse(source)):
        complaint = _complaint(node)
        if complaint:
            found.append(f"line {node.lineno}: {complaint}")
    return found


def _complaint(node: ast.AST) -> str | None:
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        foreign = [name for name in names if name.split(".")[0] in ("PySide6", "PyQt5", "PyQt6", "PySide2")]
        return f"import of {foreign[0]}" if foreign else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "exec":
        return "exec() (PythonQt: exec_())"
    if isinstance(node, ast.Attribute):
        path = _dotted(node)
        if path[:1] == ["qt"] and len(path) >= 4 and _isEnumeration(path[1:3]):
            return f"{'.'.join(path)} (PythonQt: {'.'.join([*path[:2], path[3]])})"
    return None


def _dotted(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Attribute):
        inner = _dotted(node.value)
        return [*inner, node.attr] if inner else []
    return [node.id] if isinstance(node, ast.Name) else []


def _isEnumeration(path: list[str]) -> bool:
    for binding in (QtCore, QtGui, QtWidgets):
        value: Any = binding
        for name in path:
            value = getattr(value, name, None)
        if isinstance(value, enum.EnumMeta):
            return True
    return False
