"""The report as a page: self-contained, with every text from the store escaped."""

from __future__ import annotations

import pytest

from fakes.finished_jobs import BASE, spec_of
from fakes.reported_jobs import EVIL, LATER, figures, reported_jobs
from fakes.strict_html import Strict
from llmbatch.core.clock import ManualClock
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.history.job_report import SlaReport
from llmbatch.orchestrator.sla_report.report import render


@pytest.fixture
def store() -> MemoryStore:
    return reported_jobs()


def test_one_job_of_seconds_does_not_move_what_the_page_shows(store: MemoryStore) -> None:
    uri = spec_of(1).layout.sla
    report = SlaReport.model_validate_json(store.get(uri))
    assert report.eta is not None
    marks = tuple(mark.model_copy(update={"error": 25.0}) for mark in report.eta.marks)
    changed = report.model_copy(update={"eta": report.eta.model_copy(update={"marks": marks})})
    store.put(uri, changed.model_dump_json().encode())
    assert figures(store).eta.error_pct["50"] > 500
    page = Strict(render(BASE, store, ManualClock(LATER), format="html"))
    assert "10 %median ETA error" in page.text


def test_the_page_needs_nothing_and_escapes_everything(store: MemoryStore) -> None:
    uri = spec_of(2).layout.sla
    report = SlaReport.model_validate_json(store.get(uri)).model_copy(update={"model": EVIL})
    store.put(uri, report.model_dump_json().encode())
    found = Strict(render(f"{BASE}", store, ManualClock(LATER), format="html"))
    assert not {"script", "link", "img", "iframe", "object"} & set(found.tags)
    assert not [name for name, _ in found.attributes if name.startswith("on") or name in {"src", "href", "srcset"}]
    assert not [value for _, value in found.attributes if "//" in value]
    assert found.text.count(EVIL) == 2  # the model of a missed job and the reason of an open one
    assert len(found.ids) == len(set(found.ids))
    assert "60 %" in found.text
    assert found.tags.count("svg") == 6 + 6


def test_an_empty_base_still_has_a_page() -> None:
    page = Strict(render(BASE, MemoryStore(), ManualClock(LATER), format="html"))
    assert "no finished job yet" in page.text
    assert page.tags.count("svg") == 0
    empty = figures(MemoryStore())
    assert (empty.attainment_pct, empty.alerts.precision, empty.cost.usd, empty.eta.calibration) == (
        None,
        None,
        None,
        {},
    )
