"""Keeps users' tokens valid."""
