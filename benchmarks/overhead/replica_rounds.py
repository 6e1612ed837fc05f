"""One replica with the tiny model, without Ray and without a network: answers the same rows for each line of its input.

    python replica_rounds.py VARIANT ROWS MAX_TOKENS

A line of the output is one round as JSON: ``seconds``, output ``tokens``, ``cpu_seconds`` of this process, which is the
engine's front end but not its core, and ``report_cpu_seconds``, those that its event loop spent in reports.
"""

from __future__ import annotations

import asyncio
import dataclasses
import io
import json
import pickle
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq

from llmbatch.cluster.engines.vllm.engine import VllmEngine
from llmbatch.cluster.replica.limits import RowLimits
from llmbatch.cluster.replica.replica import Replica
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.core.claims import claim
from llmbatch.core.clock import SystemClock
from llmbatch.core.endpoints import Endpoint
from llmbatch.core.engine_settings import EngineSettings
from llmbatch.core.identity import shard_id_of
from llmbatch.core.layout import JobLayout
from llmbatch.core.rows import STAGED_COLUMNS, StagedRow
from llmbatch.core.serving import Serving
from llmbatch.core.shards import StagedShard
from llmbatch.core.store import MemoryStore
from tiny_model import tiny_model

REPORT_SECONDS = 1.0
"""As in a job."""
SHARD_ROWS = 64
PROMPT_WORDS = 40


def staged_row(number: int, max_tokens: int) -> StagedRow:
    limits = {"max_tokens": max_tokens, "temperature": 0, "ignore_eos": True}
    request = json.dumps({"prompt": f"{number} " + "word " * PROMPT_WORDS, **limits})
    row_id = f"00000-{number:09d}"
    return StagedRow(row_id, None, number, Endpoint.COMPLETIONS, request, len(request), max_tokens, None, None)


def stage(store: MemoryStore, layout: JobLayout, rows: list[StagedRow]) -> list[StagedShard]:
    schema = pa.schema([pa.field(name, kind) for name, kind in STAGED_COLUMNS])
    shards: list[StagedShard] = []
    for start in range(0, len(rows), SHARD_ROWS):
        part = rows[start : start + SHARD_ROWS]
        sink = io.BytesIO()
        pq.write_table(pa.Table.from_pylist([dataclasses.asdict(row) for row in part], schema=schema), sink)
        shard_id = shard_id_of(len(shards))
        info = store.put(layout.staged_shard(shard_id), sink.getvalue())
        shards.append(StagedShard(shard_id=shard_id, rows=len(part), invalid_rows=0, input_chars=1, etag=info.etag))
    return shards


class Bench:
    """A started engine and the rows of a round."""

    def __init__(self, engine: VllmEngine, settings: EngineSettings, rows: list[StagedRow], *, reports: bool) -> None:
        self._engine, self._settings, self._rows, self._reports = engine, settings, rows, reports
        self._report_cpu = 0.0

    async def round(self) -> dict[str, float]:
        """Answer all rows as a new job, from the first shard that is read to the last commit."""
        store, layout, clock = MemoryStore(), JobLayout("s3://bench/jobs/bench"), SystemClock()
        shards = stage(store, layout, self._rows)
        claim(store, layout, owner="bench", now=clock.now())
        settings = self._settings
        replica = Replica(
            JobContext("bench", 1, layout, store, clock),
            "bench",
            self._engine,
            RowLimits(settings.window_rows, settings.max_num_seqs, settings.shards_in_flight),
            on_engine_death=print,
            announce=lambda: asyncio.sleep(0),
        )
        self._report_cpu, cpu, began = 0.0, time.process_time(), time.monotonic()
        reports = asyncio.create_task(self._report(replica)) if self._reports else None
        tallies = await asyncio.gather(*(replica.process(shard) for shard in shards))
        seconds, cpu = time.monotonic() - began, time.process_time() - cpu
        if reports is not None:
            reports.cancel()
        tokens = sum(tally.completion_tokens for tally in tallies if tally is not None)
        return {
            "seconds": seconds,
            "tokens": tokens,
            "cpu_seconds": cpu,
            "report_cpu_seconds": self._report_cpu,
        }

    async def _report(self, replica: Replica) -> None:
        while True:
            began = time.thread_time()  # not wall time, which is that of other processes too
            pickle.dumps(replica.report())  # as Ray does to send it
            self._report_cpu += time.thread_time() - began
            await asyncio.sleep(REPORT_SECONDS)


async def main(variant: str, rows: int, max_tokens: int) -> None:
    settings = EngineSettings(max_model_len=512, cpu_kvcache_gib=1, statistics=variant == "statistics")
    engine = VllmEngine(settings, Serving(), str(tiny_model()))
    await engine.start()
    bench = Bench(
        engine, settings, [staged_row(n, max_tokens) for n in range(1, rows + 1)], reports=variant != "no_reports"
    )
    loop = asyncio.get_running_loop()
    print("READY", flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print("ROUND " + json.dumps(await bench.round()), flush=True)
    await engine.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
