"""Webhooks and the messages to them: read, and changed by guarded writes."""
