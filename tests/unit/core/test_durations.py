from __future__ import annotations

import pytest

from llmbatch.core.durations import duration, span


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (90, "1 min 30 s"),
        (601, "10 min"),
        (3599, "60 min"),
        (4210, "1 h 10 min"),
        (7200, "2 h"),
        (86_400, "1 d"),
        (93_600, "1 d 2 h"),
        (-5, "0 s"),
    ],
)
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59.4, "59s"), (60, "1m00s"), (3599, "59m59s"), (3600, "1h00m"), (86399, "23h59m"), (273600, "3d04h")],
)
def test_spans(seconds: float, text: str) -> None:
    assert span(seconds) == text
