"""The alerts of a job: raised once, sent to every sink.

Door: ``job_alerts``. Imports jobs and deployment.
"""
