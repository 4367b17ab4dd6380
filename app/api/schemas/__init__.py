"""Schemas of requests and answers, as /openapi.json shows them."""
