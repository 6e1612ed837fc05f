"""Staging and publishing against a real S3 server: ETags, conditional writes, streams, ranges, multipart uploads."""

from __future__ import annotations

import gzip
import io
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.config import Config as ClientConfig
from botocore.exceptions import BotoCoreError, ClientError

from llmbatch.core.clock import SystemClock
from llmbatch.core.config import HeartbeatConfig, StagingConfig
from llmbatch.core.engine_settings import EngineSettings
from llmbatch.core.errors import InputChanged, ObjectExists, ReconcileError
from llmbatch.core.job_request import InputFormat, JobRequest, OutputFormat
from llmbatch.core.job_spec import InputObject, JobSpec
from llmbatch.core.rows import META_KEY, RESULT_COLUMNS
from llmbatch.core.s3_store import S3Store, probe_conditional_writes
from llmbatch.core.shards import ShardTally
from llmbatch.orchestrator.input_formats import peek_columns, sniff_format
from llmbatch.orchestrator.publishing import publish
from llmbatch.orchestrator.staged_shards import decode_shard
from llmbatch.orchestrator.staging import stage

pytestmark = pytest.mark.integration

BUCKET = "llm-batch"
ROWS = 2000
SCHEMA = pa.schema([(name, pa.type_for_alias(alias)) for name, alias in RESULT_COLUMNS])
JSONL = b"".join(b'{"prompt": "question %d", "id": %d}\n' % (number, number) for number in range(ROWS))


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for item in sockets:
            item.bind(("127.0.0.1", 0))
        return [item.getsockname()[1] for item in sockets]


def weed_command(folder: Path, ports: list[int]) -> list[str]:
    identity = {"name": "ci", "credentials": [{"accessKey": "K", "secretKey": "S"}], "actions": ["Admin"]}
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    names = ("s3.port", "s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc")
    names += ("filer.port", "filer.port.grpc", "admin.port")
    return [
        str(Path(sys.executable).with_name("weed")),
        *("mini", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.config={folder}/s3.json"),
        *(f"-bucket={BUCKET}", "-master.telemetry=false", "-webdav=false", "-admin.ui=false", "-s3.iam=false"),
        *("-s3.port.iceberg=0", "-s3.port.lance=0"),
        *(f"-{name}={port}" for name, port in zip(names, ports, strict=True)),
    ]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Store]:
    folder = tmp_path_factory.mktemp("weed")
    ports = free_ports(9)
    with (folder / "weed.log").open("wb") as log:
        server = subprocess.Popen(weed_command(folder, ports), stdout=log, stderr=log, cwd=folder, env=os.environ)
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{ports[0]}",
        aws_access_key_id="K",
        aws_secret_access_key="S",
        region_name="us-east-1",
        config=ClientConfig(retries={"mode": "standard"}, max_pool_connections=16, s3={"addressing_style": "path"}),
    )
    try:
        _wait_until_ready(client, server, folder / "weed.log")
        yield S3Store(client)
    finally:
        client.close()
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_until_ready(client, server: subprocess.Popen, log: Path) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            client.put_object(Bucket=BUCKET, Key="ready", Body=b"1")
        except (BotoCoreError, ClientError) as error:
            if server.poll() is not None or time.monotonic() > until:
                pytest.fail(f"weed is not ready: {error}\n{log.read_text()[-2000:]}")
            time.sleep(0.2)  # a server of another make: there is nothing to await
        else:
            return


def parquet_body() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"prompt": [f"question {number}" for number in range(ROWS)]}), sink, row_group_size=300)
    return sink.getvalue()


def job(store: S3Store, name: str, *uris: str, fmt: InputFormat = InputFormat.JSONL, shard_rows: int = 64) -> JobSpec:
    infos = [store.head(uri) for uri in uris]
    now = datetime.now(UTC)
    return JobSpec(
        job_id=f"job-{name}",
        dag_id="d",
        run_id=name,
        root_uri=f"s3://{BUCKET}/jobs/job-{name}",
        created_at=now,
        deadline=now + timedelta(hours=1),
        request=JobRequest(input_uri=uris[0]),
        input_format=fmt,
        output_format=OutputFormat.PARQUET,
        output_uri=f"s3://{BUCKET}/out/{name}/",
        objects=tuple(InputObject(uri=info.uri, etag=info.etag, size=info.size) for info in infos),
        model_name="small",
        model_uri="hub/small",
        engine=EngineSettings(),
        staging=StagingConfig(shard_rows=shard_rows),
        heartbeat=HeartbeatConfig(),
    )


@pytest.mark.parametrize(
    ("name", "body", "fmt"),
    [
        ("plain.jsonl", JSONL, InputFormat.JSONL),
        ("plain.jsonl.gz", gzip.compress(JSONL), InputFormat.JSONL),
        ("table.parquet", parquet_body(), InputFormat.PARQUET),
        ("table.csv", b"prompt\n" + b"".join(b"question %d\n" % number for number in range(ROWS)), InputFormat.CSV),
    ],
)
def test_stage_every_format(store: S3Store, name: str, body: bytes, fmt: InputFormat) -> None:
    uri = f"s3://{BUCKET}/in/{name}"
    store.put(uri, body)
    spec = job(store, name, uri, fmt=fmt)
    assert sniff_format(store, spec.objects[0]) is fmt
    assert "prompt" in peek_columns(store, spec.objects[0], fmt)
    manifest = stage(spec, store, SystemClock())
    assert (manifest.rows, manifest.invalid_rows) == (ROWS, 0)
    listed = {info.uri: info.etag for info in store.list(spec.layout.staged)}
    assert all(listed[spec.layout.staged_shard(shard.shard_id)] == shard.etag for shard in manifest.shards)
    assert stage(spec, store, SystemClock()) == manifest


def test_two_tries_at_once_end_with_one_truth(store: S3Store) -> None:
    uri = f"s3://{BUCKET}/in/race.jsonl"
    store.put(uri, JSONL)
    spec = job(store, "race", uri)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: stage(spec, store, SystemClock()), range(2))
    assert first == second


def test_replaced_input_is_refused(store: S3Store) -> None:
    for fmt in (InputFormat.JSONL, InputFormat.PARQUET):
        uri = f"s3://{BUCKET}/in/changed-{fmt.value}"
        store.put(uri, JSONL)
        spec = job(store, f"changed-{fmt.value}", uri, fmt=fmt)
        store.put(uri, JSONL + b"\n")
        with pytest.raises(InputChanged):
            stage(spec, store, SystemClock())


def test_publish_end_to_end(store: S3Store) -> None:
    probe_conditional_writes(store, f"s3://{BUCKET}/probe")
    uri = f"s3://{BUCKET}/in/publish.jsonl"
    store.put(uri, JSONL)
    spec = job(store, "publish", uri, shard_rows=300)
    manifest = stage(spec, store, SystemClock())
    for shard in manifest.shards[:-1]:
        commit(spec, store, shard.shard_id)
    with pytest.raises(ReconcileError, match=manifest.shards[-1].shard_id):
        publish(spec, store, SystemClock())
    assert not list(store.list(spec.output_uri))
    commit(spec, store, manifest.shards[-1].shard_id)
    proof = publish(spec, store, SystemClock())
    assert (proof.rows.input, proof.rows.succeeded, proof.missing, proof.duplicates) == (ROWS, ROWS, 0, 0)
    results = pq.read_table(io.BytesIO(store.get(f"{spec.output_uri}results.parquet")))
    assert results["text"].to_pylist() == [f"answer {line}" for line in range(1, ROWS + 1)]
    assert store.get(f"{spec.output_uri}manifest.json") == store.get(spec.layout.manifest)
    assert publish(spec, store, SystemClock()) == proof
    with pytest.raises(ObjectExists):
        store.create(spec.layout.manifest, b"{}")


def commit(spec: JobSpec, store: S3Store, shard_id: str) -> None:
    """Write what the Ray room would, without an engine."""
    rows = decode_shard(store.get(spec.layout.staged_shard(shard_id))).to_pylist()
    answers = [
        {
            **{name: row[name] for name in ("row_id", "custom_id", "line", "kind")},
            **{"state": "succeeded", "text": f"answer {row['line']}", "finish_reason": "stop"},
            **{"prompt_tokens": 1, "completion_tokens": 1, "cached_tokens": 0, "seconds": 0.1, "attempts": 1},
        }
        for row in rows
    ]
    tally = ShardTally(shard_id=shard_id, generation=1, rows=len(rows), succeeded=len(rows), failed=0)
    sink = io.BytesIO()
    schema = SCHEMA.with_metadata({META_KEY: tally.model_dump_json().encode()})
    pq.write_table(pa.Table.from_pylist(answers, schema=schema), sink)
    store.create(spec.layout.result_shard(shard_id), sink.getvalue())
