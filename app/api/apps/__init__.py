"""Routes of the catalogue of apps."""
