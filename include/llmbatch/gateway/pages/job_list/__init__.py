"""The page of all jobs. Door: ``job_list``. Imports pages, figures, metrics, jobs, access, airflow, wire."""
