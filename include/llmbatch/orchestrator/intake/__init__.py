"""From a request to an accepted job.

Door: ``accept``. Imports admission and the rooms below it.
"""
