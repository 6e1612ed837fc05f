"""What metrics cost an engine: its rate without reports, with those of every job, and with ``engine.statistics``.

Three replicas with the tiny model stay up, each in a process of its own, and answer the same rows in turn, in another
order each round, so that a machine that grows slow does so for all. A tiny model is the worst case: its front end,
which all metrics are in, is a larger part of a step than that of any model of use.

It is a part of ``make bench-metrics``; ``python benchmarks/metrics_overhead.py`` alone prints ``RESULT`` with one JSON
object. It reads ``LLMBATCH_BENCH_ROWS`` (512), ``LLMBATCH_BENCH_TOKENS`` (64, of each answer) and
``LLMBATCH_BENCH_ROUNDS`` (5).
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
NO_REPORTS, REPORTS, STATISTICS = "no_reports", "reports", "statistics"
VARIANTS = (NO_REPORTS, REPORTS, STATISTICS)


@dataclass(frozen=True)
class Round:
    """One replica answering all rows once. ``cpu_seconds`` are those of the engine's front end."""

    seconds: float
    tokens: int
    cpu_seconds: float
    report_cpu_seconds: float

    @property
    def tokens_per_second(self) -> float:
        """Output tokens over the time from the first row to the last commit."""
        return self.tokens / self.seconds


@dataclass(frozen=True)
class Overhead:
    """Medians over the rounds; losses of rate against ``no_reports`` of the same round, in percent.

    ``report_cpu_pct`` is the CPU time of the replica's reports over the time of the work, in percent of one core: it
    is precise where the measured loss is noise of several percent.
    """

    rows: int
    rounds: int
    tokens_per_second: dict[str, float]
    front_end_cpu_ms_per_row: dict[str, float]
    reports_loss_pct: float
    statistics_loss_pct: float
    report_cpu_pct: float


class _Replica:
    """A child of ``overhead/replica_rounds.py`` that is up."""

    def __init__(self, variant: str, rows: int, max_tokens: int, python: Path) -> None:
        script = REPOSITORY / "benchmarks" / "overhead" / "replica_rounds.py"
        environment = {**os.environ, "PYTHONPATH": f"{REPOSITORY / 'include'}:{REPOSITORY / 'tests'}"}
        self.command = [str(python), str(script), variant, str(rows), str(max_tokens)]
        self.process = subprocess.Popen(
            self.command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def wait(self) -> None:
        """Wait until the engine is up."""
        self._line("READY")

    def round(self) -> Round:
        """Run one round. Raises ``RuntimeError`` if the process ends."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return Round(**json.loads(self._line("ROUND ")))

    def _line(self, start: str) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(start):
                return line.removeprefix(start)
        command = " ".join(self.command)
        raise RuntimeError(f"a replica ended with exit code {self.process.wait()}; run {command} to see why")


def measure(rows: int, max_tokens: int, rounds: int, python: Path) -> Overhead:
    """Run all variants ``rounds`` times, after one round each that warms up.

    Args:
        rows: answered in a round.
        max_tokens: tokens of each answer.
        rounds: of each variant.
        python: of the Ray room.
    """
    found: dict[str, list[Round]] = defaultdict(list)
    with ExitStack() as up:
        replicas = {variant: _Replica(variant, rows, max_tokens, python) for variant in VARIANTS}
        for replica in replicas.values():
            up.enter_context(replica.process)
        for replica in replicas.values():
            replica.wait()
        for replica in replicas.values():
            replica.round()
        for number in range(rounds):
            turn = number % len(VARIANTS)
            for variant in (*VARIANTS[turn:], *VARIANTS[:turn]):
                done = replicas[variant].round()
                found[variant].append(done)
                print(f"round {number + 1} {variant}: {done.tokens_per_second:.0f} tokens/s", flush=True)
    return summary(rows, found)


def summary(rows: int, found: dict[str, list[Round]]) -> Overhead:
    """Return the medians of what each variant measured; round n of one is compared with round n of another."""

    def loss(variant: str) -> float:
        pairs = zip(found[variant], found[NO_REPORTS], strict=True)
        return statistics.median(100 * (1 - one.tokens_per_second / bare.tokens_per_second) for one, bare in pairs)

    return Overhead(
        rows=rows,
        rounds=len(found[NO_REPORTS]),
        tokens_per_second={
            name: round(statistics.median(each.tokens_per_second for each in found[name]), 1) for name in VARIANTS
        },
        front_end_cpu_ms_per_row={
            name: round(statistics.median(1000 * each.cpu_seconds / rows for each in found[name]), 3)
            for name in VARIANTS
        },
        reports_loss_pct=round(loss(REPORTS), 2),
        statistics_loss_pct=round(loss(STATISTICS), 2),
        report_cpu_pct=round(
            statistics.median(100 * each.report_cpu_seconds / each.seconds for each in found[REPORTS]), 3
        ),
    )


def measured_as_asked() -> Overhead:
    """Measure as the environment asks."""
    rows, tokens, rounds = (
        int(os.environ.get(f"LLMBATCH_BENCH_{name}", default))
        for name, default in (("ROWS", "512"), ("TOKENS", "64"), ("ROUNDS", "5"))
    )
    return measure(rows, tokens, rounds, REPOSITORY / ".llmbatch" / "venvs" / "ray" / "bin" / "python")


def main() -> int:
    """Measure and print."""
    print(f"RESULT {json.dumps(asdict(measured_as_asked()))}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
