"""From landmarks to distances, angles and classes with their uncertainty, as a protocol defines them."""

from LandmarkDetectionLib.measurement.frame import Frame, known_distance
from LandmarkDetectionLib.measurement.measure import Measured, Measurements, measure, measure_in

__all__ = ["Frame", "Measured", "Measurements", "known_distance", "measure", "measure_in"]
