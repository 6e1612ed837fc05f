"""From a model's address to a local folder.

Door: ``resolve``. Imports no other room.
"""
