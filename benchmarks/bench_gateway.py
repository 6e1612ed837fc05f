"""``make bench-gateway``: how fast is the HTTP API beside a stack with 10,000 finished and 100 running jobs?

The gateway is a process of its own before a real api-server, Postgres and SeaweedFS. Three routes in turn, ``GET
/jobs/{id}`` of any job, ``GET /sla/status`` and ``GET /jobs``: 50 requests a second, timed from when they were due,
then as fast as they are answered. The scheduler's loop is timed before and meanwhile. Then a new process answers the
pages of the UI and what their scripts poll: each once, then at the same rate with the ETags of polls. The stack is one
of its own, in a temporary folder. Reads ``LLMBATCH_BENCH_JOBS`` (default 10,000) and ``LLMBATCH_BENCH_SECONDS``
(default 30). The last line on stdout is ``RESULT {json}``.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import re
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg2

from gateway_jobs import ACTIVE, HISTORY, MODEL_RUN, copy_runs, write_documents
from gateway_load import as_fast_as_it_answers, at_rate
from gateway_pages import measured_pages
from gateway_paint import painted
from llmbatch.core.config import load_config
from llmbatch.core.identity import INFERENCE_DAG, job_id_of
from llmbatch.s3.store import S3Store
from llmbatch_stack import stack
from llmbatch_stack.components import postgres
from llmbatch_stack.components.airflow import API_SERVER
from llmbatch_stack.credentials import Credentials, load_or_create
from llmbatch_stack.environment import environment, s3_variables
from llmbatch_stack.process import record
from llmbatch_stack.process.table import session_use
from llmbatch_stack.settings import REGION, Settings, load
from llmbatch_stack.wire import call

RUNNING = 100
RATE = 50.0
CONNECTIONS = 16
"""Of the load without a fixed rate."""
IDLE_PERCENT = 15.0
"""Of all cores, below which the stack counts as idle."""
SETTLE_SECONDS = 180

_LOOP = re.compile(rb"scheduler\.scheduler_loop_duration:([\d.]+)\|ms")


class LoopTimes:
    """Receives Airflow's metrics and keeps the milliseconds of the scheduler's loops."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", port))
        self._seen: list[float] = []
        threading.Thread(target=self._receive, daemon=True).start()

    def _receive(self) -> None:
        while True:
            received = self._socket.recv(65536)
            self._seen.extend(float(value) for value in _LOOP.findall(received))

    def take(self) -> list[float]:
        """Return the times since the last call."""
        seen, self._seen = self._seen, []
        return seen


def main() -> None:
    """Start the stack, fill it, measure, end with ``RESULT``."""
    jobs = int(os.environ.get("LLMBATCH_BENCH_JOBS", "10000"))
    seconds = float(os.environ.get("LLMBATCH_BENCH_SECONDS", "30"))
    with tempfile.TemporaryDirectory(prefix="llmbatch-bench-") as folder:
        os.environ.update(LLMBATCH_STATE=folder, LLMBATCH_PORT_BASE=str(load().other_base))
        settings = load()
        loops = LoopTimes(settings.port("statsd_udp"))  # where the stack's Airflow sends its metrics
        try:
            stack.up(settings, lambda line: print(line, flush=True))
            result = measured(settings, loops, jobs, seconds)
        finally:
            stack.down(settings)
    print(f"RESULT {json.dumps(result)}", flush=True)


def measured(settings: Settings, loops: LoopTimes, jobs: int, seconds: float) -> dict[str, object]:
    """Return the figures of a stack that is up."""
    credentials = load_or_create(settings)
    token = fill(settings, credentials, jobs)
    print(f"{jobs} finished and {RUNNING} running jobs are there", flush=True)
    settle()
    loops.take()
    time.sleep(seconds)
    machine_load = round(os.getloadavg()[0], 1)
    alone = loops.take()
    with gateway(settings, credentials) as (process, port):
        paths = routes(jobs)
        asyncio.run(at_rate(port, token, paths, RATE, 3))  # connections are made, caches are filled
        loops.take()
        before = used_ms(settings, process.pid)
        steady = asyncio.run(at_rate(port, token, paths, RATE, seconds))
        after, beside = used_ms(settings, process.pid), loops.take()
        most = asyncio.run(as_fast_as_it_answers(port, token, paths, CONNECTIONS, seconds / 2))
        memory = peak_mb(process.pid)
    with gateway(settings, credentials) as (_, port):
        pages = asyncio.run(measured_pages(port, token, jobs, RUNNING, RATE, seconds))
        paint = painted(port, token)
    return {
        "jobs": jobs,
        "active": RUNNING,
        "requests_per_second": round(most.answers / most.elapsed, 1),
        "p50_ms": steady.quantile_ms(0.5),
        "p99_ms": steady.quantile_ms(0.99),
        "p99_ms_route": {route: steady.quantile_ms(0.99, route) for route in sorted(steady.seconds)},
        "peak_mb": memory,
        "cpu_ms_per_request": {name: round((after[name] - before[name]) / (RATE * seconds), 1) for name in after},
        "machine_load": machine_load,
        "errors": {**steady.errors, **{f"{name} (most)": count for name, count in most.errors.items()}},
        "scheduler_loop_ms": median(alone),
        "scheduler_loop_ms_beside": median(beside),
        "scheduler_loop_ratio": round(median(beside) / median(alone), 2) if median(alone) else None,
        **pages,
        "ui_paint_ms": paint,
    }


def settle() -> None:
    """Wait until the stack has got over being filled: Postgres analyzes its tables, the store writes its volumes."""
    for _ in range(SETTLE_SECONDS // 5):
        if psutil.cpu_percent(interval=5) < IDLE_PERCENT:
            return
    print(f"The machine is busy {SETTLE_SECONDS} s after the fill. So are the figures.", flush=True)


def fill(settings: Settings, credentials: Credentials, jobs: int) -> str:
    """Write all jobs and return the token of a user."""
    login = {"username": credentials.airflow_user, "password": credentials.airflow_password}
    token = str(
        call(f"{settings.airflow_url}/auth/token", method="POST", body=login, timeout_s=20).json()["access_token"]
    )
    dag = f"{settings.airflow_url}/api/v2/dags/{INFERENCE_DAG}"
    for _ in range(120):
        if call(dag, method="PATCH", token=token, body={"is_paused": True}, timeout_s=20).status == 200:
            break
        time.sleep(1)
    body = {"dag_run_id": MODEL_RUN, "logical_date": None, "conf": {"input_uri": "s3://b/in.jsonl", "sla_hours": 2}}
    made = call(f"{dag}/dagRuns", method="POST", token=token, body=body, timeout_s=20)
    if made.status != 200:
        raise SystemExit(f"Airflow did not create a run: {made.status} {made.text}")
    store = store_of(settings, credentials)
    write_documents(load_config(settings.config).store.base_uri, store, finished=jobs, active=RUNNING)
    database = psycopg2.connect(host=str(settings.runtime / "postgres"), user="postgres", dbname="postgres")
    copy_runs(database, finished=jobs, active=RUNNING)
    database.close()
    return token


def store_of(settings: Settings, credentials: Credentials) -> S3Store:
    """Return the store of the stack."""
    import boto3

    keys = s3_variables(settings, credentials.s3_operator)
    client = boto3.client(
        "s3",
        endpoint_url=settings.s3_url,
        region_name=REGION,
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
    )
    return S3Store(client)


@contextmanager
def gateway(settings: Settings, credentials: Credentials) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Serve the API in a process of its own; yield the process and its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [settings.python("airflow"), "-m", "llmbatch.gateway", "--port", str(port)]
    with (Path(settings.logs) / "gateway.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment("airflow", settings, credentials), stdout=log, stderr=log)
        try:
            for _ in range(120):
                time.sleep(0.5)
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
            yield process, port
        finally:
            process.terminate()
            process.wait(60)


def routes(jobs: int) -> Iterator[tuple[str, str]]:
    """Yield the name and path of one request after the other, of finished and running jobs alike."""
    pick = random.Random(7)
    for number in itertools.count():
        run_id = pick.choice([f"{HISTORY}{pick.randint(1, jobs)}", f"{ACTIVE}{pick.randint(1, RUNNING)}"])
        job_id = job_id_of(INFERENCE_DAG, run_id)
        yield (("job", f"/jobs/{job_id}"), ("status", "/sla/status"), ("jobs", "/jobs"))[number % 3]


def peak_mb(pid: int) -> int:
    """Return the largest resident memory of a process, in MB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return round(int(found[1]) / 1000) if found else 0


def used_ms(settings: Settings, gateway_pid: int) -> dict[str, float]:
    """Return the CPU time so far of the gateway, the api-server and the database, in milliseconds."""
    records = record.read_all(settings.run)
    leaders = {name: records[name].pid for name in (API_SERVER, postgres.NAME)}
    use = session_use(dict.fromkeys(leaders.values(), True))
    tick = 1000 / os.sysconf("SC_CLK_TCK")
    fields = Path(f"/proc/{gateway_pid}/stat").read_text().rpartition(")")[2].split()
    return {
        "gateway": tick * (int(fields[11]) + int(fields[12])),
        **{name: tick * sum(each.ticks for each in use[pid]) for name, pid in leaders.items()},
    }


def median(values: list[float]) -> float:
    """Return the median, 0 without a value."""
    return round(statistics.median(values), 1) if values else 0.0


if __name__ == "__main__":
    main()
