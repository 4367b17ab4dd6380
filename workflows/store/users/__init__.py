"""What is stored for each user: the token, sessions, usage, preferences."""
