"""Holds over HTTP: who keeps what from starting, until when, and why (docs/holds.md)."""
