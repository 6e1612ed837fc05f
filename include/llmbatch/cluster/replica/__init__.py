"""One engine and the rows in it.

Door: ``replica_actor``. Imports exchange, engines, models and storage.
"""
