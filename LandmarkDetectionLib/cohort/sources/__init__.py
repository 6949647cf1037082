"""Where cases come from: a folder, DICOM, BIDS or a datalist; nothing is left out without a reason."""
