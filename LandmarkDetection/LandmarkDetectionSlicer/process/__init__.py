"""The processes beside Slicer that do the slow work, and the Python packages that they need."""
