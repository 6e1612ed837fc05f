"""All interleavings of generations, a publish and a removal over one job of two shards, with crashes anywhere.

The programs call the code itself, one store operation a step, and the search visits every reachable state: of three
programs at a time, since all four have half a million states. What must hold in all of them is in ``check``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial

import pytest

from fakes.answered_jobs import NOW, staged_job
from fakes.interleavings import OVER, Call, Objects, Program, State, Step, explore
from llmbatch.cluster.driver.committed_shards import committed_shards
from llmbatch.cluster.storage import shard_commit
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.cluster.storage.shard_commit import ShardCommit
from llmbatch.cluster.storage.shard_table import read_staged
from llmbatch.core.claims import claim, last_claim
from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import ReconcileError, Superseded
from llmbatch.core.manifest import JobManifest, is_published
from llmbatch.core.rows import ResultRow
from llmbatch.core.shards import ShardTally, StagedManifest, StagedShard, remaining_shards
from llmbatch.core.store import MemoryStore, ObjectInfo, ObjectStore
from llmbatch.orchestrator.jobs.folders import Amount
from llmbatch.orchestrator.maintenance.removal import remove
from llmbatch.orchestrator.maintenance.retention import Part, Removal
from llmbatch.orchestrator.publishing import committed, merge
from llmbatch.orchestrator.publishing.publish import publish

SPEC, STAGED = staged_job(body=b'{"prompt": "a"}\n' * 5)
LAYOUT = SPEC.layout
OBJECTS = {uri: body for uri, body in STAGED.objects.items() if uri.startswith(LAYOUT.root)}
SHARDS = StagedManifest.model_validate_json(STAGED.get(LAYOUT.staged_manifest)).shards


@pytest.fixture(autouse=True)
def in_one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let publish read one shard after the other, so that it does the same whenever the store answers the same."""

    def one_by_one(function: Callable[..., object], items: Iterable[object], **_: object) -> Iterator[object]:
        return map(function, items)

    for module in (committed, merge):
        monkeypatch.setattr(module, "in_order", one_by_one)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@cache
def results_of(shard: StagedShard, generation: int) -> tuple[tuple[ResultRow, ...], ShardTally]:
    """Return an answer for every row of a shard, as a replica makes them."""
    rows = tuple(
        ResultRow(
            row_id=row.row_id, custom_id=row.custom_id, line=row.line, url=row.url, state="succeeded", response="{}",
            prompt_tokens=1, completion_tokens=1, cached_tokens=0, seconds=1.0, attempts=1,
            error_class=None, error=None, request=None,
        )
        for row in read_staged(STAGED.get(LAYOUT.staged_shard(shard.shard_id)))
    )  # fmt: skip
    counts = {"rows": len(rows), "succeeded": len(rows), "failed": 0}
    return rows, ShardTally(shard_id=shard.shard_id, generation=generation, model=SPEC.model_uri, **counts)


def run_generation(store: ObjectStore, *, submitted: int, owner: str) -> None:
    """Do what a Ray job does in the store, from its start to its last shard."""
    staged = StagedManifest.model_validate_json(store.get(LAYOUT.staged_manifest))
    if submitted < last_claim(store, LAYOUT):
        return
    mine = claim(store, LAYOUT, owner=owner, now=NOW, at_least=submitted)
    job = JobContext(SPEC.job_id, mine.generation, LAYOUT, store, ManualClock(NOW))
    for shard in remaining_shards(staged.shards, committed_shards(job)):
        ShardCommit(job).commit(*results_of(shard, mine.generation))


def run_publish(store: ObjectStore) -> None:
    """Do what the task ``publish`` does."""
    publish(SPEC, store, ManualClock(NOW))


def run_removal(store: ObjectStore) -> None:
    """Do what retention does to a job that it has judged abandoned, however wrong that is by now."""
    late = datetime.max.replace(tzinfo=UTC)
    remove(Removal(SPEC.job_id, LAYOUT.root, Part.ABANDONED, Amount(), "old", late), (), store, ManualClock(NOW))


def is_shared(call: Call) -> bool:
    """Whether its order matters. Staged shards are removed after their list, with which every program begins."""
    return call.uri in {LAYOUT.manifest, LAYOUT.staged_manifest} or call.uri.startswith((LAYOUT.claims, LAYOUT.results))


def number_of(program: Program, state: int) -> int:
    """Return the generation that a program has claimed, 0 before."""
    made = program.made(state) if state != OVER else ()
    claims = [call.uri for call, answer in made if call.name == "create" and isinstance(answer, ObjectInfo)]
    return next((LAYOUT.generation_of(uri) for uri in claims if uri.startswith(LAYOUT.claims)), 0)


def check(programs: tuple[Program, ...], step: Step) -> None:
    """Raise AssertionError if a step did what must never happen."""
    actor = programs[step.actor].name
    removed = any(each.name == "removal" and at != 0 for each, at in zip(programs, step.after.programs, strict=True))
    old, new = dict(step.before.objects), dict(step.after.objects)
    for shard in SHARDS:
        uri = LAYOUT.result_shard(shard.shard_id)
        was, now = old.get(uri), new.get(uri)
        assert was in (None, now) or (actor == "removal" and now is None), "a committed shard was written over"
    proof = new.get(LAYOUT.manifest)
    if proof is not None:
        assert old.get(LAYOUT.manifest) in (None, proof), "a manifest was written over"
        named = etags_of(proof)
        assert [uri for uri, _ in named] == [LAYOUT.result_shard(shard.shard_id) for shard in SHARDS]
        store = MemoryStore()
        store.objects = new
        stored = tuple((info.uri, info.etag) for info in store.list(LAYOUT.results))
        assert removed or named == stored, "the manifest names other results than there are"
    held = [number_of(program, at) for program, at in zip(programs, step.after.programs, strict=True)]
    # A removal deletes claims, so a number can come twice; create-only results keep that harmless.
    assert removed or len({*filter(None, held)}) == sum(map(bool, held)), "two generations hold one number"


@cache
def etags_of(proof: bytes) -> tuple[tuple[str, str], ...]:
    return tuple((shard.key, shard.etag) for shard in JobManifest.model_validate_json(proof).shards)


def first() -> Program:
    return Program("first", partial(run_generation, submitted=1, owner="first"))


def second(submitted: int = 2) -> Program:
    return Program("second", partial(run_generation, submitted=submitted, owner="second"))


def publishing() -> Program:
    return Program("publish", run_publish, again=(ReconcileError,))


def removal() -> Program:
    return Program("removal", run_removal)


def search(*programs: Program, rewritten: Callable[[Call], Call] = lambda call: call) -> set[State]:
    return explore(programs, OBJECTS, is_shared, partial(check, programs), rewritten)


def proofs(states: Iterable[State]) -> set[bytes]:
    return {body for state in states for uri, body in state.objects if uri == LAYOUT.manifest}


@pytest.mark.parametrize("resubmitted", [1, 2])
def test_no_interleaving_loses_or_doubles_a_shard(resubmitted: int) -> None:
    programs = first(), second(resubmitted), publishing()
    seen = search(*programs)
    assert len(seen) > 1000
    assert len(proofs(seen)) > 2  # of shards by the first, by the second, by both
    assert [program.ends for program in programs] == [{None, Superseded}, {None, Superseded}, {None, ReconcileError}]


@pytest.mark.parametrize("beside", [second, publishing])
def test_no_removal_at_the_worst_time_leaves_a_wrong_proof(beside: Callable[[], Program]) -> None:
    programs = first(), beside(), removal()
    seen = search(*programs)
    assert len(seen) > 1000
    assert bool(proofs(seen)) is (beside is publishing)
    assert programs[2].ends == {None}


def plain(prefix: str, call: Call) -> Call:
    """Return the call without its condition: a store or a change of the code that lost it."""
    return replace(call, name="put") if call.name == "create" and call.uri.startswith(prefix) else call


def test_without_create_only_commits_the_search_finds_a_doubled_shard() -> None:
    with pytest.raises(AssertionError, match="a committed shard was written over"):
        search(first(), second(), rewritten=partial(plain, LAYOUT.results))


def test_without_a_create_only_proof_the_search_finds_one_that_was_written_over() -> None:
    later = Program("later", lambda store: publish(SPEC, store, ManualClock(NOW + timedelta(minutes=1))))
    with pytest.raises(AssertionError, match="a manifest was written over"):
        search(first(), publishing(), later, rewritten=partial(plain, LAYOUT.manifest))
    search(first(), publishing(), later)


def test_without_create_only_claims_the_search_finds_two_generations_of_one_number() -> None:
    with pytest.raises(AssertionError, match="hold one number"):
        search(first(), second(1), rewritten=partial(plain, LAYOUT.claims))


def test_a_job_that_nobody_kills_or_removes_ends_complete() -> None:
    """From every state, a generation that runs alone and then a publish prove the job."""
    for objects in {state.objects for state in search(first(), second(), publishing())}:
        store = MemoryStore(ManualClock(NOW))
        store.objects = dict(objects)
        run_generation(store, submitted=last_claim(store, LAYOUT) + 1, owner="fresh")
        run_publish(store)
        assert is_published(LAYOUT, store)


@pytest.mark.parametrize("fenced", [True, False])
def test_once_a_later_claim_is_there_a_generation_commits_only_what_it_was_about_to(
    monkeypatch: pytest.MonkeyPatch, fenced: bool
) -> None:
    if not fenced:
        monkeypatch.setattr(shard_commit, "require_latest", lambda *_: None)
    programs = first(), second()
    went_on = 0
    for state in search(*programs):
        last = max((LAYOUT.generation_of(uri) for uri, _ in state.objects if uri.startswith(LAYOUT.claims)), default=0)
        for program, at in zip(programs, state.programs, strict=True):
            made = [call for call, _ in program.made(at)] if at != OVER else []
            if last > number_of(program, at) > 0 and made[-1].uri.startswith(LAYOUT.results):
                went_on += went_on_after(program, at, state.objects)
    assert (went_on == 0) is fenced  # without the fence the search finds generations that go on


def went_on_after(program: Program, at: int, objects: Objects) -> bool:
    """Whether a program that has just listed or committed results commits one more, though nothing else happens."""
    store = MemoryStore(ManualClock(NOW))
    store.objects = dict(objects)
    before = {uri for uri in store.objects if uri.startswith(LAYOUT.results)}
    while at != OVER:
        at = program.answered(at, program.next(at).on(store))
    return {uri for uri in store.objects if uri.startswith(LAYOUT.results)} != before
