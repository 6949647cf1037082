"""Heads of simple shapes as CT or MR volumes with known landmarks."""
