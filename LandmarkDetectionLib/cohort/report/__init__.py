"""The report of a cohort as one page that opens anywhere."""

from LandmarkDetectionLib._renamed import names_of_before

__getattr__ = names_of_before(__name__)
