"""Work of rows with and without an answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fakes.eta_beats import beat
from llmbatch.core.eta.rate import Effort
from llmbatch.core.eta.work_done import answered_work, pace_in_flight, unread_chars, work_done
from llmbatch.core.progress import Flight

SEEN = beat(20, 32)
"""32 rows have 50 tokens, 1125 characters and 10 s each; 16 have run for 5 s."""


def test_rows_in_flight_have_done_work_too() -> None:
    assert answered_work(SEEN.cells) == Effort(1600, 36_000, 320)
    assert work_done(replace(SEEN, flight=Flight(tokens=400, chars=9000))) == Effort(2000, 45_000, 400)


def test_without_a_count_of_tokens_in_flight_only_answers_count() -> None:
    assert work_done(SEEN) == Effort(1600, 36_000, 320)
    assert (pace_in_flight(SEEN, 7.0), unread_chars(SEEN)) == (7.0, 0.0)


def test_pace_and_unread_prompts_of_rows_in_flight() -> None:
    seen = replace(SEEN, flight=Flight(tokens=400, chars=9000))
    assert pace_in_flight(seen, 7.0) == pytest.approx(5)
    assert unread_chars(seen) == pytest.approx(9000)
    assert unread_chars(replace(SEEN, flight=Flight(tokens=400, chars=90_000))) == 0  # rows that wait inside
    assert pace_in_flight(replace(beat(20, 32, 0), flight=Flight()), 7.0) == 7.0
