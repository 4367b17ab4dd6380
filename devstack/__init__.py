"""The servers and processes of one machine's set-up: for the scripts, the demo and the tests.

Nothing here runs in production; there, systemd, compose or Kubernetes do this work.
"""
