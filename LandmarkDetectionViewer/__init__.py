"""Review in the browser: Slicer's own scene and views on the server, a page on the screen.

It shows what the panel shows, by the same code (``LandmarkDetectionSlicer``), without Slicer's application.
"""
