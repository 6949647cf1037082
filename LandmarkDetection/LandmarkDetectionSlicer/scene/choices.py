"""What a person chooses of a detection and a review; each member is stored by its name."""

from enum import Enum

from slicer.i18n import tr as _


class Depth(Enum):
    """How the distance from front to back is found; the values are the library's words."""

    AUTOMATIC = ""
    NETWORK = "network"
    LATERAL = "lateral"
    MEAN = "mean"

    def label(self) -> str:
        """As the panel shows it."""
        return {
            Depth.AUTOMATIC: _("Best for the model"),
            Depth.NETWORK: _("Networks, from front and side"),
            Depth.LATERAL: _("View from the side"),
            Depth.MEAN: _("Mean of the training bodies"),
        }[self]


class Device(Enum):
    """What computes; the values are the library's words."""

    AUTOMATIC = "auto"
    CPU = "cpu"
    CUDA = "cuda"

    def label(self) -> str:
        """As the panel shows it."""
        return {
            Device.AUTOMATIC: _("Automatic"),
            Device.CPU: _("Processor (CPU)"),
            Device.CUDA: _("Graphics card (CUDA)"),
        }[self]


class Side(Enum):
    """Which hand it is, for models of hands; the values are the library's words."""

    AUTOMATIC = "auto"
    LEFT = "left"
    RIGHT = "right"

    def label(self) -> str:
        """As the panel shows it."""
        return {
            Side.AUTOMATIC: _("As the thumb tells"),
            Side.LEFT: _("Left hand"),
            Side.RIGHT: _("Right hand"),
        }[self]


class Others(Enum):
    """When the landmarks that nobody has settled follow a correction."""

    STAY = "stay"
    FOLLOW = "follow"
    LIVE = "live"

    def label(self) -> str:
        """As the panel shows it."""
        return {
            Others.STAY: _("Stay where they are"),
            Others.FOLLOW: _("Follow corrections"),
            Others.LIVE: _("Follow while dragging"),
        }[self]


class Names(Enum):
    """Which landmarks' names the views show."""

    ROOM = "room"
    ALL = "all"
    SELECTED = "selected"

    def label(self) -> str:
        """As the panel shows it."""
        return {
            Names.ROOM: _("Where there is room"),
            Names.ALL: _("All"),
            Names.SELECTED: _("The selected one"),
        }[self]
