"""A deployment with finished and open jobs, and the figures of its report."""

from __future__ import annotations

import json
from datetime import timedelta

from fakes.finished_jobs import BASE, NOW, alert_of, finish, progress_of, spec_of, trace_of
from llmbatch.core.alerts import Level
from llmbatch.core.clock import ManualClock
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.history.job_report import report_sla
from llmbatch.orchestrator.jobs.day_index import note_accepted
from llmbatch.orchestrator.sla_report.collected import collect
from llmbatch.orchestrator.sla_report.figures import Figures
from llmbatch.orchestrator.sla_report.sums import figures_of

LATER = NOW + timedelta(days=30)
EVIL = "</td><script>alert(1)</script>"


def ended(store: MemoryStore, number: int, *, days: float = 0.0, seconds: float = 3600.0, red: bool = False) -> None:
    """One finished job with a window of two hours."""
    spec = spec_of(number, submitted_at=NOW + timedelta(days=days))
    finish(store, spec, seconds=seconds, alerts=[alert_of(spec, Level.RED, 1800)] if red else [])
    report_sla(spec.root_uri, store)


def running(store: MemoryStore, number: int, *, eta: float, reason: str = "") -> None:
    spec = spec_of(number, submitted_at=LATER - timedelta(hours=1))
    beat = progress_of(spec, 3600, eta=(0.9 * eta, eta, 1.1 * eta)).model_copy(update={"eta_reason": reason})
    store.put(spec.layout.spec, spec.model_dump_json().encode())
    note_accepted(spec, store)
    store.put(spec.layout.progress, beat.model_dump_json().encode())
    store.put(spec.layout.trace(1), trace_of(spec).model_dump_json().encode())


def reported_jobs() -> MemoryStore:
    """Met, missed and announced, met with a false alarm (and paused), rescued, missed unannounced; two run."""
    clock = ManualClock(NOW)
    store = MemoryStore(clock)
    for n, kind in ((3, "paused"), (4, "replicas")):
        record = {"kind": kind, "number": 1, "at": NOW.isoformat()}
        store.put(spec_of(n).layout.reaction(1), json.dumps(record).encode())
    for n, (days, seconds, red) in enumerate(
        [(0, 3600, False), (1, 9000, True), (7, 3600, True), (8, 3600, True), (9, 9000, False)], start=1
    ):
        clock.advance(60)
        ended(store, n, days=days, seconds=seconds, red=red)
    running(store, 11, eta=7000, reason=EVIL)
    running(store, 12, eta=600)
    return store


def figures(store: MemoryStore) -> Figures:
    return figures_of(collect(BASE, store, most=200, now=LATER), LATER)
