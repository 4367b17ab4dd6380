"""BV-BRC's services as one process in memory, with their habits, faults on demand and a ledger.

``python -m simulator --port N``; tests talk to it through ``client.Simulator``.
"""
