"""A hand in a radiograph or a volume, turned into canonical axes."""
