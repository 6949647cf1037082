"""Data sets for other programs, whole or not at all, so that the same data train theirs."""
