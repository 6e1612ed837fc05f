"""How many rows the demo takes: as many as this machine's engine answers within about three minutes."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from llmbatch.core.config import load_config
from llmbatch.core.engine_speed import EngineSpeed
from llmbatch_stack.credentials import Credentials
from llmbatch_stack.environment import environment
from llmbatch_stack.settings import Settings

JOB_SECONDS = 180.0
AROUND_SECONDS = 25.0
"""Of a job's time that are neither the engine's start nor its work: accept, stage, publish."""

LEAST_WORK_SECONDS = 60.0
LEAST_ROWS = 48
SAMPLE_ROWS = 64

Report = Callable[[str], None]


class EngineProbe:
    """An engine that starts in the background, to be measured when the stack is up."""

    def __init__(self, process: subprocess.Popen[str], log: Path, report: Report) -> None:
        self._process, self._log, self._report = process, log, report
        self._began = time.monotonic()

    def rows(self, available: int, max_tokens: int) -> int:
        """Wait for the engine, measure it, report the result; return how many of ``available`` rows to take."""
        if _read(self._process.stdout) != "ready":
            return self._without(available)
        start = time.monotonic() - self._began
        self._report(f"measuring the engine, which started in {start:.0f} s ...")
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        try:
            speed = EngineSpeed.model_validate_json(_read(self._process.stdout))
        except ValidationError:
            return self._without(available)
        rows = fitting_rows(speed.rows_per_second(max_tokens), start, available)
        self._report(
            f"{speed.output_tokens / speed.seconds:.0f} output tokens/s with {speed.rows} rows: the job takes {rows} "
            f"of {available} rows, which end within about three minutes (LLMBATCH_DEMO_ROWS=N takes N)"
        )
        return rows

    def _without(self, available: int) -> int:
        rows = min(available, LEAST_ROWS)
        self._report(f"the engine could not be measured (see {self._log}); the job takes {rows} rows")
        return rows


@contextmanager
def engine_probe(
    settings: Settings, credentials: Credentials, lines: Sequence[str], max_tokens: int, report: Report
) -> Iterator[EngineProbe]:
    """Start the demo's engine outside Ray with the first rows of its input; inside, the engine is there to be measured.

    Args:
        settings: of the stack; its config.yaml names engine and model.
        credentials: of the stack.
        lines: the demo's input, OpenAI batch lines.
        max_tokens: limit of each answer.
        report: gets one line for each step.
    """
    config = load_config(settings.config)
    model = config.model_for(None)
    engine = config.engine.model_copy(update={"max_model_len": model.max_model_len})
    settings.logs.mkdir(parents=True, exist_ok=True)
    log = settings.logs / "demo-engine.log"
    limited = {"max_tokens": max_tokens, "temperature": 0}
    requests = [
        json.dumps({"messages": json.loads(line)["body"]["messages"], **limited}) for line in lines[:SAMPLE_ROWS]
    ]
    with tempfile.TemporaryDirectory() as folder, log.open("w", encoding="utf-8") as errors:
        sample = Path(folder) / "requests.jsonl"
        sample.write_text("\n".join(requests), encoding="utf-8")
        command = [
            settings.python("ray"), "-m", "llmbatch.cluster.engine_speed", "--settings", engine.model_dump_json(),
            "--model", model.address, "--requests", str(sample),
        ]  # fmt: skip
        report(f"starting the engine once to measure it (log: {log})")
        with subprocess.Popen(
            command,
            env=environment("ray", settings, credentials),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process:
            try:
                yield EngineProbe(process, log, report)
                assert process.stdin is not None
                process.stdin.close()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=30)
            finally:
                process.kill()  # its guard ends the engine's own processes


def fitting_rows(rows_per_second: float, start_seconds: float, available: int) -> int:
    """Return the rows of a job of three minutes whose engine takes ``start_seconds`` to start.

    At 0.6 rows/s after a start of 60 s it is 57 rows; never fewer than 48 and never more than there are.
    """
    work = max(LEAST_WORK_SECONDS, JOB_SECONDS - AROUND_SECONDS - start_seconds)
    return min(available, max(LEAST_ROWS, int(rows_per_second * work)))


def _read(answers: IO[str] | None) -> str:
    """Return the next line that is ours: vLLM writes to standard output, too."""
    assert answers is not None
    for line in answers:
        text = line.strip()
        if text == "ready" or text.startswith('{"rows":'):
            return text
    return ""
