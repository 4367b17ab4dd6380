"""What an operator looks at. Each question has an index, a limit and a time of its own."""
