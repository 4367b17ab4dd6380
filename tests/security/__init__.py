"""Attacks on running processes: during each, everybody else is served."""
