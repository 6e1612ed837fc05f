"""What Airflow reads of llmbatch as a provider. Every Airflow process calls it, so it imports nothing.

Airflow 3.3 builds the connection form from ``conn-fields`` and ``ui-field-behaviour``; the methods of a hook that did
this before are deprecated.
"""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Return the provider: connection type, links, triggers, options of ``airflow.cfg``."""
    return {
        "package-name": "llmbatch",
        "name": "llmbatch",
        "description": "LLM batch inference with deadlines, on Ray Data and vLLM.",
        "integrations": [{"integration-name": "llmbatch", "tags": ["ai"]}],
        "connection-types": [_RAY],
        "extra-links": [
            "llmbatch.orchestrator.ray_jobs.links.RayDashboardLink",
            "llmbatch.orchestrator.tasks.job_run.ResultsLink",
            "llmbatch.orchestrator.tasks.job_start.JobLink",
        ],
        "triggers": [
            {
                "integration-name": "llmbatch",
                "python-modules": [
                    "llmbatch.orchestrator.drop_folder.trigger",
                    "llmbatch.orchestrator.ray_jobs.trigger",
                    "llmbatch.orchestrator.tasks.run_end",
                    "llmbatch.orchestrator.watch.trigger",
                ],
            }
        ],
        "config": {"llmbatch": _OPTIONS},
    }


_RAY = {
    "connection-type": "ray",
    "hook-class-name": "llmbatch.orchestrator.ray_jobs.hook.RayHook",
    "hook-name": "Ray",
    "ui-field-behaviour": {
        "hidden-fields": ["schema", "login"],
        "relabeling": {
            "host": "Ray dashboard",
            "port": "Port of the dashboard",
            "password": "Ray token",  # nosec B105 # a label
        },
        "placeholders": {
            "host": "http://ray-head.example (https:// behind TLS)",
            "port": "8265",
            "password": "RAY_AUTH_TOKEN of the cluster; empty if it has none",  # nosec B105 # a placeholder
            "dashboard_url": "https://ray.example",
            "ca_file": "/etc/ssl/private-ca.pem",
        },
    },
    "conn-fields": {
        "dashboard_url": {
            "label": "Dashboard for browsers",
            "description": "Address behind the button 'Ray dashboard', if users reach Ray at another one than Airflow.",
            "schema": {"type": ["string", "null"]},
        },
        "ca_file": {
            "label": "Certificates to trust",
            "description": "File in PEM form on all Airflow components: the authority of a private TLS certificate.",
            "schema": {"type": ["string", "null"]},
        },
    },
}

_OPTIONS = {
    "description": "Options of llmbatch. All settings of jobs are in the file that it names.",
    "options": {
        "config_file": {
            "description": (
                "Path of llmbatch's config.yaml on every Airflow component. LLMBATCH_CONFIG wins over it; "
                "without both, it is config/config.yaml beside the DAGs folder."
            ),
            "version_added": "0.1.0",
            "type": "string",
            "example": "/opt/llmbatch/config.yaml",
            "default": "",
        }
    },
}
