"""All interleavings of two generations, a sweep and a publish over one job of two shards, with crashes anywhere.

The model takes one store operation a step, as the code does (the conformance tests at the end compare the two), and the
search visits every reachable state. What must hold in all of them is in ``check``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from llmbatch.core.claims import claim, require_latest
from llmbatch.core.errors import Superseded
from llmbatch.core.layout import JobLayout
from llmbatch.core.store import MemoryStore

SHARDS = ("a", "b")


@dataclass(frozen=True)
class Store:
    """The objects of the job. ``results`` maps a shard to the generation that wrote it."""

    claims: frozenset[int] = frozenset()
    staged: bool = True
    results: tuple[tuple[str, int], ...] = ()
    manifest: tuple[tuple[str, int], ...] | None = None

    def writer(self, shard: str) -> int | None:
        return dict(self.results).get(shard)


@dataclass(frozen=True)
class Generation:
    """One submission. ``step`` is the next operation; ``left`` what it saw as uncommitted."""

    submitted: int
    step: str = "read"
    number: int = 0
    left: tuple[str, ...] = ()


@dataclass(frozen=True)
class Publish:
    """The task ``publish``."""

    step: str = "read"
    seen: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Sweep:
    """Retention, which has judged the job abandoned (or finished and old)."""

    step: str = "claim"
    number: int = 0


@dataclass(frozen=True)
class State:
    store: Store
    first: Generation
    second: Generation
    publish: Publish
    sweep: Sweep


def generation_steps(
    me: Generation, store: Store, *, fenced: bool, create_only: bool
) -> Iterator[tuple[Generation, Store]]:
    """Yield what the next operation of a generation leads to."""
    over = replace(me, step="over")
    last = max(store.claims, default=0)
    if me.step == "read":
        yield (replace(me, step="look") if store.staged else over), store
    elif me.step == "look":
        number = max(me.submitted, last + 1)
        yield (over if me.submitted < last else replace(me, step="claim", number=number)), store
    elif me.step == "claim":
        if me.number in store.claims:
            yield replace(me, number=me.number + 1), store
        else:
            yield replace(me, step="list"), replace(store, claims=store.claims | {me.number})
    elif me.step == "list":
        left = tuple(shard for shard in SHARDS if store.writer(shard) is None)
        yield replace(me, step="check" if left else "over", left=left), store
    elif me.step == "check":
        superseded = fenced and last > me.number
        yield (over if superseded else replace(me, step="create")), store
    elif me.step == "create":
        shard, *rest = me.left
        after = store
        if store.writer(shard) is None or not create_only:
            kept = dict(store.results) | {shard: me.number}
            after = replace(store, results=tuple(sorted(kept.items())))
        yield replace(me, step="check" if rest else "over", left=tuple(rest)), after
    if me.step != "over":
        yield over, store  # killed


def publish_steps(me: Publish, store: Store) -> Iterator[tuple[Publish, Store]]:
    over = replace(me, step="over")
    if me.step == "read":
        go = store.manifest is None and store.staged
        yield (replace(me, step="list") if go else over), store
    elif me.step == "list":
        complete = len(store.results) == len(SHARDS)
        # Rows are missing: the task fails, and is tried again later.
        yield (replace(me, step="prove", seen=store.results) if complete else Publish()), store
    elif me.step == "prove":
        # Every shard was read before this; one that a sweep removed meanwhile cannot have been.
        after = replace(store, manifest=me.seen) if store.manifest is None else store
        yield over, after
    if me.step != "over":
        yield over, store


def sweep_steps(me: Sweep, store: Store) -> Iterator[tuple[Sweep, Store]]:
    over = replace(me, step="over")
    if me.step == "claim":
        number = max(store.claims, default=0) + 1
        yield replace(me, step="unstage", number=number), replace(store, claims=store.claims | {number})
    elif me.step == "unstage":
        yield replace(me, step="results"), replace(store, staged=False)
    elif me.step == "results":
        yield replace(me, step="manifest"), replace(store, results=store.results[1:]) if store.results else store
        if store.results:
            yield me, replace(store, results=store.results[1:])
    elif me.step == "manifest":
        yield over, replace(store, manifest=None)
    if me.step != "over":
        yield over, store


def successors(state: State, *, sweeping: bool, fenced: bool, create_only: bool) -> Iterator[tuple[str, State]]:
    """Yield who acts, and the state after it."""
    rules = {"fenced": fenced, "create_only": create_only}
    for mine, store in generation_steps(state.first, state.store, **rules):
        yield "first", replace(state, first=mine, store=store)
    for mine, store in generation_steps(state.second, state.store, **rules):
        yield "second", replace(state, second=mine, store=store)
    for publish, store in publish_steps(state.publish, state.store):
        yield "publish", replace(state, publish=publish, store=store)
    if sweeping:
        for sweep, store in sweep_steps(state.sweep, state.store):
            yield "sweep", replace(state, sweep=sweep, store=store)


def check(actor: str, before: State, after: State) -> None:
    """Raise AssertionError if a step did what must never happen."""
    old, new = before.store, after.store
    for shard in SHARDS:
        was, now = old.writer(shard), new.writer(shard)
        assert was in (None, now) or (actor == "sweep" and now is None), "a committed shard was written over"
    if new.manifest is not None:
        assert [shard for shard, _ in new.manifest] == list(SHARDS), "a manifest without every shard"
        assert old.manifest in (None, new.manifest), "a manifest was written over"
        if after.sweep.number == 0:
            assert new.manifest == new.results, "the manifest names other results than there are"
    holders = [mine.number for mine in (after.first, after.second) if mine.step in {"list", "check", "create"}]
    assert len(set(holders)) == len(holders), "two generations hold one number"


def explore(*, sweeping: bool, fenced: bool = True, create_only: bool = True, resubmitted: int = 2) -> set[State]:
    start = State(Store(), Generation(1), Generation(resubmitted), Publish(), Sweep())
    seen, todo = {start}, [start]
    while todo:
        state = todo.pop()
        for actor, after in successors(state, sweeping=sweeping, fenced=fenced, create_only=create_only):
            check(actor, state, after)
            if after not in seen:
                seen.add(after)
                todo.append(after)
    return seen


@pytest.mark.parametrize("sweeping", [False, True])
@pytest.mark.parametrize("resubmitted", [1, 2])
def test_no_interleaving_loses_or_doubles_a_shard(sweeping: bool, resubmitted: int) -> None:
    seen = explore(sweeping=sweeping, resubmitted=resubmitted)
    assert len(seen) > 500
    assert any(state.store.manifest for state in seen)


def test_without_create_only_writes_the_search_finds_a_doubled_shard() -> None:
    with pytest.raises(AssertionError, match="written over"):
        explore(sweeping=False, create_only=False)


def test_a_job_that_nobody_kills_or_sweeps_ends_complete() -> None:
    """From every state without a sweep, a publish that is tried once more after a generation that runs alone proves."""
    for state in explore(sweeping=False):
        store = state.store
        fresh = Generation(max(store.claims, default=0) + 1)
        while fresh.step != "over":
            fresh, store = next(generation_steps(fresh, store, fenced=True, create_only=True))
        publish = Publish()
        while publish.step != "over":
            publish, store = next(publish_steps(publish, store))
        assert store.manifest is not None


@pytest.mark.parametrize("fenced", [True, False])
def test_once_a_later_claim_is_there_a_generation_commits_only_what_it_was_about_to(fenced: bool) -> None:
    went_on = 0
    for state in explore(sweeping=True, fenced=fenced):
        for mine in (state.first, state.second):
            if max(state.store.claims, default=0) > mine.number > 0 and mine.step == "check":
                after, _ = next(generation_steps(mine, state.store, fenced=fenced, create_only=True))
                went_on += after.step != "over"
    assert (went_on == 0) is fenced  # without the fence the search finds generations that go on


class Recorder(MemoryStore):
    """Notes what is asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def list(self, prefix):
        self.calls.append("list")
        return super().list(prefix)

    def create(self, uri, body):
        self.calls.append("create")
        return super().create(uri, body)


def test_the_code_takes_the_steps_of_the_model() -> None:
    store, layout, now = Recorder(), JobLayout.of("s3://b/x", "job-1"), datetime(2026, 1, 1, tzinfo=UTC)
    assert claim(store, layout, owner="g1", now=now).generation == 1
    assert store.calls == ["list", "create"]
    store.calls.clear()
    require_latest(store, layout, "job-1", 1)
    assert store.calls == ["list"]
    assert claim(store, layout, owner="g1 again", now=now, at_least=1).generation == 2
    with pytest.raises(Superseded):
        require_latest(store, layout, "job-1", 1)
