"""Files and batches of the OpenAI API. Imports the doors of the orchestrator, airflow and wire."""
