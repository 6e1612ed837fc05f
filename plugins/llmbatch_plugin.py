"""Registers llmbatch with Airflow. Loaded by every Airflow process, so it imports and reads nothing heavy.

The links of ``RayOperator`` need no registration: the operator declares them.
"""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin


class LlmbatchPlugin(AirflowPlugin):
    """Everything that llmbatch adds to Airflow itself."""

    name = "llmbatch"
