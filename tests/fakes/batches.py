"""Batches of the OpenAI API over a fake gateway: each step of a job is done by the code that does it, or written."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

from fakes.gateway import BASE, FakeGateway, fake_gateway
from fakes.input_rows import CHAT, user
from llmbatch.core.errors import BatchInvalid
from llmbatch.core.identity import INFERENCE_DAG, job_id_of
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import InputRecord, JobManifest, ModelRecord, RowRecord, SlaRecord, TokenRecord
from llmbatch.core.progress import Progress, RowCounts
from llmbatch.core.shards import StagedManifest
from llmbatch.core.states import Phase
from llmbatch.gateway.airflow.client import DagRun
from llmbatch.gateway.openai.files import StoredFile, content_uri, document_uri, new_file_id
from llmbatch.orchestrator.intake.accept import accept, request_of
from llmbatch.orchestrator.staging.batch_check import check_batch
from llmbatch.orchestrator.staging.stage import stage

Answer = dict[str, object]


def line(custom_id: str, **body: object) -> bytes:
    given = {"custom_id": custom_id, "method": "POST", "url": CHAT, "body": user("hi", model="small", **body)}
    return json.dumps(given).encode()


def lines(count: int = 10) -> bytes:
    return b"\n".join(line(f"row-{number}") for number in range(count)) + b"\n"


class BatchWorld:
    """A gateway, and the tasks of Airflow on demand. Every step takes ten seconds."""

    def __init__(self) -> None:
        self.gateway: FakeGateway = fake_gateway(engine={"kind": "echo"})
        self.store, self.clock = self.gateway.store, self.gateway.clock
        self.airflow, self.client = self.gateway.airflow, self.gateway.client

    def upload(self, body: bytes | None = None, owner: str = "ann") -> str:
        content = lines() if body is None else body
        now = self.clock.now()
        file_id = new_file_id(now)
        info = self.store.put(content_uri(BASE, owner, file_id), content)
        document = StoredFile(
            id=file_id,
            filename="in.jsonl",
            purpose="batch",
            bytes=len(content),
            created_at=int(now.timestamp()),
            expires_at=int((now + timedelta(days=30)).timestamp()),
            sha256=hashlib.sha256(content).hexdigest(),
            etag=info.etag,
        )
        self.store.put(document_uri(BASE, owner, file_id), document.model_dump_json().encode())
        return file_id

    def post(self, owner: str = "ann", headers: dict[str, str] | None = None, **changes: object):  # type: ignore[no-untyped-def]
        body = {"endpoint": CHAT, "completion_window": "24h", **changes}
        body.setdefault("input_file_id", self.upload(owner=owner) if "input_file_id" not in body else None)
        return self.client.post("/v1/batches", json=body, headers={**self.gateway.as_user(owner), **(headers or {})})

    def create(self, body: bytes | None = None, **changes: Any) -> str:
        answer = self.post(input_file_id=self.upload(body), **changes)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def get(self, batch_id: str, owner: str = "ann", role: str = "user") -> Answer:
        answer = self.client.get(f"/v1/batches/{batch_id}", headers=self.gateway.as_user(owner, role))
        assert answer.status_code == 200, answer.text
        found: Answer = answer.json()
        return found

    def cancel(self, batch_id: str, owner: str = "ann"):  # type: ignore[no-untyped-def]
        headers = {**self.gateway.as_user(owner), "Content-Type": "application/json"}
        return self.client.post(f"/v1/batches/{batch_id}/cancel", headers=headers)

    def run_of(self, batch_id: str) -> DagRun:
        runs = self.airflow.dag_runs.values()
        return next(run for run in runs if job_id_of(INFERENCE_DAG, run.dag_run_id)[4:] == batch_id[6:])

    def layout(self, batch_id: str) -> JobLayout:
        return JobLayout.of(BASE, f"job-{batch_id[6:]}")

    def end_run(self, batch_id: str, state: str, task: str = "", failure: str = "") -> None:
        run_id = self.run_of(batch_id).dag_run_id
        self.airflow.set_state(INFERENCE_DAG, run_id, state, self.clock.now())
        if task:
            self.airflow.tasks[(INFERENCE_DAG, run_id)] = {task: "failed"}
            self.airflow.xcoms[(INFERENCE_DAG, run_id, task, "failure")] = failure

    def accept(self, batch_id: str) -> JobSpec:
        self.clock.advance(10)
        run = self.run_of(batch_id)
        self.airflow.set_state(INFERENCE_DAG, run.dag_run_id, "running")
        return accept(
            request_of({}, run.conf),
            dag_id=INFERENCE_DAG,
            run_id=run.dag_run_id,
            created_at=run.run_after,
            config=self.gateway.config,
            store=self.store,
            owner=run.triggering_user_name or "",
            clock=self.clock,
        )

    def stage(self, batch_id: str) -> StagedManifest | None:
        """Accept and stage; None for a batch that is not valid, whose run has failed then."""
        spec = self.accept(batch_id)
        self.clock.advance(10)
        try:
            check_batch(spec, self.gateway.config, self.store, self.clock)
        except BatchInvalid as error:
            self.end_run(batch_id, "failed", "stage", str(error))
            return None
        return stage(spec, self.store, self.clock)

    def beat(self, batch_id: str, phase: Phase = Phase.WORK, generation: int = 1, **rows: int) -> None:
        self.clock.advance(10)
        layout = self.layout(batch_id)
        progress = Progress(
            job_id=layout.job_id,
            generation=generation,
            sequence=1,
            phase=phase,
            written_at=self.clock.now(),
            started_at=self.clock.now(),
            rows=RowCounts(**{"total": 10, **rows}),
            shards={"total": 1, "committed": 0},
        )
        self.store.put(layout.progress, progress.model_dump_json().encode())

    def publish(self, batch_id: str, **rows: int) -> None:
        self.clock.advance(10)
        layout, now = self.layout(batch_id), self.clock.now()
        counts = {"succeeded": 10, "failed": 0, **rows}
        manifest = JobManifest(
            job_id=layout.job_id,
            model=ModelRecord(name="small", uri="hub/small"),
            versions={},
            input=InputRecord(uri="s3://b/in.jsonl", objects=(), rows=10),
            rows=RowRecord(input=sum(counts.values()), **counts),
            missing=0,
            duplicates=0,
            tokens=TokenRecord(prompt=30, completion=50, cached=3, reasoning=20),
            shards=(),
            outputs=(),
            timing={},
            sla=SlaRecord(deadline=now, finished_at=now, met=True),
        )
        self.store.put(layout.manifest, manifest.model_dump_json().encode())
        self.clock.advance(10)
        self.end_run(batch_id, "success")


def in_status(world: BatchWorld, status: str) -> str:
    """Return the id of a batch that is in a state of the API."""
    if status == "failed":
        batch_id = world.create(b"broken\n" + lines(1))
        world.stage(batch_id)
        return batch_id
    batch_id = world.create()
    if status == "validating":
        return batch_id
    world.stage(batch_id)
    world.beat(batch_id, succeeded=3, failed=1)
    if status in ("cancelling", "cancelled"):
        assert world.cancel(batch_id).status_code == 200
    if status in ("in_progress", "cancelling"):
        return batch_id
    rows = {
        "expired": {"succeeded": 3, "failed": 1, "expired": 6},
        "cancelled": {"succeeded": 3, "failed": 1, "cancelled": 6},
    }.get(status, {"succeeded": 9, "failed": 1})
    world.beat(batch_id, Phase.DONE, succeeded=rows["succeeded"], failed=1)
    if status != "finalizing":
        world.publish(batch_id, **rows)
    return batch_id


STATUSES = ("validating", "in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled")
