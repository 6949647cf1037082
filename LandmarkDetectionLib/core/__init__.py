"""The words everything is made of: plain data and arithmetic, without files and without images."""
