"""Verbs of batches."""
