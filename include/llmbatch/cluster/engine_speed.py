"""How fast an engine is on this machine: ``python -m llmbatch.cluster.engine_speed`` answers a sample and counts.

It prints ``ready`` once the engine has started, waits for a line on standard input, and prints one ``EngineSpeed`` as
JSON. So a caller can start the engine beside other work and measure when that work is done. The end of standard input
ends it without a measurement.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from llmbatch.cluster.engines.base import Engine
from llmbatch.cluster.engines.factory import make_engine
from llmbatch.cluster.models.resolve import resolve_model
from llmbatch.cluster.replica.guard import guard_children
from llmbatch.core.endpoints import Endpoint
from llmbatch.core.engine_settings import EngineSettings
from llmbatch.core.engine_speed import EngineSpeed
from llmbatch.core.errors import RowError
from llmbatch.core.rows import StagedRow
from llmbatch.core.serving import Serving
from llmbatch.core.store import MemoryStore

_POLL_SECONDS = 0.25


async def measure(engine: Engine, rows: Sequence[StagedRow], seconds: float) -> EngineSpeed:
    """Give all rows to the engine at once; count until they are answered or ``seconds`` have passed.

    Rows that are still open then are given up. A row that fails counts as answered, without tokens.
    """
    began = time.monotonic()
    before = engine.in_flight()
    tasks = [asyncio.create_task(_answer(engine, row)) for row in rows]
    left = set(tasks)
    while left and time.monotonic() - began < seconds:
        _, left = await asyncio.wait(left, timeout=_POLL_SECONDS, return_when=asyncio.ALL_COMPLETED)
    took, after = time.monotonic() - began, engine.in_flight()
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    written = 0 if after is None else after.ended + after.generated - (before.ended if before is not None else 0)
    return EngineSpeed(rows=len(rows), answered=len(rows) - len(left), output_tokens=written, seconds=took)


async def _answer(engine: Engine, row: StagedRow) -> None:
    try:
        await engine.generate(row, row.row_id)
    except RowError:
        return


async def _run(settings: EngineSettings, model_uri: str, rows: Sequence[StagedRow], seconds: float) -> None:
    model = resolve_model(model_uri, settings.kind, MemoryStore())
    engine = make_engine(settings, Serving(), model.path, model.revision)
    await engine.start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    if await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline):
        found = await measure(engine, rows, seconds)
        sys.stdout.write(found.model_dump_json() + "\n")
        sys.stdout.flush()
    await engine.close()


def main() -> int:
    """Measure the engine and the rows that the command line names."""
    parser = argparse.ArgumentParser(prog="llmbatch.cluster.engine_speed", description=__doc__)
    parser.add_argument("--settings", required=True, help="EngineSettings as JSON")
    parser.add_argument("--model", required=True, help="address of the model, as in config.yaml; not s3://")
    parser.add_argument("--requests", required=True, type=Path, help="one request a line, as staged")
    parser.add_argument("--seconds", type=float, default=12.0, help="give up open rows after this long")
    chosen = parser.parse_args()
    lines = chosen.requests.read_text(encoding="utf-8").splitlines()
    rows = [
        StagedRow(f"row-{number}", None, number, Endpoint.CHAT, line, len(line), 0, None, None)
        for number, line in enumerate(lines, 1)
    ]
    settings = EngineSettings.model_validate_json(chosen.settings)
    guard_children(settings.hang_seconds)
    asyncio.run(_run(settings, chosen.model, rows, chosen.seconds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
