"""Ray jobs for any Airflow: operator, trigger, hook, client.

Doors: ``operator`` and ``hook``. Knows no llmbatch job. Imports deployment.
"""
