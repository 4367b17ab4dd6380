"""When the result of one job is the answer to another step: pure decisions (docs/reuse.md)."""
