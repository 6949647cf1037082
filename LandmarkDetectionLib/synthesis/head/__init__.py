"""Heads of simple shapes as CT or MR volumes with known landmarks."""

from LandmarkDetectionLib._renamed import names_of_before

__getattr__ = names_of_before(__name__)
