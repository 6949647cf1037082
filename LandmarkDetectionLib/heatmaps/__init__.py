"""Heatmaps: targets, what a network answers for an image, and positions read off it."""
