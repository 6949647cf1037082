"""The command line: one file per group of commands; :mod:`.app` ties them together."""

from LandmarkDetectionLib._renamed import names_of_before

__getattr__ = names_of_before(__name__)
