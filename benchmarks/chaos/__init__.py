"""The real product under a seeded schedule of faults, and an audit of what it did."""
