"""Lateral radiographs of heads, cephalograms, made from bones and code."""
