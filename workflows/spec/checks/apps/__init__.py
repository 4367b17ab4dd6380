"""Checks of what single apps require, most of it as data."""
