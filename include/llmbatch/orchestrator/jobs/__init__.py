"""A job's folder as every other room reads it.

Door: ``documents``. Imports no other room.
"""
