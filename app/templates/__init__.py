"""Templates over HTTP: workflows with typed inputs, and what is started from them."""
