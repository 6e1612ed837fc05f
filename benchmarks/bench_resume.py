"""``make bench-resume``: what being able to resume costs, and how quick it is.

* ``commit_overhead_pct``: CPU time of all commits and heartbeats (driver, replica and object store together) over the
  CPU time that the engine needs for the same rows: on a machine that they share, that is what the engine loses. A
  comparison of whole jobs with and without them drowns in noise of several percent. The engine's time is that of bare
  vLLM in ``make bench-engine`` on as many cores as this machine has.
* ``seconds_to_first_new_row``: from the kill of a job's driver to the first row answered by the next generation.
* ``seconds_list_100k`` and ``peak_mb``: a driver's listing of 100,000 committed shards (``LLMBATCH_BENCH_SHARDS``).
"""

from __future__ import annotations

import json
import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psutil

from chaos import harm, moment
from chaos.scene import Scene
from chaos.stack import ChaosStack, echo_engine
from chaos.workload import Workload
from llmbatch.core.config import load_config
from llmbatch.core.identity import shard_id_of
from llmbatch.core.layout import JobLayout
from llmbatch_stack.demo.job_run import BASE_URI, DAG_ID, open_store
from llmbatch_stack.settings import Settings
from ray_room import in_ray_room

ENGINE_ROWS_PER_CORE_SECOND = 4.3
"""Bare vLLM with the bundled model: 8.6 rows/s on 2 cores."""

WRITERS = 24


def main() -> None:
    with ChaosStack() as stack:
        overhead, costs = commit_overhead(stack)
        seconds_to_first_new_row = resume_seconds(stack)
        shards = int(os.environ.get("LLMBATCH_BENCH_SHARDS", "100000"))
        listing = list_committed(stack, shards)
    print(f"one commit {costs['commit'] * 1000:.1f} ms, one heartbeat {costs['heartbeat'] * 1000:.1f} ms of CPU")
    result = {
        "commit_overhead_pct": round(overhead, 3),
        "seconds_to_first_new_row": round(seconds_to_first_new_row, 1),
        "seconds_list_100k": round(listing["seconds"] * 100_000 / listing["shards"], 2),
        "peak_mb": round(listing["peak_mb"], 1),
        "shards_listed": int(listing["shards"]),
    }
    print(f"RESULT {json.dumps(result)}", flush=True)


def commit_overhead(stack: ChaosStack) -> tuple[float, dict[str, float]]:
    """Return the overhead in percent, and the CPU seconds of one commit and one heartbeat, the store's included."""
    config = load_config(stack.settings.repo / "config" / "config.yaml")
    rows = config.staging.shard_rows
    weed = psutil.Process(stack.pid("seaweedfs"))
    before = sum(weed.cpu_times()[:2])
    measured = in_ray_room(past_the_proxy(stack), stack.credentials, "commit_cost", "--shard-rows", str(rows))
    store_each = (sum(weed.cpu_times()[:2]) - before) / (2 * measured["calls"])
    costs = {name: measured[name] + store_each for name in ("commit", "heartbeat")}
    cores = len(os.sched_getaffinity(0))
    shard_seconds = rows / (ENGINE_ROWS_PER_CORE_SECOND * cores)
    busy = costs["commit"] + costs["heartbeat"] * shard_seconds / config.heartbeat.seconds
    return 100 * busy / (shard_seconds * cores), costs


def resume_seconds(stack: ChaosStack) -> float:
    """Kill a job's driver in the middle of its work; return seconds until a row is answered again."""
    workload = Workload("resume", 481)
    stack.configure(echo_engine(stack.journal, workload.seconds_per_row), ray={"poll_seconds": 3})
    workload.upload(stack)
    with stack.api() as api:
        scene = Scene(stack, api, f"bench__{uuid.uuid4().hex[:8]}")
        killed: list[float] = []

        def kill() -> None:
            harm.driver(scene)
            killed.append(time.time())

        trap = moment.MID_WORK.trap(stack.proxy, scene.layout, kill)
        api.trigger(DAG_ID, workload.conf(), scene.run_id)
        scene.until(trap.sprung.is_set, "a driver to kill", 120)
        scene.until(lambda: first_row_after(stack, killed[0]), "a new row", 120)
        first = first_row_after(stack, killed[0])
        scene.until(lambda: scene.run_state() == "success", "the end of the run", 120)
    return first - killed[0]


def first_row_after(stack: ChaosStack, moment_: float) -> float:
    """Return when a replica that was not there at that moment answered its first row; 0 if none has."""
    starts = [float(text.split()[0]) for file in stack.journal.glob("*.txt") if (text := file.read_text())]
    return min((start for start in starts if start > moment_), default=0.0)


def list_committed(stack: ChaosStack, shards: int) -> dict[str, float]:
    """Make that many tiny committed shards and have a driver's process list them."""
    layout = JobLayout.of(BASE_URI, "bench-listing")
    settings = past_the_proxy(stack)
    store = open_store(settings, stack.credentials)
    began = time.monotonic()
    with ThreadPoolExecutor(WRITERS) as pool:
        for _ in pool.map(lambda n: store.put(layout.result_shard(shard_id_of(n)), b"x"), range(shards)):
            pass
    print(f"{shards} objects made in {time.monotonic() - began:.0f} s", flush=True)
    return in_ray_room(settings, stack.credentials, "list_committed", job=layout.root)


def past_the_proxy(stack: ChaosStack) -> Settings:
    """Return the stack's settings with the address of the store itself, not of the proxy that harms requests."""
    return replace(stack.settings, s3_url=stack.settings.s3_server_url)


if __name__ == "__main__":
    main()
