"""How far a detection can be trusted: calibration, plausibility, and what to look at first."""
