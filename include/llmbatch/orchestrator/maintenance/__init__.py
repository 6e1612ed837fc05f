"""Retention, removal, orphans and backup.

Door: the module named like the task. Imports steering, ray_jobs, jobs and deployment.
"""
