"""Finds workflows by a filter, and acts on all that it finds."""
