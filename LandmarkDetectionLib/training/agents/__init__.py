"""Search agents that learn by deep Q-learning on annotated volumes."""
