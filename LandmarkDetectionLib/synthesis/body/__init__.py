"""Bodies: shapes and poses, scanners, views with known landmarks, and CT phantoms."""

from LandmarkDetectionLib._renamed import names_of_before

__getattr__ = names_of_before(__name__)
