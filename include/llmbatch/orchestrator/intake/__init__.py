"""From a request to an accepted job.

Door: ``accept``. Imports admission and what lies below it.
"""
