"""Graphs and timelines, drawn purely."""
