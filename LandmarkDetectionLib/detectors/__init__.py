"""One file per way to detect, all alike: Volume + Model -> Detection; :mod:`.dispatch` chooses."""

from LandmarkDetectionLib._renamed import names_of_before

__getattr__ = names_of_before(__name__)
