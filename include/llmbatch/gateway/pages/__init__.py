"""The pages of the UI: templates, scripts, figures. Door: ``pages``. Imports metrics, jobs, access, airflow, wire."""
