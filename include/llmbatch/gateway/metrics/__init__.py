"""Stored state as metrics of Prometheus. Door: ``exporter``. Imports jobs, airflow, wire, doors of the orchestrator."""
