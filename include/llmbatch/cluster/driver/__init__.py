"""The driver of a Ray job: streams shards to replicas, beats, stops.

Door: ``pipeline``. Imports replica, exchange, engines, models and storage.
"""
