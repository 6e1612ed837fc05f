"""``make bench-engine``: what does everything around vLLM cost?

The same rows, the same engine settings, one machine, one run, in turn, there and back: bare vLLM, this pipeline
(through Airflow, Ray and S3), ``ray.data.llm`` and ``vllm run-batch``. Each figure counts the engine's work only, from
the first row admitted to the last answer delivered; starts are reported apart. Ratios are to bare vLLM of the same
round; the medians over the rounds are the result. Reads ``LLMBATCH_BENCH_ROWS`` (default 512) and
``LLMBATCH_BENCH_ROUNDS`` (default 3).
"""

from __future__ import annotations

import functools
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from llmbatch.core.config import load_config
from llmbatch.core.progress import Progress
from llmbatch_stack import settings as stack_settings
from llmbatch_stack import stack
from llmbatch_stack.credentials import load_or_create
from llmbatch_stack.environment import environment
from llmbatch_stack.job_run import DAG_ID, follow, open_airflow, open_store

PROMPTS = Path("examples/prompts/python_docs.jsonl")
MAX_TOKENS = 64
WATCH_SECONDS = 5.0
"""How often the benchmark asks Airflow for the job: its own questions must not cost the engine's cores."""
MODEL_FOLDER = "smollm2-135m-instruct"
RIVALS = ("bare_vllm", "ray_data_llm", "run_batch")


@dataclass(frozen=True)
class Measurement:
    """One contestant in one round. ``extra`` holds seconds outside the engine's work, by name."""

    rows: int
    output_tokens: int
    seconds: float
    extra: dict[str, float]

    @property
    def rows_per_second(self) -> float:
        """Rows over engine work."""
        return self.rows / self.seconds

    @property
    def tokens_per_second(self) -> float:
        """Output tokens over engine work."""
        return self.output_tokens / self.seconds


class Bench:
    """Runs contestants against one stack and one prompt file."""

    def __init__(self, settings: stack_settings.Settings, prompts: Path) -> None:
        self._settings = settings
        self._prompts = prompts
        self._credentials = load_or_create(settings)
        config = load_config(settings.repo / "config" / "config.yaml")
        model = config.model_for(None)
        self._engine = config.engine.model_copy(update={"max_model_len": model.max_model_len})

    def rival(self, name: str) -> Measurement:
        """Run one of ``benchmarks/rivals`` in the Ray room, with no stack variable in its environment."""
        script = self._settings.repo / "benchmarks" / "rivals" / f"{name}.py"
        hidden = ("RAY_", "AWS_")
        env = {
            key: value
            for key, value in environment("ray", self._settings, self._credentials).items()
            if not key.startswith(hidden)
        }
        command = [
            self._settings.python("ray"), str(script), "--prompts", str(self._prompts),
            "--model", str(self._settings.models / MODEL_FOLDER), "--settings", self._engine.model_dump_json(),
        ]  # fmt: skip
        log = self._settings.logs / f"bench-{name}.log"
        with log.open("w+", encoding="utf-8") as out:
            done = subprocess.run(command, env=env, stdout=out, stderr=out, check=False, timeout=1200)
            out.seek(0)
            lines = [line for line in out if line.startswith("MEASURED ")]
        if not lines:
            raise RuntimeError(f"{name} measured nothing (exit code {done.returncode}); see {log}")
        found = json.loads(lines[-1].removeprefix("MEASURED "))
        return Measurement(
            found["rows"], found["output_tokens"], found["seconds"], {"outside": found["seconds_outside"]}
        )

    def pipeline(self) -> Measurement:
        """Run one job through Airflow, and read what it cost from its manifest and heartbeat."""
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
    stack.up(settings, _tell)
    with tempfile.TemporaryDirectory() as folder:
        prompts = Path(folder) / "bench.jsonl"
        prompts.write_text(_workload(settings.repo / PROMPTS, rows), encoding="utf-8")
        bench = Bench(settings, prompts)
        contestants: list[tuple[str, Callable[[], Measurement]]] = [
            (name, functools.partial(bench.rival, name)) for name in RIVALS
        ]
        contestants.insert(1, ("llmbatch", bench.pipeline))
        found: dict[str, list[Measurement]] = {name: [] for name, _ in contestants}
        for turn in range(rounds):
            # There and back: each round meets the machine's drift from the other side, and neighbours stay neighbours.
            for name, run in contestants if turn % 2 == 0 else reversed(contestants):
                one = run()
                found[name].append(one)
                outside = " ".join(f"{key}={value:.1f}s" for key, value in one.extra.items())
                _tell(
                    f"round {turn + 1} {name:<13} {one.rows} rows {one.rows_per_second:6.2f} rows/s "
                    f"{one.tokens_per_second:6.0f} tok/s  {outside}"
                )
    _tell("")
    for name, measured in found.items():
        _tell(
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


def _workload(source: Path, rows: int) -> str:
    lines = source.read_text(encoding="utf-8").splitlines()
    if rows > len(lines):
        raise ValueError(f"LLMBATCH_BENCH_ROWS={rows} is more than the {len(lines)} rows of {source}")
    made = []
    for line in lines[:rows]:
        row = json.loads(line)
        row["body"] |= {"max_tokens": MAX_TOKENS, "temperature": 0}
        made.append(json.dumps(row, ensure_ascii=False))
    return "\n".join(made) + "\n"


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


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
