"""Network architectures, one file each; :mod:`.architectures` builds them by name."""

from LandmarkDetectionLib._renamed import names_of_before

__getattr__ = names_of_before(__name__)
