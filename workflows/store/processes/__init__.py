"""What processes say of themselves and of the services they reach."""
