"""Run rows on a real engine in a process of its own, and print what it says of them while they run.

    python engine_probe.py MODEL_FOLDER ROWS

The last line of the output is one JSON object: ``samples``, each ``[answered rows, ended, generated, prompt_read,
prompt_open]``, the tokens of each answer as ``answers``, and the median ``microseconds`` of a count with all rows open.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import statistics
import sys
import time

from llmbatch.cluster.engines.vllm.engine import VllmEngine
from llmbatch.core.endpoints import Endpoint
from llmbatch.core.engine_settings import EngineSettings
from llmbatch.core.rows import StagedRow
from llmbatch.core.serving import Serving

MAX_TOKENS = 24
COUNTS = 50


def row(number: int) -> StagedRow:
    """A prompt of its own length; the answer has all the tokens that it may have."""
    limits = {"max_tokens": MAX_TOKENS, "temperature": 0, "ignore_eos": True}
    request = json.dumps({"prompt": "word " * (8 + number % 8), **limits})
    row_id, chars = f"00000-{number:09d}", len(request)
    return StagedRow(row_id, f"c{number}", number, Endpoint.COMPLETIONS, request, chars, MAX_TOKENS, None, None)


async def probe(folder: str, rows: int) -> dict[str, object]:
    settings = EngineSettings(max_model_len=256, max_num_seqs=rows, cpu_kvcache_gib=1)
    engine = VllmEngine(settings, Serving(), folder)
    await engine.start()
    samples: list[tuple[int, ...]] = []
    cost: float | None = None
    try:
        tasks = [asyncio.create_task(engine.generate(row(n), str(n))) for n in range(rows)]
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0.01)
            counts = engine.in_flight()
            assert counts is not None, "this version of vLLM keeps its counts elsewhere: see the warning in the log"
            samples.append((sum(task.done() for task in tasks), *dataclasses.astuple(counts)))
            if cost is None and counts.generated >= rows:
                cost = median_microseconds(engine)
        answers = [task.result().completion_tokens for task in tasks]
    finally:
        await engine.close()
    return {"samples": samples, "answers": answers, "microseconds": cost}


def median_microseconds(engine: VllmEngine) -> float:
    """What one count costs, for a note: no test asserts it."""
    took = []
    for _ in range(COUNTS):
        began = time.perf_counter()
        engine.in_flight()
        took.append(1e6 * (time.perf_counter() - began))
    return statistics.median(took)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(probe(sys.argv[1], int(sys.argv[2])))) + "\n")
