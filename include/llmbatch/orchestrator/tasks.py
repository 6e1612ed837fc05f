"""The bodies of the DAG's Python tasks. XCom carries ids and addresses only; everything else is in the store."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowFailException

from llmbatch.core.clock import SystemClock
from llmbatch.core.errors import LlmbatchError
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.assets import RESULTS
from llmbatch.orchestrator.settings import load_settings

P = ParamSpec("P")
R = TypeVar("R")

log = logging.getLogger(__name__)

OUTPUTS_IN_EVENT = 20
"""Most output addresses in the asset event; the manifest has all of them."""


def final_unless_retryable(body: Callable[P, R]) -> Callable[P, R]:
    """Fail the task without a retry when the error says that the same call cannot succeed later."""

    @functools.wraps(body)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return body(*args, **kwargs)
        except LlmbatchError as error:
            if error.retryable:
                raise
            raise AirflowFailException(str(error)) from error

    return run


@final_unless_retryable
def accept() -> dict[str, Any]:
    """Validate the request and freeze the job. Return what the other tasks need to find it."""
    from llmbatch.orchestrator.accepting import accept as accept_request
    from llmbatch.orchestrator.accepting import request_of

    context = get_current_context()
    dag_run = context["dag_run"]
    config = load_settings()
    spec = accept_request(
        request_of(dict(context["params"]), dag_run.conf),
        dag_id=dag_run.dag_id,
        run_id=dag_run.run_id,
        created_at=dag_run.run_after,
        config=config,
        store=_store(config.store.conn_id),
    )
    if spec.run_id != dag_run.run_id:
        log.info("job=%s was started by run %s with the same idempotency key and is adopted", spec.job_id, spec.run_id)
    log.info(
        "job=%s input=%s objects=%d format=%s model=%s deadline=%s output=%s",
        spec.job_id,
        spec.request.source_uri,
        len(spec.objects),
        spec.input_format.value,
        spec.model_name,
        spec.deadline.isoformat(),
        spec.output_uri,
    )
    return {
        "job_id": spec.job_id,
        "job_uri": spec.root_uri,
        "output_uri": spec.output_uri,
        "manifest_uri": spec.layout.manifest,
        "store_conn_id": config.store.conn_id,
        "ray_conn_id": config.ray.conn_id,
        "poll_seconds": config.ray.poll_seconds,
        "poll_failures_tolerated": config.ray.poll_failures_tolerated,
        "entrypoint": f"{config.ray.entrypoint} --job {spec.root_uri} --generation {{generation}}",
    }


@final_unless_retryable
def stage(job_uri: str, store_conn_id: str) -> dict[str, int]:
    """Turn the input into shards. Return how many rows and shards there are."""
    from llmbatch.orchestrator.accepting import read_spec
    from llmbatch.orchestrator.staging import stage as stage_job

    store = _store(store_conn_id)
    spec = read_spec(job_uri, store)
    staged = stage_job(spec, store, SystemClock())
    log.info(
        "job=%s rows=%d invalid_rows=%d shards=%d seconds=%.1f",
        spec.job_id,
        staged.rows,
        staged.invalid_rows,
        len(staged.shards),
        staged.seconds,
    )
    return {"rows": staged.rows, "invalid_rows": staged.invalid_rows, "shards": len(staged.shards)}


@final_unless_retryable
def publish(job_uri: str, store_conn_id: str) -> dict[str, str]:
    """Prove the results complete, deliver them, and tell Airflow through the asset ``llmbatch_results``."""
    from llmbatch.orchestrator.accepting import read_spec
    from llmbatch.orchestrator.publishing import publish as publish_job

    store = _store(store_conn_id)
    spec = read_spec(job_uri, store)
    manifest = publish_job(spec, store, SystemClock())
    log.info(
        "job=%s rows=%d succeeded=%d failed=%d outputs=%d output=%s",
        spec.job_id,
        manifest.rows.input,
        manifest.rows.succeeded,
        manifest.rows.failed,
        len(manifest.outputs),
        spec.output_uri,
    )
    found = {"job_id": spec.job_id, "output_uri": spec.output_uri, "manifest_uri": spec.layout.manifest}
    event = get_current_context()["outlet_events"][RESULTS]
    event.extra.update({**found, "outputs": [output.uri for output in manifest.outputs[:OUTPUTS_IN_EVENT]]})
    return found


@final_unless_retryable
def report(job_uri: str, store_conn_id: str) -> dict[str, Any]:
    """Write ``sla.json`` and tell in the log how the job went. Return whether the promise was kept."""
    from llmbatch.orchestrator.reporting import report_sla
    from llmbatch.orchestrator.sla_watch import SlaWatch, finished_reason

    store = _store(store_conn_id)
    sla = report_sla(job_uri, store)
    for line in sla.lines():
        log.info(line)
    end = SlaWatch(job_uri, SystemClock(), log, raised_by="report")
    end.close(store, None, finished_reason(sla.deadline, sla.finished_at))
    return {"job_id": sla.job_id, "met": sla.met}


def _store(conn_id: str) -> ObjectStore:
    from llmbatch.orchestrator.store import open_store

    return open_store(conn_id)
