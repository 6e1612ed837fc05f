"""What driver and replicas exchange.

Door: ``scoreboard``. Imports no other room.
"""
