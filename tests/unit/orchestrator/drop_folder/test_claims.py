"""Claims are created once, replaced by version, and settled in an order that loses none."""

from __future__ import annotations

import pytest

from fakes.inboxes import BASE, INBOX
from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import ObjectChanged
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.drop_folder.claims import Claim, Claims, Outcome

NOW = ManualClock().now()


def a_claim(**fields: object) -> Claim:
    return Claim(
        drop_id="d" * 16,
        run_id="drop__d",
        job_id="job-0123456789abcdef",
        inbox=INBOX,
        source=f"{INBOX}/a.jsonl",
        etag="e",
        size=1,
        modified=NOW,
        claimed_at=NOW,
    ).model_copy(update=fields)


def test_an_input_is_claimed_once():
    claims = Claims(BASE, MemoryStore())
    assert claims.create(a_claim()) is not None
    assert claims.create(a_claim(conf={"sla_hours": 1})) is None
    assert [each.claim for each in claims.open()] == [a_claim()]


def test_a_claim_is_replaced_in_the_version_that_was_read():
    claims = Claims(BASE, MemoryStore())
    opened = claims.create(a_claim())
    assert opened is not None
    newer = claims.update(opened, a_claim(is_started=True))
    with pytest.raises(ObjectChanged):
        claims.update(opened, a_claim(outcome=Outcome.FAILED))
    assert [*claims.open()] == [newer]


@pytest.mark.parametrize("outcome", Outcome)
def test_a_settled_claim_is_remembered_if_it_had_a_job(outcome: Outcome):
    claims = Claims(BASE, MemoryStore())
    claims.create(a_claim())
    ended = a_claim(outcome=outcome)
    claims.settle(ended)
    assert [*claims.open()] == []
    assert claims.settled("d" * 16) == (None if outcome is Outcome.REFUSED else ended)


def test_a_claim_that_cannot_be_read_hides_no_other(caplog: pytest.LogCaptureFixture):
    store = MemoryStore()
    claims = Claims(BASE, store)
    store.put(f"{claims.open_folder}broken.json", b"{")
    store.put(f"{claims.open_folder}", b"")
    claims.create(a_claim())
    assert [each.claim for each in claims.open()] == [a_claim()]
    assert "event=object_unreadable" in caplog.text
