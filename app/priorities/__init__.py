"""Who goes first, over HTTP: of a user's own workflows, and of users (docs/priorities.md)."""
