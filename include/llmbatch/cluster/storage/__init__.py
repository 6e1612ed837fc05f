"""The object store as a Ray job opens it, and the Parquet of shards.

Door: ``store``. Imports no other room.
"""
