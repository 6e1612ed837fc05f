"""The report as text in the requested format."""

from __future__ import annotations

from datetime import UTC

from llmbatch.core.clock import Clock
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.sla_report.collected import collect
from llmbatch.orchestrator.sla_report.figures import Figures
from llmbatch.orchestrator.sla_report.page import page_of
from llmbatch.orchestrator.sla_report.sums import figures_of
from llmbatch.orchestrator.sla_report.table import csv_of

FORMATS = ("json", "csv", "html")
MOST_JOBS = 200


def render(base_uri: str, store: ObjectStore, clock: Clock, *, format: str, most: int = MOST_JOBS) -> str:
    """Return the report over the newest ``most`` finished jobs and the open ones.

    Args:
        base_uri: ``s3://bucket/prefix`` that holds ``jobs/``.
        store: where that is.
        clock: for the time of the report.
        format: one of ``FORMATS``.
        most: maximum number of finished jobs, and of open jobs, that are read.

    Raises:
        StoreError: the store failed.
    """
    now = clock.now().astimezone(UTC)
    collected = collect(base_uri, store, most=most, now=now)
    if format == "csv":
        return csv_of(collected.finished)
    found = figures_of(collected, now)
    return found.model_dump_json(indent=2) + "\n" if format == "json" else page_of(base_uri, found, collected)


def figures(base_uri: str, store: ObjectStore, clock: Clock, *, most: int = MOST_JOBS) -> Figures:
    """Return the figures of the same report.

    Raises:
        StoreError: the store failed.
    """
    now = clock.now().astimezone(UTC)
    return figures_of(collect(base_uri, store, most=most, now=now), now)
