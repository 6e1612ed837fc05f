"""The report: one reading of the newest jobs, and its text in each format."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC

from llmbatch.core.clock import Clock
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.sla_report.collected import Collected, collect
from llmbatch.orchestrator.sla_report.figures import Figures
from llmbatch.orchestrator.sla_report.page import page_of
from llmbatch.orchestrator.sla_report.sums import figures_of
from llmbatch.orchestrator.sla_report.table import csv_of

FORMATS = ("json", "csv", "html")
MOST_JOBS = 200


@dataclass(frozen=True)
class Report:
    """One reading.

    Attributes:
        base_uri: ``s3://bucket/prefix`` that holds ``jobs/``.
        collected: the jobs. They take much more memory than the figures and the texts.
        figures: the sums over them.
    """

    base_uri: str
    collected: Collected
    figures: Figures

    def text(self, format: str) -> str:
        """Return the report in one of ``FORMATS``."""
        if format == "csv":
            return csv_of(self.collected.finished)
        if format == "json":
            return self.figures.model_dump_json(indent=2) + "\n"
        return page_of(self.base_uri, self.figures, self.collected)


def read(base_uri: str, store: ObjectStore, clock: Clock, *, most: int = MOST_JOBS) -> Report:
    """Return the report over the newest ``most`` finished jobs and the open ones. Blocks.

    Args:
        base_uri: ``s3://bucket/prefix`` that holds ``jobs/``.
        store: where that is.
        clock: for the time of the report.
        most: maximum number of finished jobs, and of open jobs, that are read.

    Raises:
        StoreError: the store failed.
    """
    now = clock.now().astimezone(UTC)
    collected = collect(base_uri, store, most=most, now=now)
    return Report(base_uri, collected, figures_of(collected, now))


def render(base_uri: str, store: ObjectStore, clock: Clock, *, format: str, most: int = MOST_JOBS) -> str:
    """Return the text of a report in one of ``FORMATS``; see ``read``."""
    return read(base_uri, store, clock, most=most).text(format)


def figures(base_uri: str, store: ObjectStore, clock: Clock, *, most: int = MOST_JOBS) -> Figures:
    """Return the figures of a report; see ``read``."""
    return read(base_uri, store, clock, most=most).figures
