"""The bodies of the DAG's Python tasks. XCom carries ids and addresses only; everything else is in the store."""

from __future__ import annotations

import functools
import logging
import shlex
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, ParamSpec, TypeVar

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException, AirflowTaskTimeout

from llmbatch.core import metrics
from llmbatch.core.clock import SystemClock
from llmbatch.core.errors import LlmbatchError, StoreError
from llmbatch.core.identity import FAILURE
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.shown import shown, shown_lines
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.deployment.names import RESULTS
from llmbatch.orchestrator.deployment.settings import load_settings
from llmbatch.orchestrator.metrics.events import count
from llmbatch.orchestrator.tasks.time_limits import text_of_timeout

P = ParamSpec("P")
R = TypeVar("R")

_log = logging.getLogger(__name__)

OUTPUTS_IN_EVENT = 20
"""Most output addresses in the asset event; the manifest has all of them."""


ADMISSION_SECONDS = 30
"""Time between two looks of a waiting job at whether the service admits jobs. Each look starts a process."""

FAILURE_CHARS = 4000
"""Most characters of an error in XCom; the task's log has all of them."""

ADMISSION_IN_XCOM = {"verdict", "eta_p50", "eta_p90", "decided_at", "earliest_finish", "replicas_needed", "breaks"}
"""The fields of the admission that XCom passes to other programs; ``admission.json`` has all of them."""


def final_unless_retryable(body: Callable[P, R]) -> Callable[P, R]:
    """Fail the task without a retry when the error is not retryable; name the limit that it ran into."""

    @functools.wraps(body)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return body(*args, **kwargs)
        except LlmbatchError as error:
            if error.retryable:
                raise
            raise AirflowFailException(str(error)) from error
        except AirflowTaskTimeout as error:
            limit = get_current_context()["task"].execution_timeout
            raise AirflowTaskTimeout(text_of_timeout(body.__name__, limit)) from error

    return run


def note_failure(context: Mapping[str, Any]) -> None:
    """Keep the error of a failed task that has no retry left as an XCom, for other DAGs to show, and count it."""
    context["ti"].xcom_push(key=FAILURE, value=shown_lines(context.get("exception"))[:FAILURE_CHARS])
    count(metrics.JOBS_FAILED, context["ti"].task_id)


@final_unless_retryable
def accept() -> dict[str, Any]:
    """Validate the request and freeze the job. Return the addresses and settings that the other tasks need.

    It is refused if the Ray cluster answers that it has another version than this release needs.
    While the service admits no jobs, the task is rescheduled: it holds no worker and uses no retry.
    """
    from llmbatch.orchestrator.admission.admit import read_admission
    from llmbatch.orchestrator.intake.accept import accept as accept_request
    from llmbatch.orchestrator.intake.accept import request_of
    from llmbatch.orchestrator.ray_jobs.ray_version import require_ray_version

    context = get_current_context()
    dag_run = context["dag_run"]
    config = load_settings()
    store = _store(config.store.conn_id)
    _wait_for_admission(config.store.base_uri, store)
    spec = accept_request(
        request_of(dict(context["params"]), dag_run.conf),
        dag_id=dag_run.dag_id,
        run_id=dag_run.run_id,
        created_at=dag_run.run_after,
        config=config,
        store=store,
        owner=dag_run.triggering_user_name or "",
        require_cluster=partial(require_ray_version, config.ray.conn_id),
    )
    if spec.run_id != dag_run.run_id:
        _log.info(
            "event=adopted job_id=%s: it was started by run %s with the same idempotency key",
            spec.job_id,
            shown(spec.run_id),
        )
    _log.info(
        "event=accepted job_id=%s input=%s objects=%d format=%s model=%s tuned=%s deadline=%s output=%s",
        spec.job_id,
        shown(spec.request.source_uri),
        spec.inputs.objects,
        spec.input_format.value,
        shown(spec.model_name),
        spec.tuned and spec.tuned.benchmark_id,
        spec.deadline.isoformat(),
        shown(spec.output_uri),
    )
    job_uri = JobLayout.of(config.store.base_uri, spec.job_id).root
    admission = read_admission(spec, store)
    return {
        "job_id": spec.job_id,
        "job_uri": job_uri,
        "output_uri": spec.output_uri,
        "manifest_uri": spec.layout.manifest,
        "store_conn_id": config.store.conn_id,
        "ray_conn_id": config.ray.conn_id,
        "poll_seconds": config.ray.poll_seconds,
        "poll_failures_tolerated": config.ray.poll_failures_tolerated,
        "pending_minutes": config.ray.pending_minutes,
        "entrypoint": f"{config.ray.entrypoint} --job {shlex.quote(job_uri)} --generation {{generation}}",
        "admission": admission.model_dump(mode="json", include=ADMISSION_IN_XCOM) if admission else None,
    }


@final_unless_retryable
def stage(job_uri: str, store_conn_id: str) -> dict[str, int]:
    """Turn the input into shards. Return how many rows and shards there are. An invalid batch has none.

    A dry run writes no shard: it pushes its result as the XCom ``dry_run`` and returns an empty dict, which skips the
    tasks after it.
    """
    from llmbatch.orchestrator.jobs.documents import read_spec
    from llmbatch.orchestrator.staging.batch_check import check_batch
    from llmbatch.orchestrator.staging.stage import stage as stage_job

    store = _store(store_conn_id)
    spec = read_spec(job_uri, store)
    if spec.request.batch_endpoint is not None:
        check_batch(spec, load_settings(), store, SystemClock())
    if spec.request.dry_run:
        _dry_run(spec, store)
        return {}
    staged = stage_job(spec, store, SystemClock())
    _log.info(
        "event=staged job_id=%s rows=%d invalid_rows=%d shards=%d seconds=%.1f",
        spec.job_id,
        staged.rows,
        staged.invalid_rows,
        len(staged.shards),
        staged.seconds,
    )
    return {"rows": staged.rows, "invalid_rows": staged.invalid_rows, "shards": len(staged.shards)}


@final_unless_retryable
def publish(job_uri: str, store_conn_id: str) -> dict[str, str]:
    """Prove the results complete, deliver them, and update the asset ``llmbatch_results``."""
    from llmbatch.orchestrator.admission.queue import leave_queue
    from llmbatch.orchestrator.jobs.documents import read_spec
    from llmbatch.orchestrator.publishing.publish import publish as publish_job

    store = _store(store_conn_id)
    spec = read_spec(job_uri, store)
    price = load_settings().cost.usd_per_gpu_hour
    manifest = publish_job(spec, store, SystemClock(), usd_per_gpu_hour=price)
    leave_queue(spec.layout.base, spec.job_id, store)
    _log.info(
        "event=published job_id=%s rows=%d succeeded=%d failed=%d outputs=%d output=%s",
        spec.job_id,
        manifest.rows.input,
        manifest.rows.succeeded,
        manifest.rows.failed,
        len(manifest.outputs),
        shown(spec.output_uri),
    )
    found = {"job_id": spec.job_id, "output_uri": spec.output_uri, "manifest_uri": spec.layout.manifest}
    event = get_current_context()["outlet_events"][RESULTS]
    event.extra.update({**found, "outputs": [output.uri for output in manifest.outputs[:OUTPUTS_IN_EVENT]]})
    return found


@final_unless_retryable
def report(job_uri: str, store_conn_id: str) -> dict[str, Any]:
    """Write ``sla.json``, log the outcome, resolve the alerts, and update the ETA. Return whether it was in time."""
    from llmbatch.orchestrator.history.job_report import learn_from, report_sla
    from llmbatch.orchestrator.watch.sla import LAST_DELIVERIES, LAST_DELIVERY_PAUSE, SlaWatch, finished_reason

    store = _store(store_conn_id)
    sla = report_sla(job_uri, store)
    for line in sla.lines():
        _log.info("event=report %s", shown(line))
    end = SlaWatch(job_uri, SystemClock(), _log, raised_by="report")
    end.close(store, None, finished_reason(sla.deadline, sla.finished_at))
    try:
        learn_from(job_uri, store)
    except StoreError as error:
        _log.warning(
            "event=history_unwritten job_id=%s error=%s; the job is reported, but later ETAs learn nothing from it",
            sla.job_id,
            error,
        )
    for _ in range(LAST_DELIVERIES):
        if end.deliver(store):
            break
        time.sleep(LAST_DELIVERY_PAUSE)
    return {"job_id": sla.job_id, "met": sla.met}


def _wait_for_admission(base_uri: str, store: ObjectStore) -> None:
    from llmbatch.orchestrator.steering.service import read_service

    service = read_service(base_uri, store)
    if not service.admitting:
        _log.info("event=waits_for_admission by=%s reason=%s", shown(service.by), shown(service.reason))
        look = SystemClock().now() + timedelta(seconds=ADMISSION_SECONDS)
        raise AirflowRescheduleException(look)  # type: ignore[no-untyped-call]


def _dry_run(spec: JobSpec, store: ObjectStore) -> None:
    from llmbatch.orchestrator.admission.dry_run import dry_run

    config = load_settings()
    found = dry_run(spec, config.engine.max_replicas, config.cost, store, SystemClock())
    for line in found.lines():
        _log.info("event=dry_run %s", shown(line))
    get_current_context()["ti"].xcom_push(
        key="dry_run", value=found.model_dump(mode="json", exclude={"size": True, "admission": {"size"}})
    )


def _store(conn_id: str) -> ObjectStore:
    from llmbatch.orchestrator.deployment.store import open_store

    return open_store(conn_id)
