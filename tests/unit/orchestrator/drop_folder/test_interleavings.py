"""Whatever is uploaded, overwritten and interrupted: each version has one job, and none is lost or doubled.

A scan may be killed before any operation of the store, see a listing that is old, or be overtaken by another scan or an
upload between any two operations.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from fakes.inboxes import INBOX, Deployment, Interrupted
from llmbatch.core.identity import INFERENCE_DAG, job_id_of
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.deployment.run_states import DagRunState
from llmbatch.orchestrator.drop_folder.inbox import Drop

NAMES = st.sampled_from(["a.jsonl", "b.jsonl"])
BODIES = st.sampled_from(["1", "2", "3"])
STEPS = st.integers(1, 14)


def kill() -> None:
    raise Interrupted


def overtaken(there: Deployment) -> None:
    """Let another scan start the job, the job end, and a third scan settle it."""
    kept, there.store.stale = there.store.stale, None
    there.scan()
    there.finish()
    there.scan()
    there.store.stale = kept


DISTURBANCES: dict[str, Callable[[Deployment], object]] = {
    "killed": lambda there: kill(),
    "overtaken by a scan": lambda there: there.scan(),
    "overtaken by all scans": overtaken,
    "other content": lambda there: there.drop("a.jsonl", "2"),
    "same content": lambda there: there.drop("a.jsonl", "1"),
    "another input": lambda there: there.drop("b.jsonl", "1"),
}
MOST_STEPS = 16


@pytest.mark.parametrize("name", DISTURBANCES)
@pytest.mark.parametrize("succeeds", [True, False])
def test_a_disturbance_at_any_step_loses_and_doubles_nothing(name: str, succeeds: bool):
    """Upload, scan, end of the job, scan, and a scan with an old listing; one of the scans is disturbed at one step."""
    reached, disturb = 0, DISTURBANCES[name]
    for scan, step in itertools.product(range(3), range(1, MOST_STEPS)):
        there, uploads = Deployment(), Counter({("a.jsonl", b"1"): 1})
        put = there.drop

        def counted(key: str, body: str, put=put, uploads=uploads) -> object:
            uploads[key, body.encode()] += 1
            return put(key, body)

        put("a.jsonl", "1")
        there.drop = counted
        old = [*MemoryStore.list(there.store, INBOX)]
        for n in range(3):
            there.store.requests, there.store.stale = 0, old if n == 2 else None
            there.store.at = {step: lambda there=there: disturb(there)} if n == scan else {}
            try:
                there.scan()
            except Interrupted:
                reached += 1
            reached += n == scan and not there.store.at
            there.store.at, there.store.stale = {}, None
            there.finish(succeed=succeeds)
        for _ in range(4):
            there.scan()
            there.finish(succeed=succeeds)
        moved = there.under("done") | there.under("failed")
        assert there.inbox() == set()
        assert {name for name, _ in uploads} <= moved.keys()
        if name not in {"same content", "other content"}:
            assert len(there.runs.confs) == len(uploads)
        assert len(there.runs.confs) <= uploads.total()
        bodies = {body for uri, body in there.store.objects.items() if uri.endswith("/a.jsonl")}
        assert b"2" in bodies or ("a.jsonl", b"2") not in uploads
        runs = len(there.runs.confs)
        put("a.jsonl", "1")
        there.scan()
        done = b"1" in {body for uri, body in there.store.objects.items() if "/done/" in uri}
        assert len(there.runs.confs) == runs + (not done), f"disturbed in scan {scan} at step {step}"
    assert reached > 10


class DropFolder(RuleBasedStateMachine):
    """Users, scans and jobs on one inbox."""

    def __init__(self) -> None:
        super().__init__()
        self.there = Deployment()
        self.old = [*MemoryStore.list(self.there.store, INBOX)]
        self.wanted: set[tuple[str, str]] = set()
        """Versions that the user has uploaded and not overwritten while they were in the inbox."""
        self.uploads: Counter[tuple[str, str]] = Counter()

    def upload(self, name: str, body: str) -> None:
        replaced = self.there.store.objects.get(f"{INBOX}/{name}")
        if replaced is not None:
            self.wanted.discard((name, replaced.decode()))
        self.there.clock.advance(1)
        MemoryStore.put(self.there.store, f"{INBOX}/{name}", body.encode())
        self.wanted.add((name, body))
        self.uploads[f"{INBOX}/{name}", self.there.store.head(f"{INBOX}/{name}").etag] += 1

    def scan(self, at: dict[int, Callable[[], object]], *, stale: bool) -> None:
        store = self.there.store
        present = [*MemoryStore.list(store, INBOX)]
        store.requests, store.at = 0, at
        store.stale = self.old if stale else None
        try:
            self.there.scan()
        except Interrupted:
            pass
        finally:
            store.at, store.stale = {}, None
        self.old = present

    @rule(name=NAMES, body=BODIES)
    def user_uploads(self, name: str, body: str) -> None:
        self.upload(name, body)

    @rule(stale=st.booleans())
    def scan_runs(self, stale: bool) -> None:
        self.scan({}, stale=stale)

    @rule(step=STEPS, stale=st.booleans())
    def scan_is_killed(self, step: int, stale: bool) -> None:
        self.scan({step: kill}, stale=stale)

    @rule(step=STEPS, stale=st.booleans())
    def scan_is_overtaken_by_another(self, step: int, stale: bool) -> None:
        self.scan({step: lambda: overtaken(self.there)}, stale=stale)

    @rule(step=STEPS, name=NAMES, body=BODIES)
    def scan_is_overtaken_by_an_upload(self, step: int, name: str, body: str) -> None:
        self.scan({step: lambda: self.upload(name, body)}, stale=False)

    @rule(succeeds=st.booleans())
    @precondition(lambda self: DagRunState.ALIVE in self.there.runs.states.values())
    def oldest_job_ends(self, succeeds: bool) -> None:
        run_id = next(name for name, state in self.there.runs.states.items() if state is DagRunState.ALIVE)
        self.there.runs.finish(run_id, succeeds=succeeds)

    def teardown(self) -> None:
        """Let everything come to its end, then look."""
        for _ in range(6):
            self.scan({}, stale=False)
            self.there.finish()
        assert self.there.inbox() == set()
        assert not [uri for uri in self.there.store.objects if "/drop/open/" in uri]
        moved = {(name, body.decode()) for part in ("done", "failed") for name, body in self.moved(part)}
        assert self.wanted <= moved
        for (source, etag), uploads in self.uploads.items():
            first = f"drop__{Drop(INBOX, source, etag, 1, self.there.clock.now()).drop_id}"
            attempts = [run_id for run_id in self.there.runs.confs if run_id.partition("-")[0] == first]
            assert len(attempts) <= uploads, "a job was started without an upload"
            assert sum(self.succeeded(run_id) for run_id in attempts) <= 1, "one version was answered twice"

    def moved(self, part: str) -> list[tuple[str, bytes]]:
        found = self.there.store.objects.items()
        return [(uri.rsplit("/", 1)[-1], body) for uri, body in found if uri.startswith(f"s3://b/{part}/")]

    def succeeded(self, run_id: str) -> bool:
        return f"s3://b/llmbatch/jobs/{job_id_of(INFERENCE_DAG, run_id)}/manifest.json" in self.there.store.objects


TestDropFolder = DropFolder.TestCase
TestDropFolder.settings = settings(max_examples=100, stateful_step_count=20)
