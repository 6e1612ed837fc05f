"""Who calls: tokens of Airflow and API keys. Imports airflow and wire."""
