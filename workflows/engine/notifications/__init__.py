"""Notifications: messages about events to users' webhooks."""
