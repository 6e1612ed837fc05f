"""Names that this Airflow knows: pools and assets."""

from __future__ import annotations

from airflow.sdk import Asset

RAY_POOL = "llmbatch_ray"
"""Limits the Ray jobs that run at once. Create it with "include deferred", for a waiting RayOperator is deferred::

    airflow pools set --include-deferred llmbatch_ray 4 "Ray jobs at once"
"""

RESULTS = Asset("llmbatch_results")
"""Updated by ``publish`` with ``job_id``, ``output_uri``, ``manifest_uri`` and ``outputs`` as the event's extra."""

START_ORDER = "llmbatch.orchestrator.deployment.start_order.RunPriority"
"""The rule by which waiting jobs start. Airflow stores its name, and loads it through the plugin."""
