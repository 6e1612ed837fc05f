"""Airflow pools that the DAGs name."""

from __future__ import annotations

RAY_POOL = "llmbatch_ray"
"""Limits the Ray jobs that run at once. Create it with "include deferred", for a waiting RayOperator is deferred::

    airflow pools set --include-deferred llmbatch_ray 4 "Ray jobs at once"
"""
