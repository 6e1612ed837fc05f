"""Only the documents that can matter are read, and a damaged one is like a missing one."""

from __future__ import annotations

import pytest

from fakes.batches import BatchWorld, in_status
from llmbatch.core.batch_errors import batch_errors_uri
from llmbatch.core.states import Phase
from llmbatch.gateway.openai.batch_facts import BatchFacts, read_facts


@pytest.fixture
def world() -> BatchWorld:
    return BatchWorld()


def facts(world: BatchWorld, batch_id: str, *, is_over: bool = False) -> BatchFacts:
    return read_facts(world.layout(batch_id), world.store, is_over=is_over)


def test_a_job_that_is_not_accepted_has_no_facts_but_its_cancel(world: BatchWorld) -> None:
    batch_id = world.create()
    assert facts(world, batch_id) == BatchFacts()
    world.cancel(batch_id)
    assert facts(world, batch_id) == BatchFacts(cancel_at=world.clock.now())


def test_rows_are_read_from_the_staging_until_there_is_a_heartbeat(world: BatchWorld) -> None:
    batch_id = world.create()
    world.stage(batch_id)
    found = facts(world, batch_id)
    assert (found.staged_at, found.rows, found.progress) == (world.clock.now(), 10, None)
    world.beat(batch_id)
    found = facts(world, batch_id)
    assert found.progress is not None
    assert (found.rows, found.progress.rows.total) == (0, 10)


def test_the_proof_is_read_once_all_rows_have_an_outcome(world: BatchWorld) -> None:
    batch_id = in_status(world, "in_progress")
    world.publish(batch_id)
    assert facts(world, batch_id).manifest is None
    assert facts(world, batch_id, is_over=True).manifest is not None
    world.beat(batch_id, Phase.DONE)
    assert facts(world, batch_id).manifest is not None


def test_errors_are_read_of_a_run_that_is_over(world: BatchWorld) -> None:
    batch_id = in_status(world, "failed")
    assert facts(world, batch_id).errors is None
    found = facts(world, batch_id, is_over=True)
    assert found.errors is not None
    assert found.errors.count == 1


def test_damaged_documents_are_as_if_missing(world: BatchWorld) -> None:
    batch_id = in_status(world, "completed")
    layout = world.layout(batch_id)
    for uri in (layout.progress, layout.manifest, layout.control, batch_errors_uri(layout)):
        world.store.put(uri, b"{")
    found = facts(world, batch_id, is_over=True)
    assert (found.progress, found.manifest, found.cancel_at) == (None, None, None)
    assert found.staged_at is not None
    world.store.put(layout.spec, b"{")
    assert facts(world, batch_id, is_over=True) == BatchFacts()
