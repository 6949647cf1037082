"""Training on synthetic bodies: ``presets`` say what, ``tasks`` how, ``loop`` runs, ``package`` ships."""
