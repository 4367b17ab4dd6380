"""Commands for messages about workflows: webhooks and letters."""
