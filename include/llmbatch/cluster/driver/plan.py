"""What the spec of a job makes of each replica."""

from __future__ import annotations

import os
from typing import Any

from llmbatch.cluster.replica.replica_actor import ReplicaPlan
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.cluster.storage.store import StoreEnvironment
from llmbatch.core.job_spec import JobSpec


def plan_of(job: JobContext, spec: JobSpec, scoreboard: Any) -> ReplicaPlan:
    """Return the plan of the replicas of one generation. ``scoreboard`` is an actor handle."""
    servings = {spec.model_uri: spec.serving}
    if spec.fallback_model_uri is not None and spec.fallback_serving is not None:
        servings.setdefault(spec.fallback_model_uri, spec.fallback_serving)
    return ReplicaPlan(
        job_id=job.job_id,
        generation=job.generation,
        root_uri=job.layout.root,
        model_uri=spec.model_uri,
        settings=spec.engine,
        store_environment=StoreEnvironment(os.environ),
        scoreboard=scoreboard,
        expires_at=spec.expires_at,
        servings=servings,
    )
