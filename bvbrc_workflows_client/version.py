"""The version of all that is released together."""

__version__ = "1.0.0"
"""The same as ``workflows.__version__``; a test compares them."""
