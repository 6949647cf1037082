"""One file per way to detect, all alike: Volume + Model -> Detection; :mod:`.dispatch` chooses."""
