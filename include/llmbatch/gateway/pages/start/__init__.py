"""The page that starts a job: its form, the first rows, the check before the start. Door: ``form``.

Imports jobs, access, airflow and wire.
"""
