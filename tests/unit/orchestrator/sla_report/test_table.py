"""The report as CSV."""

from __future__ import annotations

import csv
import io

import pytest

from fakes.finished_jobs import BASE, job_id, spec_of
from fakes.reported_jobs import LATER, reported_jobs
from llmbatch.core.clock import ManualClock
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.history.job_report import SlaReport
from llmbatch.orchestrator.sla_report.report import render


@pytest.fixture
def store() -> MemoryStore:
    return reported_jobs()


def test_csv_has_one_line_a_job_and_no_formula(store: MemoryStore) -> None:
    uri = spec_of(1).layout.sla
    report = SlaReport.model_validate_json(store.get(uri)).model_copy(update={"model": '=HYPERLINK("x"),\n1'})
    store.put(uri, report.model_dump_json().encode())
    rows = list(csv.DictReader(io.StringIO(render(BASE, store, ManualClock(LATER), format="csv"), newline="")))
    by_id = {row["job_id"]: row for row in rows}
    assert sorted(by_id) == [job_id(n) for n in range(1, 6)]
    assert by_id[job_id(1)]["model"] == '\'=HYPERLINK("x"),\n1'
    late = by_id[job_id(2)]
    assert (late["met"], late["margin_hours"], late["alerts"], late["usd"]) == ("false", "-0.5028", "red-1", "10.0")
    assert late["eta_error_50_pct"] == "10.0"
