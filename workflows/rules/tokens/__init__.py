"""How long tokens last, and when they are renewed."""
