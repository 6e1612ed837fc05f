"""``make bench-stack``: what does the idle stack take from an engine on the same machine?

One bare vLLM engine answers the same rows again and again, in turn without the stack and beside the idle stack, each
time once unmeasured: after the idle minute in which the stack starts, an engine is slower at first. Each round's
ratio is between neighbours; the median over the rounds is the result. Then the CPU use of each idle component
is read, in percent of one core. Reads ``LLMBATCH_BENCH_ROWS`` (default 64) and ``LLMBATCH_BENCH_ROUNDS`` (default 5).
Ends with the stack down.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from llmbatch_stack import stack
from llmbatch_stack.process import record
from llmbatch_stack.process.table import session_use
from llmbatch_stack.settings import Settings, load
from rival_runs import BareEngine, Rivals, bench_rows

PROMPTS = Path("examples/prompts/python_docs.jsonl")
MAX_TOKENS = 64
SETTLE_SECONDS = 20.0
"""After its start the stack parses DAGs, fills caches and gives its sessions their priorities."""

WATCH_SECONDS = 30.0


def main() -> int:
    """Run all rounds, print a line for each, end with ``RESULT``."""
    rows = int(os.environ.get("LLMBATCH_BENCH_ROWS", "64"))
    rounds = int(os.environ.get("LLMBATCH_BENCH_ROUNDS", "5"))
    settings = load()
    stack.down(settings)
    with tempfile.TemporaryDirectory() as folder:
        prompts = Path(folder) / "bench.jsonl"
        prompts.write_text(bench_rows(settings.repo / PROMPTS, rows, MAX_TOKENS), encoding="utf-8")
        with Rivals(settings, prompts).bare_engine() as engine:
            alone, beside = [], []
            for turn in range(rounds):
                alone.append(_seconds(engine))
                stack.up(settings, lambda _line: None)
                time.sleep(SETTLE_SECONDS)
                beside.append(_seconds(engine))
                if turn == rounds - 1:
                    used = idle_cpu_pct(settings, WATCH_SECONDS)
                stack.down(settings)
                _print(f"round {turn + 1}: {alone[-1]:.1f} s alone, {beside[-1]:.1f} s beside the idle stack")
    ratio = statistics.median(a / b for a, b in zip(alone, beside, strict=True))
    result = {
        "rows": rows,
        "rounds": rounds,
        "ratio_idle_stack": round(ratio, 3),
        "seconds_alone": round(statistics.median(alone), 2),
        "seconds_beside": round(statistics.median(beside), 2),
        "idle_cpu_pct": used,
        "idle_cpu_pct_total": round(sum(used.values()), 2),
    }
    _print(f"RESULT {json.dumps(result)}")
    return 0


def _seconds(engine: BareEngine) -> float:
    engine.round()
    return engine.round().seconds


def idle_cpu_pct(settings: Settings, seconds: float) -> dict[str, float]:
    """Return what each component and its descendants use, in percent of one core, over ``seconds``."""
    records = record.read_all(settings.run).values()
    before = {one.component: _ticks(one) for one in records}
    began = time.monotonic()
    time.sleep(seconds)
    ticks = (time.monotonic() - began) * os.sysconf("SC_CLK_TCK")
    return {one.component: round(100 * (_ticks(one) - before[one.component]) / ticks, 2) for one in records}


def _ticks(one: record.Record) -> int:
    # every component descends from the supervisor, which is therefore counted without descendants
    return sum(use.ticks for use in session_use({one.pid: one.component != record.SUPERVISOR})[one.pid])


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
