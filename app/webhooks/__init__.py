"""Webhooks over HTTP: addresses that are sent messages about a user's workflows."""
