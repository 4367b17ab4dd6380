"""Notifications: messages about events to users' webhooks and e-mail addresses."""
