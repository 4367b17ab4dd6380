"""The pages of webhooks and e-mail addresses."""
