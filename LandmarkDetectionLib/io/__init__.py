"""Files: one module per format, and the only place where LPS becomes RAS and back."""
