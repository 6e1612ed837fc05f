"""Readers of job folders, for every other room.

Door: ``documents``. Imports no other room.
"""
