"""Radiographs: bones, teeth, air and skin projected from a source onto a film, with known landmarks."""
