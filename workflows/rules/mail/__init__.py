"""What e-mail says, and how it is written."""
