"""The records of reactions: numbered, created once, read in order."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from llmbatch.core.errors import ObjectExists, StoreError
from llmbatch.core.layout import JobLayout
from llmbatch.core.reactions import (
    Reaction,
    ReactionKind,
    ReactionLog,
    ReactionRecords,
    create_reaction,
    reaction_log,
    read_reactions,
)
from llmbatch.core.store import MemoryStore
from llmbatch.core.stored import report_unreadable

LAYOUT = JobLayout("s3://b/jobs/job-1")
NOW = datetime(2030, 1, 1, tzinfo=UTC)


def reaction(number: int, kind: ReactionKind = ReactionKind.REPLICAS) -> Reaction:
    return Reaction(kind=kind, number=number, at=NOW, was="1", to="4", why="late")


def test_a_number_is_written_once() -> None:
    store = MemoryStore()
    create_reaction(store, LAYOUT, reaction(1))
    with pytest.raises(ObjectExists):
        create_reaction(store, LAYOUT, reaction(1, ReactionKind.PAUSE))
    assert read_reactions(store, LAYOUT) == (reaction(1),)


def test_records_are_read_in_the_order_of_their_numbers() -> None:
    store = MemoryStore()
    for number in (100_000, 2, 11, 1):
        create_reaction(store, LAYOUT, reaction(number))
    store.put(f"{LAYOUT.reactions}note.txt", b"not a record")
    found = read_reactions(store, LAYOUT)
    assert [each.number for each in found] == [1, 2, 11, 100_000]
    assert reaction_log(store, LAYOUT).next_number == 100_001


def test_the_first_number_is_one() -> None:
    assert reaction_log(MemoryStore(), LAYOUT) == ReactionLog((), 1)


def test_an_unreadable_record_is_skipped_and_its_number_is_taken(caplog: pytest.LogCaptureFixture) -> None:
    report_unreadable.cache_clear()
    store = MemoryStore()
    create_reaction(store, LAYOUT, reaction(1))
    newer = json.loads(store.get(LAYOUT.reaction(1)))
    store.put(LAYOUT.reaction(2), json.dumps({**newer, "number": 2, "cost_usd": 3}).encode())
    store.put(LAYOUT.reaction(3), json.dumps({**newer, "number": 3, "kind": "of a later version"}).encode())
    for _ in range(3):
        assert reaction_log(store, LAYOUT) == ReactionLog((reaction(1), reaction(2)), 4)
    assert caplog.text.count(f"event=object_unreadable uri={LAYOUT.reaction(3)}") == 1


def test_the_record_names_what_changed_from_and_to() -> None:
    store = MemoryStore()
    create_reaction(store, LAYOUT, reaction(1))
    record = json.loads(store.get(LAYOUT.reaction(1)))
    assert (record["kind"], record["from"], record["to"]) == ("replicas", "1", "4")


def test_which_reactions_help_the_job_and_which_change_its_answers() -> None:
    assert {kind.value for kind in ReactionKind if reaction(1, kind).helps} == {
        "replicas", "pause", "max_tokens", "model",
    }  # fmt: skip
    assert {kind.value for kind in ReactionKind if reaction(1, kind).changes_answers} == {"max_tokens", "model"}


def test_records_are_remembered_until_a_number_is_taken() -> None:
    store = MemoryStore()
    records = ReactionRecords(store, LAYOUT)
    assert records.create(reaction(1))
    create_reaction(store, LAYOUT, reaction(2))
    assert records.read().reactions == (reaction(1),)
    assert not records.create(reaction(2, ReactionKind.PAUSE))
    assert records.read() == ReactionLog((reaction(1), reaction(2)), 3)


def test_a_write_that_failed_may_have_been_made(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    records, create = ReactionRecords(store, LAYOUT), store.create

    def written_but_unanswered(uri: str, body: bytes) -> None:
        create(uri, body)
        raise StoreError("no answer")

    monkeypatch.setattr(store, "create", written_but_unanswered)
    with pytest.raises(StoreError):
        records.create(reaction(1))
    assert records.read().reactions == (reaction(1),)
