"""What happens when Airflow finds a deadline passed: the same look at the job that the watch takes, in the triggerer.

It speaks for runs that have no watch: still queued, staging, or with a watch that is down. Which level is due is the
level machine's to say, from the time and the store; the store also sees to it that nothing is said twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, JsonValue

from llmbatch.core.clock import SystemClock
from llmbatch.core.config import Config
from llmbatch.core.errors import ObjectMissing, StoreError
from llmbatch.core.identity import job_id_of
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout, idempotency_uri
from llmbatch.core.progress import Progress
from llmbatch.core.sla import Promise
from llmbatch.core.states import Phase
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.alerting.job_alerts import SlaAlerts
from llmbatch.orchestrator.deployment.run_states import DagRunState, dag_run_state
from llmbatch.orchestrator.deployment.settings import load_settings
from llmbatch.orchestrator.deployment.store import open_store
from llmbatch.orchestrator.jobs.keys import KeyNote
from llmbatch.orchestrator.watch.deadlines import promised_hours

_log = logging.getLogger(__name__)

PAUSES = (5.0, 10.0, 20.0, 40.0, 60.0, 60.0, 60.0)
"""Seconds between tries, for a store or sink that fails while there is no watch to try again."""


class MissedRun(BaseModel):
    """As much of Airflow's word about the run as is needed; ``state`` is that of the moment of the miss."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    dag_id: str
    dag_run_id: str
    run_after: AwareDatetime
    state: str
    conf: dict[str, JsonValue] | None = None


class _Deadline(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    deadline_time: AwareDatetime


async def look(context: Mapping[str, Any]) -> str:
    """Raise what is due and have it sent. Return what came of it; Airflow keeps it as the callback's output.

    Raises:
        ConfigError: config.yaml cannot be read, so nobody knows where the jobs are.
        StoreError: the store did not answer for some minutes.
    """
    run = MissedRun.model_validate(context["dag_run"])
    passed_at = _Deadline.model_validate(context["deadline"]).deadline_time
    config = await asyncio.to_thread(load_settings)
    for pause in (*PAUSES, None):
        try:
            alerts, said = await asyncio.to_thread(speak, run, passed_at, config)
            break
        except StoreError as error:
            if pause is None:
                raise
            _log.warning("event=store_failed run=%s error=%s; the deadline is checked again", run.dag_run_id, error)
            await asyncio.sleep(pause)
    _log.info("event=deadline_passed run=%s deadline=%s %s", run.dag_run_id, passed_at.isoformat(), said)
    if alerts is not None:
        for pause in PAUSES:
            await asyncio.to_thread(_send, alerts)
            await asyncio.sleep(pause)
    return said


def speak(run: MissedRun, passed_at: datetime, config: Config) -> tuple[SlaAlerts | None, str]:
    """Read the real state and raise what is due. Return the alerts to send, None if nothing was raised, and a clause.

    Raises:
        StoreError: the store failed.
    """
    if _is_over(run):
        return None, "nothing to say: the run is over"
    store, job_id = open_store(config.store.conn_id), job_id_of(run.dag_id, run.dag_run_id)
    layout = JobLayout.of(config.store.base_uri, job_id)
    spec = _spec(layout, store)
    if (spec.request.dry_run if spec is not None else (run.conf or {}).get("dry_run")) is True:
        return None, "nothing to say: a dry run promises nothing"
    owner = _owner(spec, run, config.store.base_uri, store)
    if owner not in (None, job_id):
        return None, f"nothing to say: {owner} does the work, and its own run watches over it"
    promise = Promise.of(spec) if spec is not None else _promise(run, job_id)
    now = max(SystemClock().now(), passed_at)  # two machines' clocks may differ a little
    progress = _progress(layout, store)
    if progress is not None and progress.phase is Phase.DONE and now < promise.deadline:
        return None, "nothing to say: all rows have ended, the results are being published"
    alerts = SlaAlerts(promise, layout, store, "deadline", config.sla, config.alerts, log=_log)
    raised = alerts.look(progress, now)
    if not raised:
        return None, "nothing to say: finished in time, not due yet, or already said"
    return alerts, f"raised {', '.join(alert.alert_id for alert in raised)}"


def _is_over(run: MissedRun) -> bool:
    """Whether the run has ended: by now, or if Airflow does not answer, when the deadline passed."""
    try:
        return dag_run_state(run.dag_id, run.dag_run_id) is not DagRunState.ALIVE
    except Exception as error:  # its state of a moment ago is nearly as good
        _log.warning("event=run_state_unknown run=%s last_state=%s error=%s", run.dag_run_id, run.state, error)
        return run.state in {"success", "failed"}


def _spec(layout: JobLayout, store: ObjectStore) -> JobSpec | None:
    try:
        return JobSpec.model_validate_json(store.get(layout.spec))
    except ObjectMissing:
        return None


def _owner(spec: JobSpec | None, run: MissedRun, base_uri: str, store: ObjectStore) -> str | None:
    """Return the job that the run's idempotency key stands for, None without a key or before its first use."""
    key = spec.request.idempotency_key if spec is not None else (run.conf or {}).get("idempotency_key")
    if not isinstance(key, str):
        return None
    try:
        return KeyNote.model_validate_json(store.get(idempotency_uri(base_uri, key))).job_id
    except ObjectMissing:
        return None


def _promise(run: MissedRun, job_id: str) -> Promise:
    """Return what was promised to a run that is not accepted yet."""
    deadline = run.run_after + timedelta(hours=promised_hours(run.conf))
    return Promise(job_id, run.dag_id, run.dag_run_id, run.run_after, deadline)


def _progress(layout: JobLayout, store: ObjectStore) -> Progress | None:
    try:
        return Progress.model_validate_json(store.get(layout.progress))
    except ObjectMissing:
        return None
    except ValueError:
        _log.warning("event=progress_unreadable uri=%s; the alert is raised without it", layout.progress)
        return None


def _send(alerts: SlaAlerts) -> None:
    try:
        alerts.send(SystemClock().now(), at_once=True)
    except StoreError as error:
        _log.warning("event=alerts_delayed job_id=%s error=%s", alerts.promise.job_id, error)
