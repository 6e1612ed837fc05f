"""State and times, where two clocks or two events meet."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from fakes.batches import BatchWorld, in_status
from llmbatch.core.endpoints import Endpoint
from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.gateway.airflow.client import DagRun
from llmbatch.gateway.openai.batch import Batch, BatchStatus, RequestCounts
from llmbatch.gateway.openai.batch_facts import BatchFacts, read_facts
from llmbatch.gateway.openai.batch_order import BatchOrder
from llmbatch.gateway.openai.batch_records import BatchRecord
from llmbatch.gateway.openai.batch_state import BatchState

NOW = datetime(2030, 1, 1, tzinfo=UTC)
RECORD = BatchRecord(
    id="batch_" + "0" * 16,
    run_id="r",
    created_at=NOW,
    order=BatchOrder(input_file_id="file-1", endpoint=Endpoint.CHAT),
    input_uri="s3://b/f.jsonl",
)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def run(state: str, end: float | None = None) -> DagRun:
    ended = None if end is None else after(end)
    return DagRun(dag_id=INFERENCE_DAG, dag_run_id="r", state=state, run_after=NOW, end_date=ended)


def published(*, cancel: float | None = None, staged: float = 20, **rows: int) -> Batch:
    """The batch of a job that was published 50 s after the epoch of these tests."""
    world = BatchWorld()
    batch_id = in_status(world, "completed")
    facts = read_facts(world.layout(batch_id), world.store, is_over=True)
    assert facts.manifest is not None
    counts = facts.manifest.rows.model_copy(update=rows)
    facts = replace(
        facts,
        manifest=facts.manifest.model_copy(update={"rows": counts}),
        cancel_at=None if cancel is None else after(cancel),
        staged_at=after(staged),
    )
    state = BatchState(RECORD, run("success", 60), facts, after(100))
    assert state.is_frozen
    return state.batch(state.counts)


def test_a_cancel_before_the_end_is_the_end_and_one_after_it_is_none() -> None:
    before, later = published(cancel=50), published(cancel=51)
    assert (before.status, before.cancelled_at) == (BatchStatus.CANCELLED, before.created_at + 50)
    assert (before.completed_at, before.cancelling_at) == (None, before.created_at + 50)
    assert (later.status, later.cancelling_at) == (BatchStatus.COMPLETED, None)


def test_expired_rows_make_an_expired_batch() -> None:
    assert published(expired=1).status is BatchStatus.EXPIRED
    assert published(expired=1, cancelled=1, cancel=40).status is BatchStatus.CANCELLED


def test_times_are_in_order_even_if_clocks_are_not() -> None:
    early, late = published(staged=-5), published(staged=500, cancel=1)
    assert early.in_progress_at == early.created_at
    assert late.in_progress_at == late.cancelling_at == late.finalizing_at == late.cancelled_at


def test_a_run_that_failed_ends_when_it_ended() -> None:
    state = BatchState(RECORD, run("failed", 30), BatchFacts(), after(100))
    batch = state.batch(RequestCounts())
    assert (batch.status, batch.failed_at) == (BatchStatus.FAILED, int(after(30).timestamp()))
    assert batch.errors is not None
    assert batch.errors.data[0].code == "server_error"
    assert not state.is_frozen
    cancelled = BatchState(RECORD, run("failed", 30), BatchFacts(cancel_at=after(10)), after(100)).batch(state.counts)
    assert (cancelled.status, cancelled.errors) == (BatchStatus.CANCELLED, None)


def test_a_run_that_succeeded_and_left_no_folder_is_completed_without_files() -> None:
    batch = BatchState(RECORD, run("success", 30), BatchFacts(), after(100)).batch(RequestCounts())
    assert (batch.status, batch.output_file_id, batch.error_file_id) == (BatchStatus.COMPLETED, None, None)


def test_a_batch_without_a_run_is_to_be_started_until_its_window_ends() -> None:
    assert BatchState(RECORD, None, BatchFacts(), after(86_399)).is_unstarted
    late = BatchState(RECORD, None, BatchFacts(), after(86_400))
    assert (late.is_unstarted, late.status, late.ended_at) == (False, BatchStatus.FAILED, RECORD.expires_at)
