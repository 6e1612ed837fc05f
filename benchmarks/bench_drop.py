"""``make bench-drop``: what does a scan of an inbox with very many objects take, in seconds, requests and memory?

100,000 objects on a SeaweedFS of its own. The first scan starts as many jobs as may run at once, the second finds them
running; Airflow is not needed, so that runs are only noted. Also the look by which the triggerer decides whether to
wake a scan. Reads ``LLMBATCH_BENCH_KEYS`` (default 100,000). The last line on stdout is ``RESULT {json}``.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import JsonValue

from bench_staging import BUCKET, client_of, peak_mb, start_weed, upload
from llmbatch.core.clock import SystemClock
from llmbatch.core.config import Config
from llmbatch.core.read_ahead import in_order
from llmbatch.orchestrator.deployment.run_states import DagRunState
from llmbatch.orchestrator.drop_folder.scan import Found, Scan
from llmbatch.orchestrator.drop_folder.wake import glance
from llmbatch.s3.store import S3Store

INBOX = f"s3://{BUCKET}/inbox"
SETTINGS = {
    "store": {"base_uri": f"s3://{BUCKET}/llmbatch"},
    "drop": {"inbox": [{"uri": INBOX}]},
    "default_model": "m",
    "models": {"m": {"uri": "bundled:m"}},
}


class NotedRuns:
    """Runs that are noted and never end."""

    def __init__(self) -> None:
        self.started: set[str] = set()

    def start(self, run_id: str, conf: dict[str, JsonValue]) -> None:  # noqa: ARG002
        """Note a run."""
        self.started.add(run_id)

    def state(self, run_id: str) -> DagRunState:  # noqa: ARG002
        """Return that it runs."""
        return DagRunState.ALIVE

    def failure(self, run_id: str) -> str:  # noqa: ARG002
        """Return nothing, for no run fails."""
        return ""


def main() -> None:
    """Upload, look, scan twice, end with ``RESULT``."""
    keys = int(os.environ.get("LLMBATCH_BENCH_KEYS", "100000"))
    config, runs = Config.model_validate(SETTINGS), NotedRuns()
    with tempfile.TemporaryDirectory(prefix="llmbatch-bench-") as folder:
        server, port = start_weed(Path(folder))
        try:
            upload(port, "ready", b"x")  # waits for the server
            store, client = S3Store(client_of(port)), client_of(port)
            calls: list[str] = []
            client.meta.events.register("before-call.s3", lambda model, **_: calls.append(model.name))
            uris = (f"{INBOX}/{number:07}.jsonl" for number in range(keys))
            for _ in in_order(lambda uri: store.put(uri, b'{"prompt": "hi"}\n'), uris, in_flight=64, name="upload"):
                pass
            counted = S3Store(client)
            before = peak_mb()

            def scan() -> Found:
                return Scan(config, counted, runs, SystemClock()).run()

            def measured(work: Callable[[], object]) -> dict[str, object]:
                calls.clear()
                began = time.monotonic()
                work()
                seconds = round(time.monotonic() - began, 2)
                return {"seconds": seconds, "requests": len(calls), "lists": calls.count("ListObjectsV2")}

            result = {
                "keys": keys,
                "look": measured(lambda: glance(config.drop, config.store.base_uri, counted)),
                "first_scan": measured(scan),
                "second_scan": measured(scan),
                "started": len(runs.started),
                "peak_mb": round(peak_mb()),
                "peak_mb_before": round(before),
            }
        finally:
            server.terminate()
            server.wait(60)
    if len(runs.started) != min(keys, config.drop.most_running):
        raise SystemExit(f"{len(runs.started)} jobs were started")
    print(f"RESULT {json.dumps(result)}", flush=True)


if __name__ == "__main__":
    main()
