"""Jobs as the gateway finds them: a run in the fake Airflow, and a folder in the memory store."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from fakes.finished_jobs import finish, progress_of, spec_of
from fakes.gateway import FakeGateway
from llmbatch.core.identity import INFERENCE_DAG, job_id_of
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import OutputRecord
from llmbatch.core.request_options import OutputFormat
from llmbatch.core.states import Phase
from llmbatch.gateway.airflow.client import DagRun

CONF: Mapping[str, str] = {"input_uri": "s3://b/in.jsonl"}


def put_run(gateway: FakeGateway, run_id: str, state: str = "queued", owner: str = "ann", **conf: object) -> str:
    """Put a run into Airflow; return its job id. Every run is a second later than the one before."""
    gateway.clock.advance(1)
    now = gateway.clock.now()
    end = now + timedelta(hours=1) if state in {"success", "failed"} else None
    run = DagRun(
        dag_id=INFERENCE_DAG, dag_run_id=run_id, state=state, run_after=now, end_date=end,
        conf={**CONF, **conf}, triggering_user_name=owner,
    )  # fmt: skip
    gateway.airflow.dag_runs[INFERENCE_DAG, run_id] = run
    return job_id_of(INFERENCE_DAG, run_id)


def put_job(
    gateway: FakeGateway, run_id: str, state: str = "running", owner: str = "ann", **changes: object
) -> JobSpec:
    """Put a run and the spec of its accepted job."""
    job_id = put_run(gateway, run_id, state, owner)
    layout = JobLayout.of(gateway.config.store.base_uri, job_id)
    fields = {
        "job_id": job_id, "dag_id": INFERENCE_DAG, "run_id": run_id, "root_uri": layout.root, "owner": owner,
        "output_uri": f"{layout.root}/output/", **changes,
    }  # fmt: skip
    spec = spec_of(submitted_at=gateway.clock.now()).model_copy(update=fields)
    gateway.store.put(layout.spec, spec.model_dump_json().encode())
    return spec


def put_heartbeat(
    gateway: FakeGateway, spec: JobSpec, *, phase: Phase = Phase.WORK, ended: int = 50, sequence: int = 1
) -> None:
    """Put a heartbeat of now with an ETA of 20 to 60 minutes."""
    beat = progress_of(spec, 0, phase=phase, ended=ended, eta=(1200, 1800, 3600))
    beat = beat.model_copy(update={"written_at": gateway.clock.now(), "sequence": sequence})
    gateway.store.put(spec.layout.progress, beat.model_dump_json().encode())


def put_finished(
    gateway: FakeGateway,
    run_id: str = "done",
    owner: str = "ann",
    *,
    output_format: OutputFormat = OutputFormat.JSONL,
    files: Mapping[str, bytes] | None = None,
) -> JobSpec:
    """Put a job that has delivered ``files``."""
    spec = put_job(gateway, run_id, "success", owner, output_format=output_format)
    proof = finish(gateway.store, spec)
    outputs = []
    for name, body in (files or {}).items():
        info = gateway.store.put(f"{spec.output_uri}{name}", body)
        outputs.append(OutputRecord(uri=info.uri, rows=body.count(b"\n"), etag=info.etag))
    proof = proof.model_copy(update={"outputs": tuple(outputs)})
    gateway.store.put(spec.layout.manifest, proof.model_dump_json().encode())
    return spec
