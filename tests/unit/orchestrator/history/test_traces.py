"""Stored estimates: read in order of generations, thinned evenly."""

from __future__ import annotations

from fakes.finished_jobs import finish, spec_of, trace_of
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.history.traces import read_traces, thinned


def test_traces_are_in_order_and_thinned_evenly() -> None:
    store, spec = MemoryStore(), spec_of()
    finish(store, spec, traces=[trace_of(spec, 10), trace_of(spec, 2)])
    assert [trace.generation for trace in read_traces(store, spec.layout)] == [2, 10]
    points = trace_of(spec).points
    few = thinned(points, 5)
    assert [points.index(point) for point in few] == [0, 5, 10, 15, 20]
    assert thinned(points, 60) == points
