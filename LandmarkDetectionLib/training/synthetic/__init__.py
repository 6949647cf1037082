"""Training on synthetic bodies and hands: presets, tasks, packages and their cards."""
