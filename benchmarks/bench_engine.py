"""``make bench-engine``: what does everything around vLLM cost?

The same rows, the same engine settings, one machine, one run: bare vLLM, this pipeline (through Airflow, Ray and S3),
``ray.data.llm`` and ``vllm run-batch``, in order and in the next round in reverse order. The stack is up for the
pipeline only; the others run alone, as they would for a user who has nothing else. Each figure counts the engine's work
only, from the first row admitted to the last answer delivered; starts are reported apart. Ratios are to bare vLLM of
the same round; the medians over the rounds are the result. Reads ``LLMBATCH_BENCH_ROWS`` (default 512) and
``LLMBATCH_BENCH_ROUNDS`` (default 3). Ends with the stack down.
"""

from __future__ import annotations

import functools
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from llmbatch.core.progress import Progress
from llmbatch_stack import settings as stack_settings
from llmbatch_stack import stack
from llmbatch_stack.credentials import load_or_create
from llmbatch_stack.demo.job_run import DAG_ID, follow, open_airflow, open_store
from rival_runs import Measurement, Rivals, bench_rows

PROMPTS = Path("examples/prompts/python_docs.jsonl")
MAX_TOKENS = 64
WATCH_SECONDS = 5.0
"""How often the benchmark polls Airflow for the job: its own requests must not cost the engine's cores."""
RIVALS = ("bare_vllm", "ray_data_llm", "run_batch")


class Bench:
    """Runs contestants against one stack and one prompt file. A rival runs alone: the stack is down meanwhile."""

    def __init__(self, settings: stack_settings.Settings, prompts: Path) -> None:
        self._settings = settings
        self._prompts = prompts
        self._credentials = load_or_create(settings)
        self._rivals = Rivals(settings, prompts)

    def rival(self, name: str) -> Measurement:
        """Run one of ``benchmarks/rivals``, as a user would who does not have this project."""
        stack.down(self._settings)
        return self._rivals.run(name)

    def pipeline(self) -> Measurement:
        """Run one job through Airflow, and read what it cost from its manifest and heartbeat."""
        stack.up(self._settings, lambda _line: None)
        store = open_store(self._settings, self._credentials)
        input_uri = f"s3://{stack_settings.BUCKET}/inputs/bench/{self._prompts.name}"
        store.put(input_uri, self._prompts.read_bytes())
        with open_airflow(self._settings, self._credentials) as api:
            triggered = datetime.now(UTC)
            run = api.trigger(
                DAG_ID, {"input_uri": input_uri, "sampling": {"max_tokens": MAX_TOKENS, "temperature": 0}}
            )
            job = follow(api, store, run, lambda *_: None, poll_seconds=WATCH_SECONDS)
        timing = job.manifest.timing
        progress = Progress.model_validate_json(store.get(job.layout.progress))
        before_work = timedelta(seconds=timing.get("cluster", 0.0) + timing.get("model_load", 0.0))
        extra = {
            "trigger_to_first_row": (progress.started_at + before_work - triggered).total_seconds(),
            "engine_start": timing.get("model_load", 0.0),
            "staging": timing.get("stage", 0.0),
            "publish": timing.get("publish", 0.0),
            "total": job.seconds_total,
        }
        work = timing["work"] + timing.get("tail", 0.0)
        return Measurement(job.manifest.rows.input, job.manifest.tokens.completion, work, extra)


def main() -> int:
    """Run all rounds, print a line for each contestant, end with ``RESULT``."""
    rows = int(os.environ.get("LLMBATCH_BENCH_ROWS", "512"))
    rounds = int(os.environ.get("LLMBATCH_BENCH_ROUNDS", "3"))
    settings = stack_settings.load()
    with tempfile.TemporaryDirectory() as folder:
        prompts = Path(folder) / "bench.jsonl"
        prompts.write_text(bench_rows(settings.repo / PROMPTS, rows, MAX_TOKENS), encoding="utf-8")
        bench = Bench(settings, prompts)
        contestants: list[tuple[str, Callable[[], Measurement]]] = [
            (name, functools.partial(bench.rival, name)) for name in RIVALS
        ]
        contestants.insert(1, ("llmbatch", bench.pipeline))
        found: dict[str, list[Measurement]] = {name: [] for name, _ in contestants}
        for turn in range(rounds):
            # In reverse order every other round, so that the machine's drift meets each system from both sides.
            for name, run in contestants if turn % 2 == 0 else reversed(contestants):
                one = run()
                found[name].append(one)
                outside = " ".join(f"{key}={value:.1f}s" for key, value in one.extra.items())
                _print(
                    f"round {turn + 1} {name:<13} {one.rows} rows {one.rows_per_second:6.2f} rows/s "
                    f"{one.tokens_per_second:6.0f} tok/s  {outside}"
                )
    stack.down(settings)
    _print("")
    for name, measured in found.items():
        _print(
            f"{name:<13} {_median(m.rows_per_second for m in measured):6.2f} rows/s  "
            f"{_ratio(measured, found['bare_vllm']):.3f} of bare (rows)  "
            f"{_ratio(measured, found['bare_vllm'], tokens=True):.3f} (output tokens)"
        )
    ours = found["llmbatch"]
    result = {
        "rows": rows,
        "rounds": rounds,
        "ratio_to_bare_vllm": _ratio(ours, found["bare_vllm"]),
        "ratio_to_bare_vllm_tokens": _ratio(ours, found["bare_vllm"], tokens=True),
        "ratio_to_ray_data_llm": _ratio(ours, found["ray_data_llm"]),
        "ratio_to_run_batch": _ratio(ours, found["run_batch"]),
        "rows_per_second": {name: round(_median(m.rows_per_second for m in ms), 2) for name, ms in found.items()},
        "seconds_trigger_to_first_row": round(_median(m.extra["trigger_to_first_row"] for m in ours), 1),
        "seconds_engine_start": round(_median(m.extra["engine_start"] for m in ours), 1),
        "seconds_staging": round(_median(m.extra["staging"] for m in ours), 2),
        "seconds_publish": round(_median(m.extra["publish"] for m in ours), 2),
    }
    sys.stdout.write(f"RESULT {json.dumps(result)}\n")
    return 0


def _ratio(ours: list[Measurement], theirs: list[Measurement], *, tokens: bool = False) -> float:
    """Median over rounds of our speed over theirs in the same round."""
    pairs = zip(ours, theirs, strict=True)
    ratios = (
        (a.tokens_per_second / b.tokens_per_second) if tokens else (a.rows_per_second / b.rows_per_second)
        for a, b in pairs
    )
    return round(_median(ratios), 3)


def _median(values: Iterable[float]) -> float:
    return statistics.median(values)


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
