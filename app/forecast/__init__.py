"""Forecasts for requests: their cost is bounded and counts against the quota of who asks."""
