"""What the page of one job shows, each part a function from stored state. Imports: jobs, access, airflow, wire."""
