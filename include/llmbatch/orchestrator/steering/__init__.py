"""Requests to a running job, by a user or by a reaction.

Door: ``control``. Imports jobs and deployment.
"""
