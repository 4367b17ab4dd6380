"""Reads and guarded writes, one module for each collection.

All functions take and return the domain's values. Times that decide about leases are MongoDB's
(``$$NOW``), never this process's. Failures of MongoDB itself surface as ``Unavailable``.
"""
