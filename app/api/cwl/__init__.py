"""Routes that take CWL."""
