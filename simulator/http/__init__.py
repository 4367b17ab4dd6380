"""Requests and replies: HTTP, JSON-RPC, pages, control and the call log."""
