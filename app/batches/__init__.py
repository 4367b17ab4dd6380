"""Batches over HTTP: one workflow over a table of samples."""
