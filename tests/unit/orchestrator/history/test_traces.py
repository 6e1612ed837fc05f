"""Stored estimates: read in order of generations, thinned evenly."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fakes.finished_jobs import NOW, alert_of, finish, spec_of, trace_of
from llmbatch.core.alerts import Level
from llmbatch.core.store import MemoryStore
from llmbatch.core.stored import report_unreadable
from llmbatch.orchestrator.history.traces import levels_of, read_traces, thinned

HOUR = timedelta(hours=1)


def test_traces_are_in_order_and_thinned_evenly() -> None:
    store, spec = MemoryStore(), spec_of()
    finish(store, spec, traces=[trace_of(spec, 10), trace_of(spec, 2)])
    assert [trace.generation for trace in read_traces(store, spec.layout)] == [2, 10]
    points = trace_of(spec).points
    few = thinned(points, 5)
    assert [points.index(point) for point in few] == [0, 5, 10, 15, 20]
    assert thinned(points, 60) == points


def test_an_unreadable_trace_is_logged_and_skipped(caplog: pytest.LogCaptureFixture) -> None:
    store, spec = MemoryStore(), spec_of()
    finish(store, spec, traces=[trace_of(spec, 1)])
    report_unreadable.cache_clear()
    store.put(spec.layout.trace(2), b"{")
    store.put(spec.layout.traces, b"")  # a console's folder marker
    assert [trace.generation for trace in read_traces(store, spec.layout)] == [1]
    assert [record.getMessage().partition(" problems")[0] for record in caplog.records] == [
        f"event=object_unreadable uri={spec.layout.trace(2)}"
    ]


def test_levels_begin_at_the_submission_and_end_at_a_time() -> None:
    store, spec = MemoryStore(), spec_of()
    finish(store, spec, alerts=[alert_of(spec, Level.RED, 3000), alert_of(spec, Level.YELLOW, 1000)])
    changes = [((change.at - NOW).total_seconds(), change.level) for change in levels_of(spec, store, NOW + HOUR)]
    assert changes[0] == (0, Level.OK)
    assert sorted(changes[1:]) == [(1000, Level.YELLOW), (3000, Level.RED)]
    assert [change.level for change in levels_of(spec, store, NOW + HOUR / 2)] == [Level.OK, Level.YELLOW]


def test_an_unreadable_alert_leaves_the_other_levels(caplog: pytest.LogCaptureFixture) -> None:
    store, spec = MemoryStore(), spec_of()
    report_unreadable.cache_clear()
    finish(store, spec, alerts=[alert_of(spec, Level.YELLOW, 500), alert_of(spec, Level.RED, 1000)])
    store.put(spec.layout.alert("red", 1), b"{")
    assert [change.level for change in levels_of(spec, store, NOW + HOUR)] == [Level.OK, Level.YELLOW]
    assert f"event=object_unreadable uri={spec.layout.alert('red', 1)}" in caplog.text
