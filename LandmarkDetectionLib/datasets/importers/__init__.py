"""Public data sets, and what other programs write, as datalists: one file per format.

Each ``import_xxx`` reads a folder as it is downloaded, leaves it as it is, and writes a new folder with
``datalist.json`` and, where the source has no landmark file per image, one for each image and rater. A folder
that is laid out differently is refused with a sentence that says what was expected.
"""
