"""Retries a workflow, with changes where they are wanted."""
