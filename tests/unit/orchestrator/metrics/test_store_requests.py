from __future__ import annotations

from fakes.events import RecordedEvents
from llmbatch.orchestrator.metrics.store_requests import note_request


def test_a_request_is_one_time(events: RecordedEvents) -> None:
    note_request("PutObject", "conflict", 0.004)
    assert events.of("store_request_duration") == [("PutObject", "conflict", 4.0)]
