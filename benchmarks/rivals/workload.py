"""What every rival gets: the same rows, the same engine settings, the same way to report."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from llmbatch.cluster.engines.cpu_binding import engine_environment
from llmbatch.cluster.engines.cpu_dtype import dtype_of
from llmbatch.core.engine_settings import EngineSettings


@dataclass(frozen=True)
class Workload:
    """Chat rows in OpenAI batch form, greedy, ``max_tokens`` each."""

    prompts: Path
    rows: tuple[dict[str, object], ...]
    model: str
    settings: EngineSettings
    rounds: bool

    @property
    def engine_arguments(self) -> dict[str, object]:
        """The engine settings as vLLM's argument names."""
        settings = self.settings
        return {
            "max_num_seqs": settings.max_num_seqs,
            "max_num_batched_tokens": settings.max_num_batched_tokens,
            "max_model_len": settings.max_model_len,
            "dtype": dtype_of(settings),
            "enforce_eager": settings.enforce_eager,
        }

    @staticmethod
    def messages(row: dict[str, object]) -> list[dict[str, str]]:
        """The chat messages of one row."""
        body = row["body"]
        assert isinstance(body, dict)
        return list(body["messages"])

    @staticmethod
    def max_tokens(row: dict[str, object]) -> int:
        """The token limit of one row."""
        body = row["body"]
        assert isinstance(body, dict)
        return int(body["max_tokens"])


def read_workload() -> Workload:
    """Read the command line, and set the environment that llmbatch's own replicas get."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--prompts", type=Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--settings", required=True, help="EngineSettings as JSON")
    parser.add_argument("--rounds", action="store_true", help="one run for each line on standard input")
    arguments = parser.parse_args()
    settings = EngineSettings.model_validate_json(arguments.settings)
    environment = engine_environment(settings)
    if any(os.environ.get(key) != value for key, value in environment.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **environment})
    rows = tuple(json.loads(line) for line in arguments.prompts.read_text(encoding="utf-8").splitlines())
    return Workload(arguments.prompts, rows, arguments.model, settings, arguments.rounds)


def report(*, rows: int, output_tokens: int, seconds: float, started: float) -> None:
    """Print the measurement as the last line. ``started`` is the process's start on the monotonic clock."""
    measured = {
        "rows": rows,
        "output_tokens": output_tokens,
        "seconds": seconds,
        "seconds_outside": time.monotonic() - started - seconds,
    }
    sys.stdout.write("MEASURED " + json.dumps(measured) + "\n")
    sys.stdout.flush()
