"""Forecasts of stored workflows and batches, and of documents that are not stored yet."""
