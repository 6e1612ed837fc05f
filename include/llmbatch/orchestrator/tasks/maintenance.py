"""The bodies of the tasks of ``llmbatch_maintenance``, and its form."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from airflow.sdk import Param, get_current_context
from airflow.sdk.exceptions import AirflowSkipException

from llmbatch.core.clock import SystemClock
from llmbatch.core.config_sections import RetentionConfig
from llmbatch.core.errors import RequestError, StoreError
from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.orchestrator.deployment.settings import load_settings
from llmbatch.orchestrator.tasks.inference import final_unless_retryable

JOB_DAGS = (INFERENCE_DAG,)
"""DAGs whose Ray jobs may be stopped as orphans."""

EXPIRE_HOUR = 3
"""Hour of the day, UTC, of the scheduled run that checks all jobs, which lists the whole jobs folder."""

_DAYS = {
    "staged_days": "Staged input of finished jobs",
    "jobs_days": "Whole job folders",
    "dead_generations_days": "Leftovers of dead generations",
}
_log = logging.getLogger(__name__)


def maintenance_params() -> dict[str, Param]:
    """Return the form: a dry run, and limits that are longer than those of config.yaml (in a dry run, any)."""
    limits = RetentionConfig.model_json_schema()["properties"]
    days = {
        name: Param(
            None,
            type=["null", "integer"],
            minimum=next(variant["minimum"] for variant in limits[name]["anyOf"] if "minimum" in variant),
            title=f"{title}: days",
            description="Empty: as in config.yaml. At least as long as there, except in a dry run.",
        )
        for name, title in _DAYS.items()
    }
    dry_run = Param(
        False, type="boolean", title="Only report what would be done", description="Remove nothing and stop nothing."
    )
    return {"dry_run": dry_run, **days}


@final_unless_retryable
def sweep_orphans() -> dict[str, Any]:
    """Stop Ray jobs whose DAG run has ended or was deleted. Return how many."""
    from llmbatch.orchestrator.deployment.run_states import dag_run_state
    from llmbatch.orchestrator.deployment.store import open_store
    from llmbatch.orchestrator.maintenance.orphans import OrphanSweep
    from llmbatch.orchestrator.ray_jobs.hook import RayHook

    config = load_settings()
    dry_run = bool(get_current_context()["params"]["dry_run"])
    with RayHook(config.ray.conn_id).get_conn() as jobs:
        orphans = OrphanSweep(
            jobs=jobs,
            run_state=dag_run_state,
            store=open_store(config.store.conn_id),
            base_uri=config.store.base_uri,
            dag_ids=JOB_DAGS,
            clock=SystemClock(),
        ).run(dry_run=dry_run)
    _log.info("event=orphans_swept orphans=%d dry_run=%s", len(orphans), dry_run)
    return {"orphans": len(orphans), "dry_run": dry_run}


@final_unless_retryable
def expire() -> dict[str, Any]:
    """Remove what is older than the limits, once a day and in every manual run. Return how much."""
    from llmbatch.orchestrator.deployment.store import open_store
    from llmbatch.orchestrator.maintenance.gateway_leftovers import expire_gateway
    from llmbatch.orchestrator.maintenance.removal import Expired
    from llmbatch.orchestrator.maintenance.removal import expire as expire_jobs

    context = get_current_context()
    dag_run, params = context["dag_run"], context["params"]
    if dag_run.run_type == "scheduled" and dag_run.run_after.hour != EXPIRE_HOUR:
        raise AirflowSkipException(f"Retention runs once a day, in the run of {EXPIRE_HOUR:02d} o'clock UTC.")
    config = load_settings()
    dry_run = bool(params["dry_run"])
    limits = _limits(config.retention, params, may_shorten=dry_run)
    store = open_store(config.store.conn_id)
    done, failures = list[Expired](), list[StoreError]()
    # The gateway first: a dry run and a real one then see the same job folders.
    for step in (expire_gateway, expire_jobs):
        try:
            done.append(step(store, config.store.base_uri, limits, SystemClock(), dry_run=dry_run))
        except StoreError as error:
            failures.append(error)
    if failures:
        raise StoreError("; ".join(map(str, failures)))
    found = {
        "removals": sum(each.removals for each in done),
        "objects": sum(each.amount.objects for each in done),
        "bytes": sum(each.amount.bytes for each in done),
        "dry_run": dry_run,
    }
    _log.info("event=expired removals=%d objects=%d bytes=%d dry_run=%s", *found.values())
    return found


def _limits(kept: RetentionConfig, params: Mapping[str, Any], *, may_shorten: bool) -> RetentionConfig:
    """Return the limits of config.yaml, with those of the form in their place.

    Raises:
        RequestError: the form would remove what config.yaml keeps.
    """
    given = {name: params[name] for name in _DAYS if params.get(name) is not None}
    for name, days in given.items():
        least = getattr(kept, name)
        if not may_shorten and (least is None or days < least):
            raise RequestError(
                name,
                f"{days} days is shorter than retention.{name} in config.yaml, "
                f"which keeps the data {'for ever' if least is None else f'for {least} days'}",
                "Leave it empty, or change config.yaml. A dry run takes any number of days.",
            )
    return RetentionConfig.model_validate({**kept.model_dump(), **given})
