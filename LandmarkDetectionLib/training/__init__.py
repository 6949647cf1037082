"""Learning: :mod:`.loop` runs what :mod:`.supervised`, :mod:`.synthetic` and :mod:`.finetuning` prepare."""
