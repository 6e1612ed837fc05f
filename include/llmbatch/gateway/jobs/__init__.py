"""Jobs as the API shows them. Imports the doors of the orchestrator, airflow and wire."""
