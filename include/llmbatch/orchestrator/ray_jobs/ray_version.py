"""Whether a cluster runs the Ray that this release needs, asked before a job is accepted."""

from __future__ import annotations

import logging

from airflow.sdk.exceptions import AirflowException

from llmbatch.core.errors import ConfigError, OtherRay, RayJobError
from llmbatch.core.ray_version import RAY_VERSION
from llmbatch.core.shown import shown
from llmbatch.orchestrator.ray_jobs.hook import RayHook
from llmbatch.version import VERSION

_log = logging.getLogger(__name__)


def require_ray_version(ray_conn_id: str) -> None:
    """Make sure that the cluster runs ``RAY_VERSION``. One request, of a few seconds at most.

    A cluster that does not answer is no refusal, only a warning: jobs are accepted while Ray is down or restarted, and
    wait for it in the task ``run``. The Ray job checks the version again.

    Args:
        ray_conn_id: Airflow connection of type ``ray``.

    Raises:
        OtherRay: it runs another version.
    """
    try:
        with RayHook(ray_conn_id).get_conn() as ray:
            found, where = ray.version(), ray.address.url
    except (RayJobError, ConfigError, AirflowException) as error:
        _log.warning(
            "event=ray_version_unknown conn_id=%s reason=%s; the job is accepted without this check",
            shown(ray_conn_id),
            shown(error),
        )
        return
    if found != RAY_VERSION:
        raise OtherRay(
            f"{where} runs Ray {found}, and llmbatch {VERSION} needs Ray {RAY_VERSION}: it would end the job before an "
            f"engine starts. Install Ray {RAY_VERSION} on the cluster (requirements/ray-*.lock), or the release of "
            f"llmbatch for Ray {found}, then clear the task `accept`."
        )
