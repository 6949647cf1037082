"""Bodies: shapes and poses, scanners, views with known landmarks, and CT phantoms."""
