"""How a row ends: an answer, or a dead letter with its request."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from llmbatch.cluster.engines.base import Answer
from llmbatch.cluster.replica.row_outcome import cancelled, expired, failed, succeeded, unanswerable
from llmbatch.core.endpoints import Endpoint

DEADLINE = datetime(2030, 1, 1, 12, 30, tzinfo=UTC)


def test_an_answered_row_keeps_its_answer_and_not_its_request(make: Any) -> None:
    row = make.chat(7, "x")
    found = asdict(succeeded(row, Answer("{}", 2, 3, 1), 0.5))
    assert found == {
        **{name: getattr(row, name) for name in ("row_id", "custom_id", "line", "url")},
        **{"state": "succeeded", "response": "{}", "seconds": 0.5, "attempts": 1},
        **{"prompt_tokens": 2, "completion_tokens": 3, "cached_tokens": 1},
        **dict.fromkeys(("error_class", "error", "request")),
    }


def test_a_failed_row_keeps_its_request(make: Any) -> None:
    row = make.chat(7, "x")
    found = failed(row, "engine", "broken", seconds=2.0)
    assert (found.state, found.error_class, found.error) == ("failed", "engine", "broken")
    assert (found.response, found.request, found.seconds, found.attempts) == (None, row.request, 2.0, 1)


def test_an_expired_row_has_no_error_class_and_no_attempt(make: Any) -> None:
    found = expired(make.chat(7, "x"), DEADLINE)
    assert (found.state, found.error_class, found.attempts) == ("expired", None, 0)
    assert found.error == "the deadline 2030-01-01T12:30:00+00:00 passed before the row began"


def test_a_cancelled_row_says_whether_it_had_begun(make: Any) -> None:
    row = make.chat(7, "x")
    waiting, begun = cancelled(row), cancelled(row, 2.5)
    assert (waiting.state, waiting.error_class, waiting.seconds, waiting.attempts) == ("cancelled", None, 0.0, 0)
    assert waiting.error == "the job was cancelled before the row began"
    assert (begun.state, begun.error_class, begun.seconds, begun.attempts) == ("cancelled", None, 2.5, 1)
    assert begun.error == "the job was cancelled before the row was answered"
    assert (waiting.request, begun.request) == (row.request, row.request)


def test_poison_and_unreadable_rows_must_not_reach_an_engine(make: Any) -> None:
    good, broken = make.chat(1, "x"), make.staged(2, Endpoint.CHAT, "{", "invalid")
    assert unanswerable(good, {broken.row_id: 4}) is None
    poisoned, unreadable = unanswerable(good, {good.row_id: 4}), unanswerable(broken, {})
    assert poisoned is not None
    assert unreadable is not None
    assert (poisoned.error_class, poisoned.attempts) == ("poison", 4)
    assert (unreadable.error_class, unreadable.error, unreadable.attempts) == ("invalid", "unreadable", 0)
