"""The Slicer side of Landmark Detection: nodes of the scene in, calls of the library out, and back."""
