"""Python's search for garbage, kept from stopping the window.

Now and then Python looks through every container object of the application: some 200,000 with what Slicer
imports, of which this module has a tenth, and the window stands still for as long as that takes. Objects that
are set aside (``gc.freeze``) are not looked through. They are still deleted when the last reference to them
goes; only circles among them stay until the search includes them again, so garbage is taken away before, at
a moment when a person waits anyway, and everything is given back when the panel is left.
"""

from __future__ import annotations

import gc


def setAside() -> None:
    """Take garbage away, and look through what is there now no longer; what is new is looked through."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def setNewAside() -> None:
    """Also set aside what came since, unless nothing is; for modules just imported, as garbage stays."""
    if gc.get_freeze_count():
        gc.freeze()


def giveBack() -> None:
    """Look through everything again."""
    gc.unfreeze()
