"""Runs the systems of ``benchmarks/rivals`` on one prompt file, in the Ray room, and reads what they measured."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from llmbatch.core.config import load_config
from llmbatch_stack.credentials import load_or_create
from llmbatch_stack.environment import environment
from llmbatch_stack.settings import Settings

MODEL_FOLDER = "smollm2-135m-instruct"
SECONDS_MOST = 1200.0
_MEASURED = "MEASURED "


@dataclass(frozen=True)
class Measurement:
    """One system in one round. ``extra`` holds seconds outside the engine's work, by name."""

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


class Rivals:
    """The rivals with the engine settings of this checkout's ``config.yaml``."""

    def __init__(self, settings: Settings, prompts: Path) -> None:
        self._settings, self._prompts = settings, prompts
        config = load_config(settings.repo / "config" / "config.yaml")
        # as vLLM itself runs an engine on CPUs: a worker process, each thread on its core
        cores = ",".join(map(str, sorted(os.sched_getaffinity(0))))
        self._engine = config.engine.model_copy(
            update={"max_model_len": config.model_for(None).max_model_len, "cpu_threads_bind": cores}
        )
        # no variable of the stack: a rival must not find our Ray or our store
        self._environment = {
            key: value
            for key, value in environment("ray", settings, load_or_create(settings)).items()
            if not key.startswith(("RAY_", "AWS_"))
        }

    def run(self, name: str) -> Measurement:
        """Run one rival from its start to its end.

        Raises:
            RuntimeError: it measured nothing.
        """
        log = self._log(name)
        with log.open("w+", encoding="utf-8") as out:
            done = subprocess.run(
                self._command(name), env=self._environment, stdout=out, stderr=out, check=False, timeout=SECONDS_MOST
            )
            out.seek(0)
            lines = [line for line in out if line.startswith(_MEASURED)]
        if not lines:
            raise RuntimeError(f"{name} measured nothing (exit code {done.returncode}); see {log}")
        return _read(lines[-1])

    @contextmanager
    def bare_engine(self) -> Iterator[BareEngine]:
        """Start bare vLLM once, in a session of its own, for several rounds."""
        command = [*self._command("bare_vllm"), "--rounds"]
        log = self._log("bare_vllm")
        with (
            log.open("w", encoding="utf-8") as errors,
            subprocess.Popen(
                command,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            ) as process,
        ):
            assert process.stdin is not None
            assert process.stdout is not None
            yield BareEngine(process.stdin, process.stdout, log)
            process.stdin.close()
            process.wait(timeout=60)

    def _command(self, name: str) -> list[str]:
        return [
            self._settings.python("ray"), str(self._settings.repo / "benchmarks" / "rivals" / f"{name}.py"),
            "--prompts", str(self._prompts), "--model", str(self._settings.models / MODEL_FOLDER),
            "--settings", self._engine.model_dump_json(),
        ]  # fmt: skip

    def _log(self, name: str) -> Path:
        self._settings.logs.mkdir(parents=True, exist_ok=True)
        return self._settings.logs / f"bench-{name}.log"


class BareEngine:
    """A running bare vLLM."""

    def __init__(self, requests: IO[str], answers: IO[str], log: Path) -> None:
        self._requests, self._answers, self._log = requests, answers, log

    def round(self) -> Measurement:
        """Answer all rows anew, with an empty prefix cache.

        Raises:
            RuntimeError: the engine ended.
        """
        self._requests.write("\n")
        self._requests.flush()
        for line in self._answers:
            if line.startswith(_MEASURED):
                return _read(line)
        raise RuntimeError(f"bare vLLM ended; see {self._log}")


def bench_rows(source: Path, rows: int, max_tokens: int) -> str:
    """Return the first ``rows`` lines of a prompt file, greedy and with this limit.

    Raises:
        ValueError: the file has fewer rows.
    """
    lines = source.read_text(encoding="utf-8").splitlines()
    if rows > len(lines):
        raise ValueError(f"LLMBATCH_BENCH_ROWS={rows} is more than the {len(lines)} rows of {source}")
    made = []
    for line in lines[:rows]:
        row = json.loads(line)
        row["body"] |= {"max_tokens": max_tokens, "temperature": 0}
        made.append(json.dumps(row, ensure_ascii=False))
    return "\n".join(made) + "\n"


def _read(line: str) -> Measurement:
    found = json.loads(line.removeprefix(_MEASURED))
    return Measurement(found["rows"], found["output_tokens"], found["seconds"], {"outside": found["seconds_outside"]})
