"""Reuse of results: look-ups of earlier jobs, and notes of what jobs read and left."""
