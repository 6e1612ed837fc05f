"""A cancel is in force before and after the job is accepted, and in between."""

from __future__ import annotations

from llmbatch.core.claims import claim
from llmbatch.core.clock import ManualClock
from llmbatch.core.control import Control
from llmbatch.core.layout import JobLayout
from llmbatch.core.states import DesiredState
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.gateway.openai.batch_cancel import cancel_job

LAYOUT = JobLayout("s3://b/base/jobs/job-0123456789abcdef")


def cancel(store: MemoryStore, clock: ManualClock) -> Control:
    cancel_job(LAYOUT, by="ann", store=store, clock=clock)
    return Control.model_validate_json(store.get(LAYOUT.control))


def test_a_job_that_is_not_accepted_is_cancelled_for_all_generations() -> None:
    store, clock = MemoryStore(), ManualClock()
    first = cancel(store, clock)
    assert (first.asks_of(1), first.generation, first.written_by) == (DesiredState.CANCEL, None, "ann")
    clock.advance(5)
    assert cancel(store, clock) == first


def test_an_accepted_job_is_cancelled_as_any_other() -> None:
    store, clock = MemoryStore(), ManualClock()
    store.put(LAYOUT.spec, b"{}")
    claim(store, LAYOUT, owner="o", now=clock.now())
    assert cancel(store, clock).asks_of(1) is DesiredState.CANCEL


def test_a_job_that_is_accepted_meanwhile_is_cancelled() -> None:
    class Meanwhile(MemoryStore):
        def create(self, uri: str, body: bytes) -> ObjectInfo:
            if uri == LAYOUT.control and uri not in self.objects:
                self.put(LAYOUT.spec, b"{}")
                self.put(LAYOUT.control, Control().model_dump_json().encode())
            return super().create(uri, body)

    assert cancel(Meanwhile(), ManualClock()).desired is DesiredState.CANCEL
