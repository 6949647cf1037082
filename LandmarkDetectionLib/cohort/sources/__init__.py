"""Where cases come from: a folder, DICOM, BIDS or a datalist; nothing is left out without a reason."""

from LandmarkDetectionLib._renamed import names_of_before

__getattr__ = names_of_before(__name__)
