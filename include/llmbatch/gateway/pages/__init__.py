"""The pages of the UI: templates, their scripts, and figures. Door: pages.py. Imports: jobs, metrics, access, airflow, wire, core, orchestrator.

``routers/ui`` has their routes, below ``/ui``.
"""
