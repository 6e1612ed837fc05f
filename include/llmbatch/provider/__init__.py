"""llmbatch as an installed package of Airflow: what the entry points of the wheel name.

Doors: ``info``, ``plugin``, ``dag_bundle``. Imports the gateway's ``mounted`` and the orchestrator.
"""
