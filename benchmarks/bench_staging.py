"""How fast is staging, and how much memory does it take? Against a real SeaweedFS on this machine.

Each format is staged in a process of its own, several times; the figure is the median. ``peak_mb`` is the largest
resident memory of any of them, imports included. ``rows_per_cpu_second`` counts the staging process's CPU time only, so
it holds on a machine that does other work too. The last line on stdout is ``RESULT {json}``.

    PYTHONPATH=include python benchmarks/bench_staging.py --rows 100000 --repeats 3
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from llmbatch.core.clock import SystemClock
from llmbatch.core.config_sections import HeartbeatConfig, StagingConfig
from llmbatch.core.engine_settings import EngineSettings
from llmbatch.core.input_list import InputList
from llmbatch.core.job_request import JobRequest
from llmbatch.core.job_spec import InputObject, JobSpec
from llmbatch.core.request_options import InputFormat, OutputFormat
from llmbatch.orchestrator.staging.stage import stage
from llmbatch.s3.store import S3Store

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "llm-batch"
WORDS = "the quick brown fox jumps over the lazy dog while seven wizards brew a potion of plain words".split()
TEXT = " ".join(random.Random(7).choices(WORDS, k=120_000))
FORMATS = {"jsonl": InputFormat.OPENAI_BATCH, "parquet": InputFormat.PARQUET}


def prompt(number: int) -> str:
    """A prompt of 200 to 800 characters; mixed lengths, no two alike."""
    start = number * 7919 % 500_000
    return f"Question {number}: {TEXT[start : start + 200 + number * 104_729 % 600]}"


def jsonl_body(rows: int) -> bytes:
    def line(number: int) -> bytes:
        messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": prompt(number)}]
        body = {"model": "any", "messages": messages, "max_tokens": 64, "temperature": 0.7, "seed": number}
        row = {"custom_id": f"row-{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}
        return json.dumps(row).encode() + b"\n"

    return b"".join(line(number) for number in range(rows))


def parquet_body(rows: int) -> bytes:
    sink = io.BytesIO()
    table = {"id": [f"row-{n}" for n in range(rows)], "prompt": [prompt(n) for n in range(rows)]}
    pq.write_table(pa.table(table), sink, row_group_size=20_000)
    return sink.getvalue()


def client_of(port: int) -> S3Client:
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id="K",
        aws_secret_access_key="S",
        region_name="us-east-1",
        config=Config(retries={"mode": "standard"}, max_pool_connections=16, s3={"addressing_style": "path"}),
    )


def stage_once(port: int, name: str, run: int, shard_rows: int) -> tuple[int, float, float, float]:
    """Stage one input in a fresh process; return rows, seconds, CPU seconds and the process's peak in MB."""
    store = S3Store(client_of(port))
    info = store.head(f"s3://{BUCKET}/in/{name}")
    now = datetime.now(UTC)
    inputs = InputList.of([InputObject(uri=info.uri, etag=info.etag, size=info.size)])
    spec = JobSpec(
        job_id=f"job-{name}-{run}",
        dag_id="bench",
        run_id=f"{name}-{run}",
        root_uri=f"s3://{BUCKET}/jobs/job-{name}-{run}",
        created_at=now,
        deadline=now + timedelta(hours=1),
        request=JobRequest(input_uri=info.uri),
        input_format=FORMATS[name],
        output_format=OutputFormat.JSONL,
        output_uri=f"s3://{BUCKET}/out/",
        inputs=inputs.summary(),
        model_name="none",
        model_uri="none",
        engine=EngineSettings(),
        staging=StagingConfig(shard_rows=shard_rows),
        heartbeat=HeartbeatConfig(),
    )
    store.put(spec.layout.inputs(spec.inputs.sha256), inputs.encode())
    clock = SystemClock()
    started, cpu = clock.monotonic(), time.process_time()
    manifest = stage(spec, store, clock)
    seconds, cpu = clock.monotonic() - started, time.process_time() - cpu
    if manifest.invalid_rows:
        raise SystemExit(f"{name}: {manifest.invalid_rows} rows of the benchmark's input are invalid")
    return manifest.rows, seconds, cpu, peak_mb()


def peak_mb() -> float:
    """Return the largest resident memory of this process; ``ru_maxrss`` would hold the parent's from before exec."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024  # type: ignore[index]


def start_weed(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Start SeaweedFS on free ports; return the process and its S3 port."""
    names: tuple[str, ...] = ("s3.port", "s3.port.grpc", "master.port", "master.port.grpc", "volume.port")
    names += ("volume.port.grpc", "filer.port", "filer.port.grpc", "admin.port")
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in names]
        for item in sockets:
            item.bind(("127.0.0.1", 0))
        ports = [item.getsockname()[1] for item in sockets]
    identity = {"name": "bench", "credentials": [{"accessKey": "K", "secretKey": "S"}], "actions": ["Admin"]}
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    beside = Path(sys.executable).with_name("weed")
    command = [
        str(beside if beside.exists() else shutil.which("weed") or "weed"),
        *("mini", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.config={folder}/s3.json"),
        *(f"-bucket={BUCKET}", "-master.telemetry=false", "-webdav=false", "-admin.ui=false", "-s3.iam=false"),
        *("-s3.port.iceberg=0", "-s3.port.lance=0"),
        *(f"-{name}={port}" for name, port in zip(names, ports, strict=True)),
    ]
    with (folder / "weed.log").open("wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, cwd=folder), ports[0]


def upload(port: int, name: str, body: bytes) -> None:
    """Put an input object, waiting up to a minute for the server."""
    from botocore.exceptions import BotoCoreError, ClientError

    until = time.monotonic() + 60
    while True:
        try:
            client_of(port).upload_fileobj(io.BytesIO(body), BUCKET, f"in/{name}")
        except (BotoCoreError, ClientError, OSError):
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
        else:
            return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--shard-rows", type=int, default=StagingConfig().shard_rows)
    options = parser.parse_args()
    speeds: dict[str, list[float]] = {name: [] for name in FORMATS}
    thrift: dict[str, list[float]] = {name: [] for name in FORMATS}
    peak = 0.0
    with tempfile.TemporaryDirectory(prefix="llmbatch-bench-") as folder:
        server, port = start_weed(Path(folder))
        try:
            for name, body_of in (("jsonl", jsonl_body), ("parquet", parquet_body)):
                body = body_of(options.rows)
                upload(port, name, body)
                print(f"input={name} rows={options.rows} mb={len(body) / 1e6:.0f}")
            fresh = multiprocessing.get_context("spawn")
            for run in range(options.repeats):
                for name in FORMATS:
                    with fresh.Pool(1) as pool:
                        rows, seconds, cpu, mb = pool.apply(stage_once, (port, name, run, options.shard_rows))
                    speeds[name].append(rows / seconds)
                    thrift[name].append(rows / cpu)
                    peak = max(peak, mb)
                    print(f"run={run} format={name} seconds={seconds:.2f} cpu_seconds={cpu:.2f} mb={mb:.0f}")
        finally:
            server.terminate()
            server.wait(60)
    result = {
        "rows": options.rows,
        "rows_per_second": {name: round(statistics.median(speeds[name])) for name in ("parquet", "jsonl")},
        "rows_per_cpu_second": {name: round(statistics.median(thrift[name])) for name in ("parquet", "jsonl")},
        "peak_mb": round(peak),
        "shard_rows": options.shard_rows,
        "repeats": options.repeats,
    }
    print(f"RESULT {json.dumps(result)}")


if __name__ == "__main__":
    main()
