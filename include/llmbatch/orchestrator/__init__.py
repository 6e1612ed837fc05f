"""The part of llmbatch that runs inside Airflow."""
