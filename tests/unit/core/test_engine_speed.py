"""What a short measurement of an engine is taken to mean."""

import pytest

from llmbatch.core.engine_speed import EngineSpeed


@pytest.mark.parametrize(
    ("answered", "tokens", "rate"),
    [
        (64, 2600, 6.4),  # all answered: by rows, however long they are
        (40, 0, 4.0),
        (0, 640, 1.0),  # none answered: by tokens, each row at its limit
        (10, 1280, 2.0),
        (0, 0, 0.0),
    ],
)
def test_rate_counts_what_has_ended_and_what_is_written(answered: int, tokens: int, rate: float) -> None:
    speed = EngineSpeed(rows=64, answered=answered, output_tokens=tokens, seconds=10)
    assert speed.rows_per_second(64) == pytest.approx(rate)


def test_more_tokens_than_the_limit_allows_are_no_more_rows() -> None:
    assert EngineSpeed(rows=4, answered=0, output_tokens=10_000, seconds=2).rows_per_second(64) == 2.0


def test_no_time_is_no_rate() -> None:
    assert EngineSpeed(rows=4, answered=0, output_tokens=0, seconds=0).rows_per_second(64) == 0.0
