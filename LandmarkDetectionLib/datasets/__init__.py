"""Annotated images as data sets: cases, what is wrong with them, raters, and how they are divided."""
