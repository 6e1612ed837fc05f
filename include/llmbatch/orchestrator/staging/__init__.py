"""From the rows of the input to immutable shards.

Door: ``stage``. Imports inputs and jobs.
"""
