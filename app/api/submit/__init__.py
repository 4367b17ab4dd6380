"""Routes that take workflows."""
