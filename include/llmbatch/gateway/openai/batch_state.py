"""The state of a batch, from its record, its run and its job's folder. Pure; every time is a stored one.

A cancel that was requested before the end makes the end ``cancelled``, whatever the rows did: a client that has seen
``cancelling`` meets no other end, and one that has seen another end never meets ``cancelling``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from llmbatch.core.batch_errors import BatchError
from llmbatch.core.states import Phase
from llmbatch.gateway.airflow.client import DagRun
from llmbatch.gateway.openai.batch import (
    Batch,
    BatchErrorList,
    BatchStatus,
    BatchUsage,
    InputTokensDetails,
    OutputTokensDetails,
    RequestCounts,
)
from llmbatch.gateway.openai.batch_facts import BatchFacts
from llmbatch.gateway.openai.batch_records import BatchRecord


@dataclass(frozen=True)
class BatchState:
    """A batch as it is now. ``run`` is None for one that was never started, or was deleted in Airflow."""

    record: BatchRecord
    run: DagRun | None
    facts: BatchFacts
    now: datetime

    @classmethod
    def new(cls, record: BatchRecord) -> BatchState:
        """Return the state in which a batch is created, also one that is refused at once."""
        return cls(record.model_copy(update={"refusal": None}), None, BatchFacts(), record.created_at)

    @property
    def is_unstarted(self) -> bool:
        """Whether the run is yet to be started."""
        is_lost = self.run is None and self.facts.spec is None and self.record.refusal is None
        return is_lost and self.now < self.record.expires_at

    @property
    def is_frozen(self) -> bool:
        """Whether the state cannot change again. A run that has failed may be continued by an operator."""
        return self.facts.manifest is not None or self.facts.errors is not None or self.facts.is_untouched

    @property
    def ended_at(self) -> datetime | None:
        """When the batch ended; None while it has not."""
        record, run, facts = self.record, self.run, self.facts
        if record.refusal is not None:
            return record.created_at
        if facts.manifest is not None:
            return facts.manifest.sla.finished_at
        if facts.errors is not None:
            return facts.errors.written_at
        if facts.is_untouched:
            return facts.cancel_at
        if run is None:
            last = facts.progress.written_at if facts.progress else facts.staged_at
            return None if self.is_unstarted else last or record.expires_at
        return (run.end_date or run.run_after) if run.is_over else None

    @property
    def status(self) -> BatchStatus:
        """The state's name."""
        facts, ended_at, cancel_at = self.facts, self.ended_at, self.facts.cancel_at
        if ended_at is None:
            return self._active
        if cancel_at is not None and cancel_at <= ended_at:
            return BatchStatus.CANCELLED
        if facts.manifest is not None:
            return BatchStatus.EXPIRED if facts.manifest.rows.expired else BatchStatus.COMPLETED
        is_removed = self.run is not None and self.run.state == "success" and facts.spec is None
        return BatchStatus.COMPLETED if is_removed else BatchStatus.FAILED

    @property
    def _active(self) -> BatchStatus:
        facts = self.facts
        if facts.cancel_at is not None:
            return BatchStatus.CANCELLING
        if facts.staged_at is None:
            return BatchStatus.VALIDATING
        is_done = facts.progress is not None and facts.progress.phase is Phase.DONE
        return BatchStatus.FINALIZING if is_done else BatchStatus.IN_PROGRESS

    @property
    def counts(self) -> RequestCounts:
        """Rows in the files; before there are files, those of the last heartbeat."""
        facts = self.facts
        if facts.manifest is not None:
            rows = facts.manifest.rows
            return RequestCounts(total=rows.input, completed=rows.succeeded, failed=rows.failed)
        if facts.progress is not None:
            live = facts.progress.rows
            return RequestCounts(total=live.total, completed=live.succeeded, failed=live.failed)
        return RequestCounts(total=facts.rows)

    def batch(self, counts: RequestCounts, failure: BatchError | None = None) -> Batch:
        """Return the batch as the API shows it.

        Args:
            counts: the counts to show.
            failure: why it failed, where neither record nor folder says it.
        """
        record, facts, status = self.record, self.facts, self.status
        manifest, hexes = facts.manifest, record.id.removeprefix("batch_")
        stamps = _Stamps(record.created_at)
        begun = stamps.after(facts.staged_at)
        cancelling = stamps.after(
            facts.cancel_at if status in (BatchStatus.CANCELLING, BatchStatus.CANCELLED) else None
        )
        finalizing = stamps.after(self._finalizing_at)
        ended = stamps.after(self.ended_at)
        rows = None if manifest is None else manifest.rows
        return Batch(
            id=record.id,
            endpoint=record.order.endpoint.value,
            model=None if facts.spec is None else facts.spec.request.model,
            errors=self._errors(failure) if status is BatchStatus.FAILED else None,
            input_file_id=record.order.input_file_id,
            status=status,
            output_file_id=f"file-out-{hexes}" if rows is not None and rows.succeeded else None,
            error_file_id=f"file-err-{hexes}" if rows is not None and rows.input > rows.succeeded else None,
            created_at=int(record.created_at.timestamp()),
            in_progress_at=begun,
            expires_at=int(record.expires_at.timestamp()),
            cancelling_at=cancelling,
            finalizing_at=finalizing,
            completed_at=ended if status is BatchStatus.COMPLETED else None,
            failed_at=ended if status is BatchStatus.FAILED else None,
            expired_at=ended if status is BatchStatus.EXPIRED else None,
            cancelled_at=ended if status is BatchStatus.CANCELLED else None,
            request_counts=counts,
            usage=self._usage,
            metadata=record.order.metadata,
        )

    @property
    def _finalizing_at(self) -> datetime | None:
        """When the last row had an outcome, as far as a heartbeat says it, at the latest the end."""
        facts = self.facts
        last = facts.progress.written_at if facts.progress is not None and facts.progress.phase.is_terminal else None
        if facts.manifest is not None:
            end = facts.manifest.sla.finished_at
            return end if last is None else min(last, end)
        return last if self.status is BatchStatus.FINALIZING else None

    @property
    def _usage(self) -> BatchUsage | None:
        if self.facts.manifest is None:
            return None
        tokens = self.facts.manifest.tokens
        return BatchUsage(
            input_tokens=tokens.prompt,
            input_tokens_details=InputTokensDetails(cached_tokens=tokens.cached),
            output_tokens=tokens.completion,
            output_tokens_details=OutputTokensDetails(reasoning_tokens=tokens.reasoning),
            total_tokens=tokens.prompt + tokens.completion,
        )

    def _errors(self, failure: BatchError | None) -> BatchErrorList:
        if self.record.refusal is not None:
            return BatchErrorList(data=(self.record.refusal,))
        if self.facts.errors is not None:
            return BatchErrorList(data=self.facts.errors.errors)
        lost = BatchError(code="server_error", message="The batch failed. Create it again, or ask an operator.")
        return BatchErrorList(data=(failure or lost,))


class _Stamps:
    """Times of states in the order in which they are entered: none is before an earlier one, by whatever clock."""

    def __init__(self, first: datetime) -> None:
        self._latest = int(first.timestamp())

    def after(self, moment: datetime | None) -> int | None:
        if moment is None:
            return None
        self._latest = max(self._latest, int(moment.timestamp()))
        return self._latest
