"""How good landmarks are, and pictures to judge them by."""
