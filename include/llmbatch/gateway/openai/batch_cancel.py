"""Cancel the job of a batch, accepted or not: a run finds the request when it starts."""

from __future__ import annotations

from contextlib import suppress

from llmbatch.core.clock import Clock
from llmbatch.core.control import Control
from llmbatch.core.errors import ObjectExists, RequestError
from llmbatch.core.layout import JobLayout
from llmbatch.core.states import DesiredState
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.steering.control import request_state

_REASON = "cancelled through /v1/batches"


def cancel_job(layout: JobLayout, *, by: str, store: ObjectStore, clock: Clock) -> None:
    """Request the cancel. Before the job is accepted, no other process writes its control object.

    Raises:
        StoreError: the store failed.
    """

    def request() -> None:
        request_state(layout.root, DesiredState.CANCEL, reason=_REASON, by=by, store=store, clock=clock)

    try:
        request()
    except RequestError:  # no spec yet
        first = Control(desired=DesiredState.CANCEL, reason=_REASON, written_by=by, written_at=clock.now())
        try:
            store.create(layout.control, first.model_dump_json(indent=1).encode())
        except ObjectExists:  # the job was accepted in between; if it was not, an earlier cancel is in force
            with suppress(RequestError):
                request()
