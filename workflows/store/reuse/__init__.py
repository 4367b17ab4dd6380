"""Reads and writes of jobs for the reuse of results: look-ups, sources, what jobs left."""
