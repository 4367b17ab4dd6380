"""BV-BRC's services simulated in one process, with their quirks, faults on demand and a call log.

``python -m simulator --port N``; tests talk to it through ``client.Simulator``.
"""
