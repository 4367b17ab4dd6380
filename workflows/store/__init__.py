"""Reads and guarded writes, one module for each collection.

Everything here takes and gives the domain's values. Times that decide who may do what are MongoDB's
(``$$NOW``), never this process's. Failures of MongoDB itself surface as ``Unavailable``.
"""
