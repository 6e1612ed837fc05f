"""Run rows on a real engine in a process of its own, one after the other, and print their outcomes.

    python row_probe.py MODEL_FOLDER [SERVING] < rows

Each input line is a row: ``[url, body]`` as JSON. SERVING is a ``Serving`` as JSON. The last line of the output is a
JSON list in the order of the input: for an answered row the response's body and the counted tokens, ``[body, prompt,
completion, cached]``; for a failed one ``class: message``.
"""

from __future__ import annotations

import asyncio
import json
import sys

from llmbatch.cluster.engines.vllm.engine import VllmEngine
from llmbatch.core.engine_settings import EngineSettings
from llmbatch.core.errors import RowError
from llmbatch.core.rows import StagedRow
from llmbatch.core.serving import Serving


def row(number: int, url: str, body: object) -> StagedRow:
    request = json.dumps(body)
    return StagedRow(f"00000-{number:09d}", None, number, url, request, len(request), 60, None, None)


async def probe(folder: str, serving: Serving, rows: list[tuple[str, object]]) -> list[object]:
    engine = VllmEngine(EngineSettings(max_model_len=256, max_num_seqs=4, cpu_kvcache_gib=1), serving, folder)
    await engine.start()
    found: list[object] = []
    try:
        for number, (url, body) in enumerate(rows):
            try:
                answer = await engine.generate(row(number, url, body), f"request-{number}")
            except RowError as error:
                found.append(f"{error.error_class.value}: {error.message}")
            else:
                tokens = (answer.prompt_tokens, answer.completion_tokens, answer.cached_tokens)
                found.append([json.loads(answer.body), *tokens])
    finally:
        await engine.close()
    return found


if __name__ == "__main__":
    chosen = Serving.model_validate_json(sys.argv[2]) if len(sys.argv) > 2 else Serving(name="tiny")
    lines = [tuple(json.loads(line)) for line in sys.stdin]
    sys.stdout.write(json.dumps(asyncio.run(probe(sys.argv[1], chosen, lines))) + "\n")
