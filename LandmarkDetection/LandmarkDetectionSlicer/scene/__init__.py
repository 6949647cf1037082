"""Nodes of the scene as types of the library, and back; what is drawn in the views. No widgets."""
