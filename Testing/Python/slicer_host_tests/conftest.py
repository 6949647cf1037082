"""The host for tests of the Slicer side: a fresh scene and a fresh window for each test."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("slicer", reason="needs Slicer's classes: pip install slicer-core")
pytest.importorskip("PySide6.QtWidgets", reason="needs Qt and its system libraries", exc_type=ImportError)

if TYPE_CHECKING:
    from Testing.Python.slicer_host import SlicerHost


@pytest.fixture
def host() -> "Iterator[SlicerHost]":
    """Slicer 5.12 as far as a panel can see; fails the test for an exception lost in a slot."""
    from Testing.Python.slicer_host import SlicerHost

    host = SlicerHost()
    yield host
    host.close()
    assert not host.errors, "\n".join(host.errors)
