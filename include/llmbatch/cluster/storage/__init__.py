"""The object store as a Ray job opens it, the Parquet of shards, and the commit of a shard.

Doors: ``store``, ``shard_commit``. Imports no other room.
"""
