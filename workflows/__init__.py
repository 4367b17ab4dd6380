"""The engine: what a workflow is, and how it is carried to its end."""

__version__ = "1.0.0"
"""Of all that is released together; pyproject.toml, API, health and command line read it here."""
