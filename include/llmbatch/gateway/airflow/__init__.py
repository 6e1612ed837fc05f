"""Airflow as the gateway calls it, with the rights of the caller. Imports wire."""
