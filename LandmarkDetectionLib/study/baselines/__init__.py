"""What networks are compared with, and the paper's network itself, all with one interface."""
