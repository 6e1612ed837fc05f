"""The watch of a running job: sensor, trigger, deadlines, SLA.

Door: ``sensor``. Imports alerting, steering, ray_jobs, jobs and deployment.
"""
