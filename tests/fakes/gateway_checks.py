"""Dry runs as the pipeline leaves them, where the gateway finds them."""

from __future__ import annotations

from fakes.admissions import HOUR_OF_WORK
from fakes.gateway import FakeGateway
from fakes.gateway_jobs import put_run
from llmbatch.core.dry_run import DryRun
from llmbatch.core.eta.basis import EtaBasis
from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.core.job_request import parse_request
from llmbatch.core.layout import JobLayout
from llmbatch.orchestrator.admission.dry_run import dry_run
from llmbatch.orchestrator.intake.accept import accept

HOUR_OF_LINES = b'{"prompt": "hi"}\n' * 36
"""With the basis ``HOUR_OF_WORK`` an hour of work; P90 is 2.5 hours."""


def put_check(
    gateway: FakeGateway,
    run_id: str = "check",
    owner: str = "ann",
    *,
    body: bytes = HOUR_OF_LINES,
    basis: EtaBasis | None = HOUR_OF_WORK,
    **conf: object,
) -> DryRun:
    """Put an input and a dry run of it that has ended."""
    sent = {"input_uri": "s3://b/in.jsonl", "sla_hours": 6, "dry_run": True, **conf}
    gateway.store.put("s3://b/in.jsonl", body)
    job_id = put_run(gateway, run_id, "success", owner, **sent)
    if basis is not None:
        uri = JobLayout.of(gateway.config.store.base_uri, job_id).basis
        gateway.store.put(uri, basis.model_dump_json().encode())
    spec = accept(
        parse_request(sent),
        dag_id=INFERENCE_DAG,
        run_id=run_id,
        created_at=gateway.clock.now(),
        config=gateway.config,
        store=gateway.store,
        owner=owner,
        clock=gateway.clock,
    )
    return dry_run(spec, gateway.config.engine.max_replicas, gateway.config.cost, gateway.store, gateway.clock)
