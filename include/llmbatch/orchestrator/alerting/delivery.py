"""Stub, replaced by merge."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from llmbatch.core.layout import JobLayout
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.alerting.sinks import Sink


def deliver(store: ObjectStore, layout: JobLayout, sinks: Sequence[Sink], log: logging.Logger) -> None:
    """Send what is due."""
