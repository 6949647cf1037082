"""Training on annotated images, from a datalist to a model of grey values."""
