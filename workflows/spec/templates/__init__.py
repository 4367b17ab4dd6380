"""Templates: workflows with typed inputs, checked before they are stored and when they are used."""
