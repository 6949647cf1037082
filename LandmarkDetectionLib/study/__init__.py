"""The reproduction of Riegler 2015: silhouettes to landmarks, its baselines, folds and report."""
