"""The plan of the replicas names what each model of the job serves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from llmbatch.cluster.driver.plan import plan_of
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.core.clock import ManualClock
from llmbatch.core.serving import Serving
from llmbatch.core.store import MemoryStore


def test_a_fallback_model_serves_what_is_its_own(store: MemoryStore, make: Any) -> None:
    job = make.stage(store, [make.chat(1, "x")], 1)
    spec = job.spec.model_copy(
        update={
            "model_uri": "hub:a",
            "serving": Serving(name="a"),
            "fallback_model_uri": "hub:b",
            "fallback_serving": Serving(name="b", options={"runner": "generate"}),
        }
    )
    context = JobContext(spec.job_id, 3, job.layout, store, ManualClock(spec.created_at))
    plan = plan_of(context, spec, None)
    assert (plan.generation, plan.root_uri, plan.model_uri) == (3, job.layout.root, "hub:a")
    assert plan.serving == spec.serving
    assert replace(plan, model_uri="hub:b").serving == spec.fallback_serving
    assert replace(plan, model_uri="hub:c").serving == Serving(name="hub:c")
