"""Batches of one caller: create, show, list, cancel. State is in Airflow and in the store only."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from llmbatch.core.batch_errors import BatchError
from llmbatch.core.clock import Clock
from llmbatch.core.errors import ObjectExists
from llmbatch.core.identity import FAILURE, INFERENCE_DAG
from llmbatch.core.shown import shown
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_if_readable
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.airflow.client import AirflowClient, DagRun, RunExists
from llmbatch.gateway.openai.batch import Batch, BatchPage, BatchStatus, RequestCounts
from llmbatch.gateway.openai.batch_cancel import cancel_job
from llmbatch.gateway.openai.batch_facts import BatchFacts, read_facts
from llmbatch.gateway.openai.batch_order import BatchOrder
from llmbatch.gateway.openai.batch_records import (
    BatchRecord,
    batch_id_of,
    new_run_id,
    newest_first,
    owned_record,
    page_of,
    record_uri,
    repeated,
)
from llmbatch.gateway.openai.batch_shown import read_shown, show_counts, show_end
from llmbatch.gateway.openai.batch_state import BatchState
from llmbatch.gateway.openai.files import content_uri, owned_file
from llmbatch.gateway.wire.failures import Failure

FAILURE_CHARS = 500

_NO_RETRY = {"x-should-retry": "false"}


@dataclass(frozen=True)
class Batches:
    """The batches of ``caller``. Every method makes a call to Airflow with the caller's rights."""

    store: ObjectStore
    base_uri: str
    airflow: AirflowClient
    clock: Clock
    caller: Caller

    async def create(self, order: BatchOrder, key: str | None, *, is_repeated: bool) -> Batch:
        """Create a batch and start its run, or return the one that an earlier equal request has created.

        Args:
            order: the checked body.
            key: idempotency key of the request.
            is_repeated: whether the client marks the request as a retry.

        Raises:
            Failure: 409 for a key of another order; Airflow's refusal.
            StoreError: the store failed.
        """
        record, is_new = await asyncio.to_thread(self._record, order, key, is_repeated)
        if not is_new:
            return await self._show(record, await self._run(record))
        try:
            await self._start(record)
        except Failure as failure:
            if failure.status < 500:  # no run was started, and none may be
                await asyncio.to_thread(self.store.delete, self._uri(record))
            raise
        return BatchState.new(record).batch(RequestCounts())

    async def show(self, batch_id: str) -> Batch:
        """Return a batch as it is now.

        Raises:
            Failure: 404; Airflow's refusal.
            StoreError: the store failed.
        """
        record = await self._owned(batch_id)
        return await self._show(record, await self._run(record))

    async def page(self, after: str | None, limit: int) -> BatchPage:
        """Return the next ``limit`` batches that are older than ``after``.

        Raises:
            Failure: Airflow's refusal.
            StoreError: the store failed.
        """
        runs = {
            run.dag_run_id: run for run in await self.airflow.runs(self.caller.authorization, INFERENCE_DAG, limit=100)
        }
        records, has_more = await asyncio.to_thread(self._page, after, limit)

        async def batch(record: BatchRecord) -> Batch:
            run = runs.get(record.run_id)
            return await self._show(record, run, is_known=run is not None)

        return BatchPage.of(tuple(await asyncio.gather(*map(batch, records))), has_more=has_more)

    async def cancel(self, batch_id: str) -> Batch:
        """Request the cancel of a batch; needs the right to start runs, which created it.

        Raises:
            Failure: 409 for a batch that has ended or whose files are being written; 404; Airflow's refusal.
            StoreError: the store failed.
        """
        record = await self._owned(batch_id)
        batch = await self._show(record, await self._run(record))
        if batch.status in (BatchStatus.CANCELLING, BatchStatus.CANCELLED):
            return batch
        self._require_active(batch)
        await self._start(record)
        await asyncio.to_thread(
            cancel_job, record.layout(self.base_uri), by=self.caller.user, store=self.store, clock=self.clock
        )
        batch = await self._show(record, await self._run(record))
        self._require_active(batch)
        return batch

    @staticmethod
    def _require_active(batch: Batch) -> None:
        over = (BatchStatus.COMPLETED, BatchStatus.FAILED, BatchStatus.EXPIRED, BatchStatus.FINALIZING)
        if batch.status in over:
            raise Failure(409, f"Cannot cancel a batch with status '{batch.status.value}'.", headers=_NO_RETRY)

    def _uri(self, record: BatchRecord) -> str:
        return record_uri(self.base_uri, self.caller.user, record.id)

    def _page(self, after: str | None, limit: int) -> tuple[list[BatchRecord], bool]:
        infos, has_more = page_of(newest_first(self.store, self.base_uri, self.caller.user), after, limit)
        found: Iterable[BatchRecord | None] = (read_if_readable(BatchRecord, info.uri, self.store) for info in infos)
        return [record for record in found if record is not None], has_more

    async def _owned(self, batch_id: str) -> BatchRecord:
        return await asyncio.to_thread(owned_record, self.store, self.base_uri, self.caller.user, batch_id)

    def _record(self, order: BatchOrder, key: str | None, is_repeated: bool) -> tuple[BatchRecord, bool]:
        """Return the record of a request, and whether this call has created it."""
        store, base, owner, now = self.store, self.base_uri, self.caller.user, self.clock.now()
        if key is None and is_repeated:
            earlier = repeated(store, base, owner, order, now)
            if earlier is not None:
                return earlier, False
        run_id = new_run_id(now, owner, key)
        uri: str | None = None
        refusal: BatchError | None = None
        try:
            uri = content_uri(base, owner, owned_file(store, base, owner, order.input_file_id, now).id)
        except Failure:
            refusal = BatchError(
                code="invalid_request",
                message=f"Cannot find file {shown(order.input_file_id, 100)}, or organization {shown(owner, 100)} does "
                "not have access to it.",
                param="file_id",
            )
        record = BatchRecord(
            id=batch_id_of(run_id), run_id=run_id, created_at=now, order=order, input_uri=uri, refusal=refusal
        )
        try:
            store.create(self._uri(record), record.model_dump_json(indent=1).encode())
        except ObjectExists:
            first = owned_record(store, base, owner, record.id)
            if first.order != order:
                raise Failure(
                    409,
                    "The idempotency key was used for a batch with other parameters. Send a new key.",
                    param="idempotency_key",
                    code="idempotency_key_reused",
                    headers=_NO_RETRY,
                ) from None
            return first, False
        return record, True

    async def _start(self, record: BatchRecord) -> None:
        """Start the run of a batch unless it exists; Airflow checks the right to start it in both cases."""
        if record.refusal is not None:
            await self.airflow.runs(self.caller.authorization, INFERENCE_DAG, limit=1)
            return
        with suppress(RunExists):
            await self.airflow.start_run(self.caller.authorization, INFERENCE_DAG, record.run_id, record.conf())

    async def _run(self, record: BatchRecord) -> DagRun | None:
        """Return the run of a batch; None if there is none."""
        try:
            return await self.airflow.run(self.caller.authorization, INFERENCE_DAG, record.run_id)
        except Failure as failure:
            if failure.status != 404:
                raise
            return None

    async def _show(self, record: BatchRecord, run: DagRun | None, *, is_known: bool = True) -> Batch:
        """Return a batch; ``is_known`` is False for a run that may exist although it is None here."""
        seen = await asyncio.to_thread(read_shown, self.store, self.base_uri, record)
        if seen[0].end is not None:
            return seen[0].end
        if not is_known and record.refusal is None:
            run = await self._run(record)
        state = await self._state(record, run)
        if state.is_unstarted:
            state = await self._started(state)
        if state.is_frozen:
            return await asyncio.to_thread(show_end, self.store, self.base_uri, record, state.batch(state.counts))
        counts = await asyncio.to_thread(show_counts, self.store, self.base_uri, record, state.counts, seen)
        return state.batch(counts, await self._failure(state) if state.status is BatchStatus.FAILED else None)

    async def _started(self, state: BatchState) -> BatchState:
        """Start the run of a batch whose creation was interrupted; one that may not be started stays as it is."""
        try:
            await self._start(state.record)
        except Failure as failure:
            if failure.status >= 500:
                raise
            return state
        return await self._state(state.record, await self._run(state.record))

    async def _state(self, record: BatchRecord, run: DagRun | None) -> BatchState:
        is_over = run is None or run.is_over
        facts = (
            await asyncio.to_thread(read_facts, record.layout(self.base_uri), self.store, is_over=is_over)
            if record.refusal is None
            else BatchFacts()
        )
        return BatchState(record, run, facts, self.clock.now())

    async def _failure(self, state: BatchState) -> BatchError | None:
        """Return why a run has failed, as its task has noted it; None if that is not known."""
        if state.run is None or state.record.refusal is not None:
            return None
        authorization, run_id = self.caller.authorization, state.run.dag_run_id
        states = await self.airflow.task_states(authorization, INFERENCE_DAG, run_id)
        task_id = next((task for task, task_state in states.items() if task_state == "failed"), None)
        if task_id is None:
            return None
        text = await self.airflow.xcom(authorization, INFERENCE_DAG, run_id, task_id, FAILURE)
        if not isinstance(text, str) or not text:
            return None
        code = "invalid_request" if state.facts.spec is None else "server_error"
        return BatchError(code=code, message=shown(text.splitlines()[0], FAILURE_CHARS))
