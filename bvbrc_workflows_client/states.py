"""States that the client must know."""

from typing import Final

FINAL: Final = frozenset({"succeeded", "failed", "cancelled"})
"""States that a workflow or batch does not leave by itself."""
