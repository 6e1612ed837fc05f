"""``make bench-large``: what does a job of very many rows take, phase by phase, in seconds and in memory?

Two million short rows, of which 3 % fail, go through accept, stage, the Ray driver, publish and report, with the fake
engine, on a SeaweedFS and a local Ray of its own; Airflow is not needed. Each phase is a process of its own, and its
figure is its largest resident memory. The job must end with every row once. Reads ``LLMBATCH_BENCH_ROWS`` (default
2,000,000). The last line on stdout is ``RESULT {json}``.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import psutil

from bench_staging import BUCKET, client_of, peak_mb, start_weed, upload
from llmbatch.core.clock import SystemClock
from llmbatch.core.config import load_config
from llmbatch.core.config_sections import StoreConfig
from llmbatch.core.engine_settings import EchoOptions, EngineKind
from llmbatch.core.job_request import parse_request
from llmbatch.core.manifest import JobManifest
from llmbatch.orchestrator.history.job_report import report_sla
from llmbatch.orchestrator.intake.accept import accept
from llmbatch.orchestrator.jobs.documents import read_spec
from llmbatch.orchestrator.publishing.publish import publish
from llmbatch.orchestrator.staging.stage import stage
from llmbatch.s3.store import S3Store
from llmbatch_stack.settings import load

ROWS_OF_OBJECT = 100_000
FAILED_OF_100 = 3
MARKER = "FAIL"
WATCH_SECONDS = 0.5
REPLICA_TITLE = "ray::MapWorker"

Found = TypeVar("Found")


def main() -> None:
    """Run the job, print a line for each phase, end with ``RESULT``."""
    rows = int(os.environ.get("LLMBATCH_BENCH_ROWS", "2000000"))
    seconds: dict[str, float] = {}
    memory: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="llmbatch-bench-") as folder:
        server, port = start_weed(Path(folder))
        try:
            expected = put_input(port, rows)

            def measured(phase: str, work: Callable[..., tuple[Found, float]], *words: object) -> Found:
                began = time.monotonic()
                found, memory[phase] = work(*words)
                seconds[phase] = round(time.monotonic() - began, 1)
                print(f"phase={phase} seconds={seconds[phase]} peak_mb={memory[phase]:.0f}", flush=True)
                return found

            root = measured("accept", apart, accept_job, port)
            shards = measured("stage", apart, stage_job, port, root)
            replicas_mb = measured("run", run_driver, port, root, Path(folder))
            outputs = measured("publish", apart, publish_job, port, root)
            measured("report", apart, report_job, port, root)
            manifest = JobManifest.model_validate_json(store_of(port).get(f"{root}/manifest.json"))
        finally:
            server.terminate()
            server.wait(60)
    found = (manifest.rows.input, manifest.rows.failed, manifest.missing, manifest.duplicates)
    if found != (rows, expected, 0, 0):
        raise SystemExit(f"{rows} rows of which {expected} fail became rows, failed, missing, duplicates = {found}")
    result = {
        "rows": rows,
        "rows_failed": manifest.rows.failed,
        "missing": manifest.missing,
        "duplicates": manifest.duplicates,
        "shards": shards,
        "outputs": outputs,
        "rows_per_second": round(rows / seconds["run"]),
        "seconds": seconds,
        "peak_mb": {**{phase: round(mb) for phase, mb in memory.items()}, "replica": round(replicas_mb)},
    }
    print(f"RESULT {json.dumps(result)}", flush=True)


def put_input(port: int, rows: int) -> int:
    """Upload the input; return how many of its rows will fail."""
    failing = 0
    for start in range(0, rows, ROWS_OF_OBJECT):
        body = io.StringIO()
        for number in range(start, min(rows, start + ROWS_OF_OBJECT)):
            fails = number % 100 < FAILED_OF_100
            failing += fails
            body.write(f'{{"id": "row-{number}", "prompt": "Question {number} {MARKER if fails else "of many"}?"}}\n')
        upload(port, f"{start:09}.jsonl", body.getvalue().encode())
    print(f"rows={rows} failing={failing}", flush=True)
    return failing


def store_of(port: int) -> S3Store:
    """Return the store of the benchmark."""
    return S3Store(client_of(port))


def apart(work: Callable[..., Found], *words: object) -> tuple[Found, float]:
    """Do it in a process of its own; return what it returned, and the process's peak in MB."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, words), pool.apply(peak_mb)


def accept_job(port: int) -> str:
    """Accept the job with the fake engine; return its address."""
    config = load_config(load().repo / "config" / "config.yaml")
    engine = {"kind": EngineKind.ECHO, "echo": EchoOptions(fail_marker=MARKER)}
    config = config.model_copy(
        update={
            "store": StoreConfig(base_uri=f"s3://{BUCKET}/bench"),
            "engine": config.engine.model_copy(update=engine),
        }
    )
    request = parse_request({"input_uri": f"s3://{BUCKET}/in/", "max_error_rate": 0.1})
    run_id = f"bench__{os.getpid()}"
    now = datetime.now(UTC)
    spec = accept(request, dag_id="bench", run_id=run_id, created_at=now, config=config, store=store_of(port))
    return spec.root_uri


def stage_job(port: int, root: str) -> int:
    """Stage the job; return its number of shards."""
    store = store_of(port)
    return len(stage(read_spec(root, store), store, SystemClock()).shards)


def publish_job(port: int, root: str) -> int:
    """Publish the job; return its number of delivered files."""
    store = store_of(port)
    return len(publish(read_spec(root, store), store, SystemClock()).outputs)


def report_job(port: int, root: str) -> None:
    """Report the job."""
    report_sla(root, store_of(port))


def run_driver(port: int, root: str, folder: Path) -> tuple[float, float]:
    """Run the job as Ray would; return the peak of its replica and that of its driver, in MB."""
    settings = load()
    variables = {
        "PYTHONPATH": str(settings.repo / "include"),
        "AWS_ACCESS_KEY_ID": "K",
        "AWS_SECRET_ACCESS_KEY": "S",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RAY_"))}
    command = [settings.python("ray"), "-m", "llmbatch.cluster", "--job", root]
    with (
        (folder / "driver.log").open("wb") as log,
        subprocess.Popen(command, env=kept | variables, stdout=log, stderr=log) as process,
    ):
        watch = Watch(process.pid)
        watch.start()
        code = process.wait()
        watch.join()
    if code:
        sys.exit(f"the driver ended with {code}: {(folder / 'driver.log').read_text()[-2000:]}")
    return watch.replica_mb, watch.driver_mb


class Watch(threading.Thread):
    """Reads the resident memory of a driver and of its replicas until the driver has ended."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._driver = psutil.Process(pid)
        self.driver_mb = self.replica_mb = 0.0

    def run(self) -> None:
        """Keep the largest values."""
        while self._driver.is_running() and self._driver.status() != psutil.STATUS_ZOMBIE:
            try:
                self.driver_mb = max(self.driver_mb, self._driver.memory_info().rss / 2**20)
                for child in self._driver.children(recursive=True):
                    if " ".join(child.cmdline()).startswith(REPLICA_TITLE):
                        self.replica_mb = max(self.replica_mb, child.memory_info().rss / 2**20)
            except psutil.NoSuchProcess:
                continue
            time.sleep(WATCH_SECONDS)


if __name__ == "__main__":
    main()
