"""Network architectures, one file each; :mod:`.architectures` builds them by name."""
