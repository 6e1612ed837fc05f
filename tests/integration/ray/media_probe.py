"""Run rows with media, adapters and other tasks on a real engine in a process of its own, and print their outcomes.

    python media_probe.py < question

The question is one JSON object: ``model`` (a folder), ``serving`` (a ``Serving``), ``objects`` (base64 by address, what
the store has) and ``rows``, each ``[url, body]``. A body with ``"unread": true`` skips the reader of media, as no row
does, so that the engine meets the addresses itself.

The last line of the output is one JSON object: ``seconds`` until the engine had started, and ``outcomes`` in the order
of the rows: ``[body, prompt tokens, completion tokens]``, or ``type: message`` of the error of a failed row.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
from typing import Any

from llmbatch.cluster.engines.factory import make_engine
from llmbatch.cluster.media.reader import MediaReader
from llmbatch.cluster.models.adapters import fetch_adapters
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.cluster.storage.patience import Patience
from llmbatch.core.clock import SystemClock
from llmbatch.core.engine_settings import EngineKind, EngineSettings
from llmbatch.core.layout import JobLayout
from llmbatch.core.rows import StagedRow
from llmbatch.core.serving import Serving
from llmbatch.core.store import MemoryStore

LIMIT = 8


class Reader(MediaReader):
    """Leaves the rows that say so as they are."""

    async def inlined(self, body: dict[str, Any]) -> dict[str, Any]:
        return body if body.pop("unread", False) else await super().inlined(body)


def row(number: int, url: str, body: object) -> StagedRow:
    request = json.dumps(body)
    return StagedRow(f"00000-{number:09d}", None, number, url, request, len(request), LIMIT, None, None)


async def probe(question: dict[str, Any]) -> dict[str, object]:
    serving, store = Serving.model_validate(question["serving"]), MemoryStore()
    for uri, body in question["objects"].items():
        store.put(uri, base64.b64decode(body))
    patience = Patience(JobContext("job-1", 1, JobLayout("s3://bucket/jobs/job-1"), store, SystemClock()))
    media = Reader(store, patience, prefixes=serving.media_prefixes, domains=serving.media_domains)
    adapters = fetch_adapters(serving, EngineKind.VLLM, store)
    settings = EngineSettings(max_model_len=256, max_num_seqs=4, cpu_kvcache_gib=1)
    engine = make_engine(settings, serving, question["model"], None, adapters, media)
    began = time.monotonic()
    await engine.start()
    seconds, outcomes = time.monotonic() - began, list[object]()
    try:
        for number, (url, body) in enumerate(question["rows"]):
            try:
                answer = await engine.generate(row(number, url, body), f"request-{number}")
            except Exception as error:  # as a replica does
                outcomes.append(f"{type(error).__name__}: {error}")
            else:
                outcomes.append([json.loads(answer.body), answer.prompt_tokens, answer.completion_tokens])
    finally:
        await engine.close()
        await media.close()
    return {"seconds": seconds, "outcomes": outcomes}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(probe(json.load(sys.stdin)))) + "\n")
