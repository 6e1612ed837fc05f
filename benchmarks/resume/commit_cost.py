"""CPU time of one commit and of one heartbeat, in the process that does them. Runs in the Ray room."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

from llmbatch.cluster.driver.estimator import Estimator
from llmbatch.cluster.driver.heartbeat import Heartbeat
from llmbatch.cluster.driver.job_state import JobState
from llmbatch.cluster.driver.orders import JobOrders
from llmbatch.cluster.driver.progress_writer import ProgressWriter
from llmbatch.cluster.engines.base import Answer
from llmbatch.cluster.exchange.scoreboard import Scoreboard
from llmbatch.cluster.replica.crash_book import CrashBook
from llmbatch.cluster.replica.row_outcome import succeeded
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.cluster.storage.shard_commit import ShardCommit
from llmbatch.cluster.storage.store import open_store
from llmbatch.core.claims import claim
from llmbatch.core.clock import SystemClock
from llmbatch.core.endpoints import Endpoint
from llmbatch.core.identity import row_id_of, shard_id_of
from llmbatch.core.layout import JobLayout
from llmbatch.core.rows import StagedRow
from llmbatch.core.shards import ShardTally, StagedManifest, StagedShard

REPEATS = 200
PROMPT_CHARS = 400
ANSWER_WORDS = 64


def cpu_seconds_each(call: Callable[[int], object]) -> float:
    """CPU seconds of this process for one call, threads included; the first ten calls warm up."""
    for number in range(10):
        call(number)
    began = time.process_time()
    for number in range(10, 10 + REPEATS):
        call(number)
    return (time.process_time() - began) / REPEATS


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--job", required=True, help="s3:// folder to write into")
    parser.add_argument("--shard-rows", type=int, required=True)
    parser.add_argument("--shards", type=int, default=1000)
    options = parser.parse_args()
    store, layout, clock = open_store(), JobLayout(options.job), SystemClock()
    message = {"role": "assistant", "content": " ".join(f"word{n}" for n in range(ANSWER_WORDS))}
    body = {"object": "chat.completion", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    answer = Answer(json.dumps(body), 100, ANSWER_WORDS)
    rows = [
        StagedRow(row_id_of(0, n), f"c{n}", n, Endpoint.CHAT, "x" * PROMPT_CHARS, PROMPT_CHARS, 256, None, None)
        for n in range(options.shard_rows)
    ]

    job = JobContext("bench", 1, layout, store, clock)
    book, shard_commit = CrashBook(job), ShardCommit(job)
    claim(store, layout, owner="bench", now=clock.now())

    def commit(number: int) -> None:
        book.suspicion()  # a replica reads the crashes before each shard
        outcomes = [succeeded(row, answer, 1.0) for row in rows]
        tally = ShardTally(shard_id=shard_id_of(number), generation=1, rows=len(rows), succeeded=len(rows), failed=0)
        shard_commit.commit(outcomes, tally)

    shards = tuple(
        StagedShard(shard_id=shard_id_of(n), rows=options.shard_rows, invalid_rows=0, input_chars=1, etag="")
        for n in range(options.shards)
    )
    staged = StagedManifest(job_id="bench", shards=shards, seconds=1.0)
    state, scoreboard = JobState(staged, generation=1, replicas_wanted=1, clock=clock), Scoreboard()
    writer = ProgressWriter(job, state, Estimator(256), emit=lambda _: None)
    heartbeat = Heartbeat(job, state, JobOrders(1), writer, seconds=2)
    heartbeat.connect(scoreboard.beat)
    found = {"commit": cpu_seconds_each(commit), "heartbeat": cpu_seconds_each(lambda _: heartbeat.beat())}
    print(f"MEASURED {json.dumps(found | {'calls': REPEATS + 10})}")


if __name__ == "__main__":
    main()
