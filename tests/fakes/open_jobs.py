"""Accepted jobs that are not over: a run in Airflow, a spec and a heartbeat in the store."""

from __future__ import annotations

from datetime import datetime

from fakes.finished_jobs import spec_of
from fakes.gateway import FakeGateway
from fakes.heartbeat import beat
from llmbatch.core.identity import INFERENCE_DAG, job_id_of
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.states import Phase
from llmbatch.gateway.airflow.client import DagRun


def run_of(gateway: FakeGateway, run_id: str, state: str = "running", **conf: object) -> DagRun:
    now = gateway.clock.now()
    made = DagRun.model_validate(
        {"dag_id": INFERENCE_DAG, "dag_run_id": run_id, "state": state, "run_after": now, "conf": conf}
    )
    gateway.airflow.dag_runs[(INFERENCE_DAG, run_id)] = made
    return made


def accepted_job(gateway: FakeGateway, run_id: str, state: str = "running", *, hours: float = 2.0) -> JobSpec:
    run = run_of(gateway, run_id, state, sla_hours=hours)
    job_id = job_id_of(INFERENCE_DAG, run_id)
    layout = JobLayout.of(gateway.config.store.base_uri, job_id)
    spec = spec_of(1, submitted_at=run.run_after, hours=hours).model_copy(
        update={"job_id": job_id, "dag_id": INFERENCE_DAG, "run_id": run_id, "root_uri": layout.root}
    )
    gateway.store.put(layout.spec, spec.model_dump_json().encode())
    return spec


def heartbeat(gateway: FakeGateway, spec: JobSpec, ended: int = 250, phase: Phase = Phase.WORK) -> None:
    now: datetime = gateway.clock.now()
    made = beat(ended=ended, phase=phase, job_id=spec.job_id, written_at=now)
    gateway.store.put(spec.layout.progress, made.model_dump_json().encode())


def running_job(gateway: FakeGateway, run_id: str, *, ended: int = 250, hours: float = 2.0) -> JobSpec:
    spec = accepted_job(gateway, run_id, hours=hours)
    heartbeat(gateway, spec, ended)
    return spec
