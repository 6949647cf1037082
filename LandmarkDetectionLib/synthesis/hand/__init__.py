"""Hands: shapes and poses, scanners, and views with known landmarks."""

from LandmarkDetectionLib._renamed import names_of_before

__getattr__ = names_of_before(__name__)
