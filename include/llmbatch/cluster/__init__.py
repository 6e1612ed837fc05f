"""The part of llmbatch that runs in Ray: shards in, answers out. Started as ``python -m llmbatch.cluster``."""
