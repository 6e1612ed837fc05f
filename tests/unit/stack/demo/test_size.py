"""The demo takes as many rows as end within about three minutes."""

import io
import json
import subprocess
from pathlib import Path

import pytest

from llmbatch_stack.demo.size import LEAST_ROWS, EngineProbe, fitting_rows


@pytest.mark.parametrize(
    ("rate", "start", "rows"),
    [
        (0.6, 60, 57),  # 95 s are left for the rows
        (0.1, 60, LEAST_ROWS),
        (0.6, 400, LEAST_ROWS),  # a slow start costs no row below the least
        (2.0, 400, 120),
        (50.0, 10, 640),
    ],
)
def test_rows_that_fit(rate: float, start: float, rows: int) -> None:
    assert fitting_rows(rate, start, 640) == rows


def test_never_more_rows_than_there_are() -> None:
    assert fitting_rows(100.0, 5, 20) == 20


class FakeProcess:
    """Says what an engine measurement would say."""

    def __init__(self, said: str) -> None:
        self.stdin, self.stdout = io.StringIO(), io.StringIO(said)


def probe(said: str, lines: list[str]) -> EngineProbe:
    process: subprocess.Popen[str] = FakeProcess(said)  # type: ignore[assignment]
    return EngineProbe(process, Path("engine.log"), lines.append)


def test_what_was_measured_is_said_with_the_switch_that_overrides_it() -> None:
    speed = json.dumps({"rows": 64, "answered": 64, "output_tokens": 2560, "seconds": 16.0})
    reported: list[str] = []
    assert probe(f"vLLM says something\nready\nmore of it\n{speed}\n", reported).rows(640, 64) > 500
    assert "160 output tokens/s" in reported[-1]
    assert "LLMBATCH_DEMO_ROWS" in reported[-1]


@pytest.mark.parametrize("said", ["", "ready\n", 'ready\n{"rows": 3}\n', "a crash\n"])
def test_an_engine_that_cannot_be_measured_gets_the_least_rows_and_its_log_is_named(said: str) -> None:
    reported: list[str] = []
    assert probe(said, reported).rows(640, 64) == LEAST_ROWS
    assert "engine.log" in reported[-1]
