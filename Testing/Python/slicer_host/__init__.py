"""A small host for scripted modules of Slicer: the real MRML, PySide6 in the manner of PythonQt.

For tests and screenshots only; README.md lists what it cannot represent.
"""

from .host import SlicerHost

__all__ = ["SlicerHost"]
