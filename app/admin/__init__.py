"""What operators look at (docs/operations.md)."""
