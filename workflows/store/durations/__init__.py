"""How long jobs took, hour by hour."""
