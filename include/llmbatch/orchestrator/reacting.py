"""Stub, replaced by merge."""

from __future__ import annotations

from llmbatch.core.clock import Clock
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.progress import Progress
from llmbatch.core.store import ObjectStore


def react(
    spec: JobSpec,  # noqa: ARG001 - stub
    progress: Progress,  # noqa: ARG001 - stub
    *,
    at_risk: bool,  # noqa: ARG001 - stub
    safe: bool,  # noqa: ARG001 - stub
    store: ObjectStore,  # noqa: ARG001 - stub
    clock: Clock,  # noqa: ARG001 - stub
) -> tuple[object, ...]:
    """Do the next step to keep the deadline."""
    return ()
