"""The Airflow asset that says "a job has delivered", for DAGs that go on with its results."""

from __future__ import annotations

from airflow.sdk import Asset

RESULTS = Asset("llmbatch_results")
"""Updated by ``publish`` with ``job_id``, ``output_uri``, ``manifest_uri`` and ``outputs`` as the event's extra."""
