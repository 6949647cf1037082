"""Training on the synthetic stream: ``presets`` say what, ``tasks`` which losses, ``loop`` runs it, ``package`` ships it."""
