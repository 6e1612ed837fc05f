"""Run rows with JSON schemas on a real engine in a process of its own, one after the other, and print their outcomes.

    python schema_probe.py MODEL_FOLDER < rows

Each input line is one schema. The last line of the output is a JSON list in the order of the input: the text of each
answer, or ``class: message`` of a failed row.
"""

from __future__ import annotations

import asyncio
import json
import sys

from llmbatch.cluster.engines.vllm import VllmEngine
from llmbatch.core.engine_settings import EngineSettings
from llmbatch.core.errors import RowError
from llmbatch.core.rows import StagedRow


def row(number: int, schema: object) -> StagedRow:
    sampling = {"max_tokens": 60, "temperature": 0}
    request = json.dumps({"prompt": "hi", "sampling": sampling, "output_schema": schema})
    return StagedRow(f"00000-{number:09d}", None, number, "completion", request, 2, 60, None, None)


async def probe(folder: str, schemas: list[object]) -> list[str]:
    engine = VllmEngine(EngineSettings(max_model_len=256, max_num_seqs=4, cpu_kvcache_gib=1), folder)
    await engine.start()
    found = []
    try:
        for number, schema in enumerate(schemas):
            try:
                found.append((await engine.generate(row(number, schema))).text)
            except RowError as error:
                found.append(f"{error.error_class.value}: {error.message}")
    finally:
        await engine.close()
    return found


if __name__ == "__main__":
    lines = [json.loads(line) for line in sys.stdin]
    sys.stdout.write(json.dumps(asyncio.run(probe(sys.argv[1], lines))) + "\n")
