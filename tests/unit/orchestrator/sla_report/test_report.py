"""The report in each format."""

from __future__ import annotations

import pytest

from fakes.finished_jobs import BASE
from fakes.reported_jobs import LATER, figures, reported_jobs
from llmbatch.core.clock import ManualClock
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.sla_report import report
from llmbatch.orchestrator.sla_report.figures import Figures
from llmbatch.orchestrator.sla_report.report import render


@pytest.fixture
def store() -> MemoryStore:
    return reported_jobs()


def test_the_figures_are_those_of_the_json(store: MemoryStore) -> None:
    assert report.figures(BASE, store, ManualClock(LATER)) == figures(store)


def test_json_is_the_figures(store: MemoryStore) -> None:
    text = render(BASE, store, ManualClock(LATER), format="json")
    assert Figures.model_validate_json(text) == figures(store)
