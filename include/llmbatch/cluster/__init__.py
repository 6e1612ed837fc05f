"""The part of llmbatch that runs inside a Ray job."""
