"""``make bench-metrics``: what do metrics cost an engine, and how long does a scrape take beside 10,100 jobs?

First, with nothing beside it, three replicas with the tiny model answer rows without reports, with those of every job,
and with ``engine.statistics``. What metrics cost is the CPU time of a replica's report and of a driver's heartbeat for
each second of work, in percent of all cores, which an engine on CPU uses (``overhead_pct``): CPU time is precise where
two rates of one replica differ by several percent. It is an upper bound, as reports and heartbeats carry the ETA and
the control of a job too.

Then the gateway is a process of its own before a real api-server, Postgres and SeaweedFS, in a stack of its own in a
temporary folder. Each scrape begins a reading of the state, as it comes more than ``COLLECT_SECONDS`` after the last
one; a second scrape at once gets the text that is there. Between scrapes, heartbeats of the running jobs are written.
Reads ``LLMBATCH_BENCH_JOBS`` (default 10,000; finished ones, beside 100 that run), ``LLMBATCH_BENCH_SCRAPES`` (default
20), and what ``metrics_overhead`` reads. The last line on stdout is ``RESULT {json}``.
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import tempfile
import time
from dataclasses import asdict
from datetime import UTC, datetime

from prometheus_client.parser import text_string_to_metric_families

from bench_gateway import RUNNING, fill, gateway, peak_mb, store_of, used_ms
from fakes.exported_jobs import full_progress
from gateway_jobs import ACTIVE
from gateway_load import Load
from llmbatch.core import metrics as names
from llmbatch.core.config import load_config
from llmbatch.core.identity import INFERENCE_DAG, job_id_of
from llmbatch.core.layout import JobLayout
from llmbatch.core.read_ahead import in_order
from llmbatch.core.store import ObjectStore
from llmbatch.gateway.metrics.exporter import COLLECT_SECONDS
from llmbatch_stack import stack
from llmbatch_stack.credentials import load_or_create
from llmbatch_stack.settings import Settings, load
from metrics_overhead import Overhead, measured_as_asked
from ray_room import in_ray_room

GOAL_MS = 200
GOAL_OVERHEAD_PCT = 0.5
FRESH, AGAIN = "fresh", "again"
READING_SECONDS = 3.0
"""Time in which a reading ends that a scrape has begun; it may take longer than the scrape."""
REPORT_SECONDS = 10.0
"""Time in which the SLA report of the first scrape is made."""


def main() -> None:
    """Start the stack, fill it, measure, end with ``RESULT``."""
    jobs = int(os.environ.get("LLMBATCH_BENCH_JOBS", "10000"))
    scrapes = int(os.environ.get("LLMBATCH_BENCH_SCRAPES", "20"))
    engine = measured_as_asked()
    with tempfile.TemporaryDirectory(prefix="llmbatch-bench-") as folder:
        os.environ.update(LLMBATCH_STATE=folder, LLMBATCH_PORT_BASE=str(load().other_base))
        settings = load()
        try:
            stack.up(settings, lambda line: print(line, flush=True))
            result = measured(settings, jobs, scrapes) | overhead(settings, engine)
        finally:
            stack.down(settings)
    print(f"RESULT {json.dumps(result)}", flush=True)


def measured(settings: Settings, jobs: int, scrapes: int) -> dict[str, object]:
    """Return the figures of a stack that is up."""
    credentials = load_or_create(settings)
    token = fill(settings, credentials, jobs)
    print(f"{jobs} finished and {RUNNING} running jobs are there", flush=True)
    store, base_uri = store_of(settings, credentials), load_config(settings.config).store.base_uri
    found, used, read, text = Load(), list[dict[str, float]](), list[float](), ""
    with gateway(settings, credentials) as (process, port):
        write_heartbeats(base_uri, store)
        first = Load()
        scrape(first, port, token, FRESH)
        time.sleep(REPORT_SECONDS)
        for _ in range(scrapes):
            write_heartbeats(base_uri, store)
            time.sleep(COLLECT_SECONDS - READING_SECONDS)
            before = used_ms(settings, process.pid)
            text = scrape(found, port, token, FRESH)
            scrape(found, port, token, AGAIN)
            time.sleep(READING_SECONDS)
            after = used_ms(settings, process.pid)
            used.append({name: after[name] - before[name] for name in after})
            read.append(value_of(text, names.EXPORTER_DURATION.name))
        memory = peak_mb(process.pid)
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {
        "jobs": jobs,
        "active": RUNNING,
        "scrapes": scrapes,
        "goal_ms": GOAL_MS,
        "scrape_p50_ms": found.quantile_ms(0.5, FRESH),
        "scrape_p99_ms": found.quantile_ms(0.99, FRESH),
        "scrape_again_p50_ms": found.quantile_ms(0.5, AGAIN),
        "first_scrape_ms": first.quantile_ms(1, FRESH),
        "reading_p50_ms": round(1000 * statistics.median(read)),
        "series": len(samples),
        "series_of_a_job": round(sum("job_id" in sample.labels for sample in samples) / RUNNING, 1),
        "bytes": len(text),
        "cpu_ms_per_scrape": {name: round(statistics.fmean(each[name] for each in used), 1) for name in used[0]},
        "peak_mb": memory,
        "machine_load": round(os.getloadavg()[0], 1),
        "errors": dict(found.errors),
    }


def overhead(settings: Settings, engine: Overhead) -> dict[str, object]:
    """Return what metrics cost an engine; the heartbeat's cost is measured against the store of the stack.

    ``report_cpu_pct`` and ``heartbeat_cpu_pct`` are percent of one core.
    """
    cost = in_ray_room(settings, load_or_create(settings), "commit_cost", "--shard-rows", "64")["heartbeat"]
    beat = 100 * cost / load_config(settings.config).heartbeat.seconds
    return {
        "overhead_pct": round((engine.report_cpu_pct + beat) / len(os.sched_getaffinity(0)), 3),
        "goal_overhead_pct": GOAL_OVERHEAD_PCT,
        "heartbeat_cpu_pct": round(beat, 3),
        "engine": asdict(engine),
    }


def value_of(text: str, name: str) -> float:
    """Return the value of a series without labels."""
    return next(float(line.split(" ")[1]) for line in text.splitlines() if line.startswith(f"{name} "))


def write_heartbeats(base_uri: str, store: ObjectStore) -> None:
    """Write a heartbeat of now with all fields for each running job."""

    def write(number: int) -> None:
        job_id = job_id_of(INFERENCE_DAG, f"{ACTIVE}{number}")
        beat = full_progress(job_id, datetime.now(UTC), sequence=time.monotonic_ns())
        store.put(JobLayout.of(base_uri, job_id).progress, beat.model_dump_json().encode())

    for _ in in_order(write, range(1, RUNNING + 1), in_flight=16, name="heartbeats"):
        pass


def scrape(load: Load, port: int, token: str, kind: str) -> str:
    """Scrape once over a connection of its own, as long as it takes to read the whole answer; return the text."""
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    text = answer.read().decode()
    seconds = time.monotonic() - began
    connection.close()
    if answer.status == 200:
        load.seconds[kind].append(seconds)
    else:
        load.errors[f"{kind} {answer.status}"] += 1
    return text


if __name__ == "__main__":
    main()
