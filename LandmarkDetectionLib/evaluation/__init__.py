"""How good a model is: errors with their uncertainty, tables, plots and pages, raters side by side."""
