"""BV-BRC's user service: tokens for passwords, and renewed tokens."""
