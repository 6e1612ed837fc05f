"""Events of tasks, operator and sensor as metrics, through Airflow's own client: StatsD or OpenTelemetry.

Doors: ``events``, ``store_requests``. Imports core and Airflow.
"""
