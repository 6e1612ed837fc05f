"""Raise the alerts of a job whose Airflow deadline has passed. Airflow calls it in the triggerer.

It covers runs that have no watch: still queued, staging, or with a watch that is down. The level machine decides which
level is due, from the time and the store. The store also ensures that no alert is raised twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, JsonValue

from llmbatch.core.clock import SystemClock, later
from llmbatch.core.config import Config
from llmbatch.core.errors import ObjectMissing, SpecError, StoreError
from llmbatch.core.heartbeat import read_heartbeat
from llmbatch.core.identity import job_id_of
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout, idempotency_uri
from llmbatch.core.progress import Progress
from llmbatch.core.shown import shown
from llmbatch.core.sla import JobSla
from llmbatch.core.sla_hours import sla_hours_of
from llmbatch.core.states import Phase
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_document
from llmbatch.orchestrator.alerting.job_alerts import JobAlerts
from llmbatch.orchestrator.deployment.run_states import DagRunState, dag_run_state
from llmbatch.orchestrator.deployment.settings import load_settings
from llmbatch.orchestrator.deployment.store import open_store
from llmbatch.orchestrator.deployment.threads import ALERTS
from llmbatch.orchestrator.jobs.documents import read_spec
from llmbatch.orchestrator.jobs.keys import KeyNote

_log = logging.getLogger(__name__)

PAUSES = (5.0, 10.0, 20.0, 40.0, 60.0, 60.0, 60.0)
"""Seconds between attempts, because there may be no watch that repeats what a store or sink refused."""


class MissedRun(BaseModel):
    """The part of Airflow's run record that is used; ``state`` is that of the time at which the deadline passed."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    dag_id: str
    dag_run_id: str
    run_after: AwareDatetime
    state: str
    conf: dict[str, JsonValue] | None = None
    triggering_user_name: str | None = None


class _Deadline(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    deadline_time: AwareDatetime


async def look(context: Mapping[str, Any]) -> str:
    """Raise what is due and send it. Return the outcome as text, which Airflow stores as the callback's output.

    Raises:
        ConfigError: config.yaml cannot be read, so the place of the jobs is unknown.
        StoreError: the store did not answer for some minutes.
    """
    run = MissedRun.model_validate(context["dag_run"])
    passed_at = _Deadline.model_validate(context["deadline"]).deadline_time
    config = await ALERTS.run(load_settings)
    for pause in (*PAUSES, None):
        try:
            alerts, outcome = await ALERTS.run(raise_due, run, passed_at, config)
            break
        except StoreError as error:
            if pause is None:
                raise
            _log.warning(
                "event=store_failed run=%s error=%s; the deadline is checked again", shown(run.dag_run_id), error
            )
            await asyncio.sleep(pause)
    _log.info("event=deadline_passed run=%s deadline=%s %s", shown(run.dag_run_id), passed_at.isoformat(), outcome)
    if alerts is not None:
        for pause in PAUSES:
            await ALERTS.run(_send, alerts)
            await asyncio.sleep(pause)
    return outcome


def raise_due(run: MissedRun, passed_at: datetime, config: Config) -> tuple[JobAlerts | None, str]:
    """Read the job's state and raise what is due. Return the alerts to send and the outcome as text.

    The alerts are None if this call raised none.

    Raises:
        StoreError: the store failed.
    """
    if _is_over(run):
        return None, "no alert: the run has ended"
    clock, store, job_id = SystemClock(), open_store(config.store.conn_id), job_id_of(run.dag_id, run.dag_run_id)
    layout = JobLayout.of(config.store.base_uri, job_id)
    spec = _spec(layout, store)
    if (spec.request.dry_run if spec is not None else (run.conf or {}).get("dry_run")) is True:
        return None, "no alert: a dry run has no deadline"
    owner = _owner(spec, run, config.store.base_uri, store)
    if owner not in (None, job_id):
        return None, f"no alert: {owner} does the work, and its own run watches it"
    sla = JobSla.of(spec) if spec is not None else _sla_of_run(run, job_id)
    now = max(clock.now(), passed_at)  # two machines' clocks may differ a little
    progress = _progress(layout, store, now)
    if progress is not None and progress.phase is Phase.DONE and now < sla.deadline:
        return None, "no alert: all rows have ended, the results are being published"
    alerts = JobAlerts(sla, layout, store, clock, "deadline", config.sla, config.alerts, log=_log)
    raised = alerts.raise_due(progress, now)
    if not raised:
        return None, "no alert: finished in time, not due yet, or already raised"
    return alerts, f"raised {', '.join(alert.alert_id for alert in raised)}"


def _is_over(run: MissedRun) -> bool:
    """Whether the run has ended: now, or if Airflow does not answer, when the deadline passed."""
    try:
        return dag_run_state(run.dag_id, run.dag_run_id) is not DagRunState.ALIVE
    except Exception as error:  # its state of a moment ago is nearly as good
        _log.warning(
            "event=run_state_unknown run=%s last_state=%s error=%s", shown(run.dag_run_id), run.state, shown(error)
        )
        return run.state in {"success", "failed"}


def _spec(layout: JobLayout, store: ObjectStore) -> JobSpec | None:
    try:
        return read_spec(layout.root, store, is_strict=False)
    except ObjectMissing:
        return None
    except SpecError as error:
        _log.warning("event=spec_unreadable job_id=%s error=%s; the deadline is that of the run", layout.job_id, error)
        return None


def _owner(spec: JobSpec | None, run: MissedRun, base_uri: str, store: ObjectStore) -> str | None:
    """Return the job that the run's idempotency key refers to, None without a key or before its first use."""
    key = spec.request.idempotency_key if spec is not None else (run.conf or {}).get("idempotency_key")
    if not isinstance(key, str):
        return None
    user = spec.owner if spec is not None else run.triggering_user_name or ""
    try:
        return read_document(KeyNote, store.get(idempotency_uri(base_uri, key, user))).job_id
    except ObjectMissing:
        return None


def _sla_of_run(run: MissedRun, job_id: str) -> JobSla:
    """Return the SLA of a run that is not accepted yet."""
    deadline = later(run.run_after, 3600 * sla_hours_of(run.conf))
    return JobSla(job_id, run.dag_id, run.dag_run_id, run.run_after, deadline)


def _progress(layout: JobLayout, store: ObjectStore, now: datetime) -> Progress | None:
    try:
        return read_heartbeat(store, layout, now)
    except ValueError:
        _log.warning("event=progress_unreadable uri=%s; the alert is raised without it", layout.progress)
        return None


def _send(alerts: JobAlerts) -> None:
    try:
        alerts.send()
    except StoreError as error:
        _log.warning("event=alerts_delayed job_id=%s error=%s", alerts.sla.job_id, error)
