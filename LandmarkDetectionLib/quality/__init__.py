"""How far a detection can be trusted: calibration, plausibility, and what to look at first."""

from LandmarkDetectionLib._renamed import names_of_before

__getattr__ = names_of_before(__name__)
