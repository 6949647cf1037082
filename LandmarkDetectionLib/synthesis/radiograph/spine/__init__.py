"""Antero-posterior radiographs of the whole spine, made from bones and code."""
