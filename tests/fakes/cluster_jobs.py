"""Staged jobs, and the process that runs one, started as Ray's job manager would start it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from fakes.job_inputs import NO_INPUT
from fakes.ray_servers import BASE, BUCKET, PATIENCE_SECONDS
from llmbatch.core.config_sections import HeartbeatConfig, StagingConfig
from llmbatch.core.control import Control
from llmbatch.core.endpoints import Endpoint
from llmbatch.core.engine_settings import EngineSettings
from llmbatch.core.identity import shard_id_of
from llmbatch.core.job_request import JobRequest
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.progress import Progress
from llmbatch.core.request_options import InputFormat, OnCancel, OutputFormat
from llmbatch.core.rows import STAGED_COLUMNS
from llmbatch.core.serving import Serving
from llmbatch.core.shards import StagedManifest, StagedShard
from llmbatch.core.states import DesiredState
from llmbatch.s3.store import S3Store

Given, Found = TypeVar("Given"), TypeVar("Found")


class Job:
    """One staged job, and the process that runs it. Rows of the fake engine take ``slowness`` times the given time."""

    def __init__(self, store: S3Store, environment: dict[str, str], slowness: float = 1.0) -> None:
        self.store, self.environment, self.slowness = store, environment, slowness
        self.job_id = f"job-{uuid.uuid4().hex[:16]}"
        self.layout = JobLayout.of(BASE, self.job_id)
        self.rows: list[dict[str, Any]] = []

    def stage(
        self,
        rows: list[dict[str, Any]],
        *,
        shard_rows: int = 10,
        model: str = "none",
        rate: float = 1.0,
        sla: float = 3600,
        on_cancel: OnCancel = OnCancel.STOP,
        serving: Serving | None = None,
        **engine: Any,
    ) -> Job:
        self.rows = rows
        if "seconds_per_row" in engine.get("echo", {}):
            engine["echo"] = {**engine["echo"], "seconds_per_row": engine["echo"]["seconds_per_row"] * self.slowness}
        parts = [rows[start : start + shard_rows] for start in range(0, len(rows), shard_rows)]
        shards = at_once(self._stage_shard, [(shard_id_of(number), part) for number, part in enumerate(parts)])
        now = datetime.now(UTC)
        spec = JobSpec(
            job_id=self.job_id,
            dag_id="d",
            run_id="r",
            root_uri=self.layout.root,
            created_at=now,
            deadline=now + timedelta(seconds=sla),
            request=JobRequest(input_uri=f"s3://{BUCKET}/in.jsonl", max_error_rate=rate, on_cancel=on_cancel),
            input_format=InputFormat.JSONL,
            output_format=OutputFormat.JSONL,
            output_uri=f"s3://{BUCKET}/out/",
            inputs=NO_INPUT,
            model_name="m",
            model_uri=model,
            serving=serving or Serving(),
            engine=EngineSettings.model_validate({"kind": "echo", "cpus_per_replica": 1, **engine}),
            staging=StagingConfig(),
            heartbeat=HeartbeatConfig(seconds=0.3),
        )
        manifest = StagedManifest(job_id=self.job_id, shards=tuple(shards), seconds=1.0)
        self.store.put(self.layout.spec, spec.model_dump_json().encode())
        self.store.put(self.layout.staged_manifest, manifest.model_dump_json().encode())
        return self

    def _stage_shard(self, named: tuple[str, list[dict[str, Any]]]) -> StagedShard:
        shard_id, rows = named
        schema = pa.schema([pa.field(name, kind) for name, kind in STAGED_COLUMNS])
        sink = io.BytesIO()
        pq.write_table(pa.table({n: [row[n] for row in rows] for n, _ in STAGED_COLUMNS}, schema=schema), sink)
        info = self.store.put(self.layout.staged_shard(shard_id), sink.getvalue())
        invalid = sum(row["error_class"] is not None for row in rows)
        chars = sum(row["input_chars"] for row in rows)
        return StagedShard(shard_id=shard_id, rows=len(rows), invalid_rows=invalid, input_chars=chars, etag=info.etag)

    def start(self, generation: int = 1) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "llmbatch.cluster", "--job", self.layout.root, "--generation", str(generation)]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=self.environment, stdout=pipe, stderr=pipe, text=True)

    def run(self, generation: int = 1) -> tuple[int, str]:
        return self.end(self.start(generation))

    def end(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
        return process.returncode, out + err

    def progress(self) -> Progress | None:
        try:
            return Progress.model_validate_json(self.store.get(self.layout.progress))
        except Exception:
            return None

    def control(self, desired: DesiredState, generation: int | None = None) -> None:
        control = Control(desired=desired, reason="test", generation=generation)
        self.store.put(self.layout.control, control.model_dump_json().encode())

    def results(self) -> list[dict[str, Any]]:
        bodies = at_once(self.store.get, [item.uri for item in self.store.list(self.layout.results)])
        tables = [pq.read_table(io.BytesIO(body)) for body in bodies]
        assert len({table.schema.remove_metadata() for table in tables}) <= 1
        return [row for table in tables for row in table.to_pylist()]

    def outcomes(self) -> list[Any]:
        """How each row ended, in order: ``[body, prompt tokens, completion tokens]``, or ``class: message``."""
        return [
            f"{found['error_class']}: {found['error']}"
            if found["response"] is None
            else [json.loads(found["response"]), found["prompt_tokens"], found["completion_tokens"]]
            for found in self.results()
        ]

    def every_row_ended_once(self) -> bool:
        return [row["row_id"] for row in self.results()] == [row["row_id"] for row in self.rows]


def at_once(call: Callable[[Given], Found], each: Sequence[Given]) -> list[Found]:
    """Call with each on several threads; return what they return, in order."""
    with ThreadPoolExecutor(max_workers=16) as threads:
        return list(threads.map(call, each))


def row(
    line: int, request: dict[str, Any] | str, url: str = Endpoint.CHAT, error_class: str | None = None
) -> dict[str, Any]:
    text = request if isinstance(request, str) else json.dumps(request)
    limit = request.get("max_tokens", 0) if isinstance(request, dict) else 0
    return {
        "row_id": f"00000-{line:09d}",
        "custom_id": f"c{line}",
        "line": line,
        "url": url,
        "request": text,
        "input_chars": len(text),
        "answer_limit": limit,
        "error_class": error_class,
        "error": "unreadable" if error_class else None,
    }


def chat(line: int, text: str, schema: dict[str, Any] | None = None, **body: Any) -> dict[str, Any]:
    if schema is not None:
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    return row(line, {"messages": [{"role": "user", "content": text}], "max_tokens": 256, **body})


def chats(count: int) -> list[dict[str, Any]]:
    return [chat(n, f"secret prompt {n}") for n in range(1, count + 1)]


def outcomes(
    job: Job,
    model: Path,
    rows: Sequence[tuple[str, dict[str, Any]]],
    *,
    objects: Mapping[str, bytes] | None = None,
    **serving: Any,
) -> list[Any]:
    """Run a job of these rows, each an endpoint and a body, on a real engine, one row at a time.

    Args:
        job: runs them.
        model: its folder.
        rows: of the job.
        objects: what the store has, by address.
        serving: fields of ``Serving``.

    Returns:
        How each row ended: see ``Job.outcomes``.
    """
    for uri, data in (objects or {}).items():
        job.store.put(uri, data)
    staged = [row(line, body, url) for line, (url, body) in enumerate(rows, 1)]
    settings = {"max_model_len": 256, "max_num_seqs": 1, "window_factor": 1, "cpu_kvcache_gib": 1}
    job.stage(staged, model=str(model), kind="vllm", serving=Serving(name="tiny", **serving), **settings)
    code, log = job.run()
    assert code == 0, log
    assert job.every_row_ended_once()
    return job.outcomes()
