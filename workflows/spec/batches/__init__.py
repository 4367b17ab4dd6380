"""Batches: one workflow over a table of samples, checked row by row before anything is stored."""
