"""Servers that fail over, and networks that part, for tests and the chaos driver."""
