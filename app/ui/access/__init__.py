"""Who uses the pages: signing in and out, sessions, tokens."""
