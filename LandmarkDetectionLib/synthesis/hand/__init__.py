"""Hands: shapes and poses, scanners, and views with known landmarks."""
