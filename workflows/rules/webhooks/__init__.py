"""Which messages webhooks get, and when they are sent again."""
