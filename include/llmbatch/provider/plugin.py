"""Registers llmbatch with Airflow. Loaded by every Airflow process, so it imports nothing heavy and reads nothing.

An installed wheel names this class as an entry point; ``plugins/llmbatch_plugin.py`` gives it to an Airflow that has
copied folders. The links of ``JobRun`` need no registration: the operator declares them.
"""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from llmbatch.gateway.mounted import MOUNTED
from llmbatch.orchestrator.deployment.start_order import RunPriority, StartOrder
from llmbatch.orchestrator.watch.deadlines import SlaDeadline


class LlmbatchPlugin(AirflowPlugin):
    """Everything that llmbatch adds to Airflow itself."""

    name = "llmbatch"
    deadline_references = [SlaDeadline]  # noqa: RUF012 - the base class declares an instance's list
    priority_weight_strategies = [RunPriority]  # noqa: RUF012 - as above
    listeners = [StartOrder()]  # noqa: RUF012 - as above
    fastapi_apps = [  # noqa: RUF012 - as above
        {"app": MOUNTED, "url_prefix": "/llmbatch", "name": "llmbatch"}
    ]
    # addresses without a slash in front: Airflow's pages resolve them below its own base path
    external_views = [  # noqa: RUF012 - as above
        {
            "name": "LLM jobs",
            "href": "llmbatch/ui/jobs",
            "destination": "nav",
            "url_route": "llmbatch",
            "icon": "llmbatch/ui/icon.svg",
            "nav_top_level": True,
        },
        {
            "name": "LLM job",
            "href": "llmbatch/ui/runs/{DAG_ID}/{RUN_ID}",
            "destination": "dag_run",
            "url_route": "llmbatch-job",
        },
    ]
