"""Wishes of several people at once: the stronger one stays, nobody's is lost, and later generations run."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from llmbatch.core.claims import claim
from llmbatch.core.clock import ManualClock
from llmbatch.core.control import Control
from llmbatch.core.errors import RequestError, StoreError
from llmbatch.core.layout import JobLayout
from llmbatch.core.states import DesiredState
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.orchestrator.steering.control import TRIES, adjust, request_state

NOW = datetime(2030, 1, 1, tzinfo=UTC)
LAYOUT = JobLayout("s3://b/jobs/job-1")
RUN, DRAIN, CANCEL = DesiredState.RUN, DesiredState.DRAIN, DesiredState.CANCEL


def job(store: MemoryStore, claims: int = 2) -> MemoryStore:
    store.put(LAYOUT.spec, b"{}")
    for _ in range(claims):
        claim(store, LAYOUT, owner="o", now=NOW)
    return store


def wish(store: MemoryStore, desired: DesiredState, by: str = "me") -> Control:
    return request_state(f"{LAYOUT.root}/", desired, reason=f"{by} says so", by=by, store=store, clock=ManualClock(NOW))


def written(store: MemoryStore) -> Control:
    return Control.model_validate_json(store.get(LAYOUT.control))


def test_a_wish_names_who_why_when_and_the_running_generation() -> None:
    store = job(MemoryStore())
    found = wish(store, DRAIN)
    assert found == written(store)
    assert found == Control(desired=DRAIN, generation=2, reason="me says so", written_by="me", written_at=NOW)
    assert (found.asks_of(2), found.asks_of(3)) == (DRAIN, RUN)


def test_before_the_first_claim_a_wish_is_for_all() -> None:
    store = job(MemoryStore(), claims=0)
    assert wish(store, CANCEL).generation is None
    claim(store, LAYOUT, owner="o", now=NOW)
    assert written(store).asks_of(1) is CANCEL
    assert wish(store, RUN).asks_of(1) is RUN


@pytest.mark.parametrize(
    ("old", "new", "holds"),
    [
        (None, RUN, RUN),
        (None, DRAIN, DRAIN),
        (DRAIN, DRAIN, DRAIN),
        (DRAIN, CANCEL, CANCEL),
        (CANCEL, DRAIN, CANCEL),
        (CANCEL, CANCEL, CANCEL),
        (DRAIN, RUN, RUN),
        (CANCEL, RUN, RUN),
    ],
)
def test_the_stronger_wish_stays(old: DesiredState | None, new: DesiredState, holds: DesiredState) -> None:
    store = job(MemoryStore())
    if old is not None:
        wish(store, old, "first")
    found = wish(store, new, "second")
    assert found.desired is holds
    if LAYOUT.control in store.objects:
        assert written(store) == found
        assert found.written_by == ("first" if old is holds else "second")
    else:
        assert (old, new) == (None, RUN)


def test_a_wish_for_an_earlier_generation_is_spent() -> None:
    store = job(MemoryStore())
    wish(store, CANCEL, "first")
    claim(store, LAYOUT, owner="cleared", now=NOW)
    found = wish(store, DRAIN, "second")
    assert (found.desired, found.generation, found.written_by) == (DRAIN, 3, "second")


def delivering(store: MemoryStore, claims: int = 2) -> MemoryStore:
    job(store, claims).put(LAYOUT.spec, b'{"request": {"on_cancel": "deliver", "later": 1}, "later": 1}')
    return store


def test_a_cancel_of_a_job_that_delivers_is_for_all_generations() -> None:
    store = delivering(MemoryStore())
    assert wish(store, DRAIN).generation == 2
    assert wish(store, CANCEL).generation is None
    claim(store, LAYOUT, owner="after a crash", now=NOW)
    assert written(store).asks_of(3) is CANCEL
    assert wish(store, DRAIN, "second").desired is CANCEL  # the stronger request stays in later generations too
    assert wish(store, RUN).asks_of(3) is RUN


@pytest.mark.parametrize("body", [None, b"?", b'{"request": {"on_cancel": "later"}}'])
def test_a_cancel_of_what_is_not_a_readable_job_is_refused(body: bytes | None) -> None:
    store = MemoryStore()
    if body is not None:
        store.put(LAYOUT.spec, body)
    with pytest.raises(RequestError, match="s3://b/jobs/job-1"):
        wish(store, CANCEL)
    assert LAYOUT.control not in store.objects


class Racing(MemoryStore):
    """Lets somebody else act between a writer's look at the control object and its own write."""

    def __init__(self) -> None:
        super().__init__()
        self.others: list[Callable[[MemoryStore], object]] = []

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        if prefix == LAYOUT.claims and self.others:
            self.others.pop(0)(self)
        return super().list(prefix)


STRENGTH = [RUN, DRAIN, CANCEL]


@pytest.mark.parametrize("first", [None, RUN, DRAIN])
@pytest.mark.parametrize("wishes", list(itertools.product([DRAIN, CANCEL], repeat=3)))
def test_of_writers_at_once_the_strongest_wins(first: DesiredState | None, wishes: tuple[DesiredState, ...]) -> None:
    store = job(Racing())
    if first is not None:
        store.put(LAYOUT.control, Control(desired=first, generation=2).model_dump_json().encode())
    mine, *others = wishes
    store.others = [lambda there, other=other: wish(there, other, "other") for other in others]
    wish(store, mine)
    assert store.others == []
    assert written(store).desired is max([mine, *others], key=STRENGTH.index)


def test_a_control_object_that_vanishes_in_between_is_written_anew() -> None:
    store = job(Racing())
    wish(store, DRAIN, "other")
    store.others = [lambda there: there.delete(LAYOUT.control)]
    assert wish(store, CANCEL) == written(store)


def test_endless_racing_is_an_error_that_says_what_to_do() -> None:
    store = job(Racing())
    store.put(LAYOUT.control, b"{}")
    store.others = [lambda there, n=n: there.put(LAYOUT.control, b" " * n) for n in range(TRIES + 1)]
    with pytest.raises(StoreError, match=f"{TRIES} times in a row; repeat the request"):
        wish(store, DRAIN)


def test_a_control_object_that_nobody_can_read_is_replaced(caplog: pytest.LogCaptureFixture) -> None:
    store = job(MemoryStore())
    store.put(LAYOUT.control, b"?")
    assert wish(store, CANCEL) == written(store)
    assert "event=control_unreadable" in caplog.text


def change(store: MemoryStore, by: str = "me", **changes: object) -> Control:
    return adjust(LAYOUT.root, changes, reason=f"{by} says so", by=by, store=store, clock=ManualClock(NOW))


def test_single_fields_are_changed_beside_what_others_asked() -> None:
    store = job(MemoryStore())
    change(store, paused=True, paused_by="s3://b/jobs/job-2")
    found = change(store, by="other", max_tokens=5)
    assert found == written(store)
    assert (found.paused, found.paused_by, found.max_tokens, found.written_by) == (
        True,
        "s3://b/jobs/job-2",
        5,
        "other",
    )
    wish(store, DRAIN, "ann")
    found = change(store, paused=False, paused_by=None)
    assert (found.desired, found.generation, found.reason, found.paused) == (DRAIN, 2, "ann says so", False)
    assert found.max_tokens == 5


def test_a_change_that_changes_nothing_writes_nothing() -> None:
    store = job(MemoryStore())
    assert change(store, paused=False) == Control()
    assert LAYOUT.control not in store.objects


def test_a_change_survives_a_wish_of_the_same_moment() -> None:
    store = job(Racing())
    store.others = [lambda there: change(there, "other", max_tokens=5)]
    wish(store, DRAIN)
    assert (written(store).desired, written(store).max_tokens) == (DRAIN, 5)


def test_only_a_job_can_be_asked() -> None:
    store = MemoryStore()
    with pytest.raises(RequestError, match=r"no job in s3://b/jobs/job-1.*spec.json"):
        wish(store, DRAIN)
    assert store.objects == {}
