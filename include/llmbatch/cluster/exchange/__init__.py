"""What driver and replicas say to each other.

Door: ``scoreboard``. Imports no other room.
"""
