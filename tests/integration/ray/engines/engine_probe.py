"""Run rows on a real engine in a process of its own, and print what it says of them while they run.

    python engine_probe.py MODEL_FOLDER ROWS

The engine's KV cache has a block for each row and none to spare, so that a row which needs a second one preempts
others. The last line of the output is one JSON object: ``samples``, each ``[answered rows, ended, generated,
prompt_read, prompt_open, kv_cache]``; the tokens of each answer as ``answers``; the engine's statistics ``before`` the
rows, ``after`` them, after as many rows with one ``shared`` prompt, and after those again with statistics that
``broke``, with the tokens of ``broken_answers``; and the median ``microseconds`` of a count with all rows open.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import statistics
import sys
import time
from collections.abc import Sequence

from llmbatch.cluster.engines.base import Answer
from llmbatch.cluster.engines.vllm.engine import VllmEngine
from llmbatch.cluster.engines.vllm.statistics import Statistics
from llmbatch.core.endpoints import Endpoint
from llmbatch.core.engine_settings import EngineSettings
from llmbatch.core.rows import StagedRow
from llmbatch.core.serving import Serving

MAX_TOKENS = 24
COUNTS = 50
BLOCK = 128
"""Tokens of a block of the KV cache on CPUs."""


def row(number: int, prompt: Sequence[int]) -> StagedRow:
    """The answer has all the tokens that it may have."""
    limits = {"max_tokens": MAX_TOKENS, "temperature": 0, "ignore_eos": True}
    request = json.dumps({"prompt": [*prompt], **limits})
    row_id, chars = f"00000-{number:09d}", len(request)
    return StagedRow(row_id, f"c{number}", number, Endpoint.COMPLETIONS, request, chars, MAX_TOKENS, None, None)


def own_prompts(rows: int) -> list[StagedRow]:
    """Prompts of different lengths that fit into one block, but not with their answers."""
    return [row(n, range(10 + n, BLOCK + n - n % 8)) for n in range(rows)]


def shared_prompts(rows: int) -> list[StagedRow]:
    """Prompts that begin with the same block."""
    return [row(n, [*range(10, 10 + BLOCK), n]) for n in range(rows)]


def used(engine: VllmEngine) -> dict[str, object] | None:
    found = engine.statistics()
    return None if found is None else found.model_dump()


async def probe(folder: str, rows: int) -> dict[str, object]:
    settings = EngineSettings(max_model_len=2 * BLOCK, max_num_seqs=rows, cpu_kvcache_gib=1, statistics=True)
    # One block is vLLM's own.
    engine = VllmEngine(settings, Serving(options={"num_gpu_blocks_override": rows + 1}), folder)
    await engine.start()
    found: dict[str, object] = {"before": used(engine)}
    samples: list[tuple[float, ...]] = []

    async def answers(batch: list[StagedRow]) -> list[Answer]:
        return await asyncio.gather(*(engine.generate(each, each.row_id) for each in batch))

    try:
        tasks = [asyncio.create_task(engine.generate(each, each.row_id)) for each in own_prompts(rows)]
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0.01)
            counts, use = engine.in_flight(), engine.statistics()
            assert counts is not None, "this version of vLLM keeps its counts elsewhere: see the warning in the log"
            assert use is not None, "this version of vLLM reports its steps otherwise: see the warning in the log"
            kv_cache = use.kv_cache or 0.0
            samples.append((sum(task.done() for task in tasks), *dataclasses.astuple(counts), kv_cache))
            if "microseconds" not in found and counts.generated >= rows:
                found["microseconds"] = median_microseconds(engine)
        found |= {"answers": [task.result().completion_tokens for task in tasks], "after": used(engine)}
        await answers(shared_prompts(rows))
        found["shared"] = used(engine)
        Statistics._add = broken  # type: ignore[method-assign]
        found["broken_answers"] = [each.completion_tokens for each in await answers(shared_prompts(rows))]
        found["broke"] = used(engine)
    finally:
        await engine.close()
    return {**found, "samples": samples}


def broken(*_: object) -> None:
    raise RuntimeError("a bug")


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
