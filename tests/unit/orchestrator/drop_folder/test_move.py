"""Moving loses no object and overwrites none."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from fakes.inboxes import BASE, INBOX
from fakes.proofs import proof
from llmbatch.core.errors import StoreError
from llmbatch.core.layout import JobLayout
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.orchestrator.drop_folder.claims import Claim, Companion, Outcome
from llmbatch.orchestrator.drop_folder.move import move
from unit.orchestrator.drop_folder.test_claims import NOW, a_claim

JOB = JobLayout.of(BASE, "job-0123456789abcdef")
PLACE = "s3://b/failed/2030-01-01/job-0123456789abcdef/"


@dataclass
class Failing(MemoryStore):
    """Fails at one operation on one address, once."""

    fails: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def copy(self, source: ObjectInfo, uri: str) -> ObjectInfo:
        self._check(f"copy {source.uri}")
        return super().copy(source, uri)

    def delete_version(self, uri: str, etag: str) -> None:
        self._check(f"delete {uri}")
        super().delete_version(uri, etag)

    def _check(self, operation: str) -> None:
        if operation in self.fails:
            self.fails.remove(operation)
            raise StoreError(operation)


def claimed(store: MemoryStore, outcome: Outcome = Outcome.FAILED, **fields: object) -> Claim:
    source = store.put(f"{INBOX}/a.jsonl", b"rows")
    sidecar = store.put(f"{INBOX}/a.jsonl.llmbatch.yaml", b"")
    companion = Companion(uri=sidecar.uri, etag=sidecar.etag, size=0)
    changes = {"etag": source.etag, "size": 4, "outcome": outcome, "settled_at": NOW, "companions": (companion,)}
    return a_claim(**changes | fields)


@pytest.mark.parametrize("operation", ["copy", "delete"])
@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.llmbatch.yaml"])
def test_a_move_that_failed_is_completed_by_the_next(operation: str, name: str):
    store = Failing({f"{operation} {INBOX}/{name}"})
    claim = claimed(store)
    with pytest.raises(StoreError):
        move(claim, "s3://b/failed", JOB, None, store)
    assert store.objects.get(f"{INBOX}/{name}") is not None
    assert move(claim, "s3://b/failed", JOB, None, store) == PLACE
    assert {uri for uri in store.objects if not uri.startswith(PLACE)} == set()
    assert store.objects[f"{PLACE}a.jsonl"] == b"rows"


def test_a_refused_input_names_no_job():
    store = MemoryStore()
    move(claimed(store, Outcome.REFUSED, reason="sla_hour: no"), "s3://b/failed", JOB, None, store)
    text = store.objects[f"{PLACE}a.jsonl.reason.txt"].decode()
    assert "sla_hour: no" in text
    assert "job-" not in text


def test_a_reason_cannot_forge_lines_of_control_characters():
    store = MemoryStore()
    move(claimed(store, reason="bad \x1b[2J"), "s3://b/failed", JOB, None, store)
    assert b"\x1b" not in store.objects[f"{PLACE}a.jsonl.reason.txt"]


def test_a_job_whose_folder_was_removed_is_done_all_the_same():
    store = MemoryStore()
    move(claimed(store, Outcome.DONE), "s3://b/failed", JOB, None, store)
    assert JOB.manifest.encode() in store.objects[f"{PLACE}a.jsonl.manifest.json"]


def test_the_link_has_the_rows():
    store = MemoryStore()
    move(claimed(store, Outcome.DONE), "s3://b/failed", JOB, proof(JOB.job_id), store)
    assert b'"succeeded": 0' in store.objects[f"{PLACE}a.jsonl.manifest.json"]


def test_a_claim_without_outcome_is_not_moved():
    with pytest.raises(ValueError, match="no outcome"):
        move(a_claim(), "s3://b/failed", JOB, None, MemoryStore())
