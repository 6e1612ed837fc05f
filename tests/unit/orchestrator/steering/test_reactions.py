"""Reactions of a job at risk: in order, one at a time, each recorded, and taken back."""

from __future__ import annotations

from typing import Any

import pytest

from fakes.risk import MAX_TOKENS, MODEL, NOW, PAUSE, REPLICAS, Site
from llmbatch.core.control import ReplicaBounds
from llmbatch.core.errors import StoreError
from llmbatch.core.reactions import Reaction, ReactionKind, read_reactions
from llmbatch.core.request_options import Reactions
from llmbatch.core.states import DesiredState
from llmbatch.orchestrator.steering.control import request_state
from llmbatch.orchestrator.steering.reactions import SETTLE_SECONDS, START_SECONDS, take_next_step


@pytest.fixture
def site() -> Site:
    return Site()


def test_one_step_after_the_other_in_order_and_then_nothing_is_left(site: Site) -> None:
    low = site.job(2)
    site.late = 1e6
    assert site.look() == [REPLICAS]
    site.live = 8
    site.later()
    site.store.put(low.layout.progress, site.progress(low.job_id).model_dump_json().encode())
    assert site.look() == [PAUSE]
    assert site.later().look() == [MAX_TOKENS]
    assert site.later().look() == [MODEL]
    assert site.later().look() == []
    assert site.kinds() == [REPLICAS, PAUSE, MAX_TOKENS, MODEL]
    control = site.control()
    assert (control.max_tokens, control.model, control.written_by) == (50, "s3://m/small", "llmbatch")
    assert (site.control(low).paused, site.control(low).paused_by) == (True, site.spec.root_uri)


@pytest.mark.parametrize(
    ("reactions", "first"),
    [
        (Reactions(), []),
        (Reactions(max_tokens=50), [MAX_TOKENS]),
        (Reactions(fallback_model="small"), [MODEL]),
        (Reactions(pause_lower_priority=True), [PAUSE]),
    ],
)
def test_only_what_the_request_names_is_done(reactions: Reactions, first: list[ReactionKind]) -> None:
    site = Site(reactions)
    site.job(2)
    site.spec = site.spec.model_copy(
        update={"fallback_model_uri": "s3://m/small" if reactions.fallback_model else None}
    )
    assert site.look() == first
    assert site.later().look() == []


def test_the_smallest_pool_that_is_enough_is_asked_for(site: Site) -> None:
    site.late = 900.0  # 1900 s of work on one replica, 1000 s to go
    site.look()
    assert site.control().replicas == ReplicaBounds(min=2, max=2)
    [made] = read_reactions(site.store, site.spec.layout)
    assert (made.number, made.was, made.to, made.at) == (1, "1", "2", NOW)
    assert made.why == "P90 is 900 s after the deadline"
    assert b'"from":"1"' in site.store.get(site.spec.layout.reaction(1))


def test_if_no_pool_is_enough_it_grows_as_far_as_it_may(site: Site) -> None:
    site.late = 1e6
    site.look()
    assert site.control().replicas == ReplicaBounds(min=8, max=8)


@pytest.mark.parametrize(
    ("live", "seconds", "goes_on"),
    [
        (1, SETTLE_SECONDS, False),
        (1, START_SECONDS - 1, False),
        (1, START_SECONDS, True),
        (2, SETTLE_SECONDS - 1, False),
        (2, SETTLE_SECONDS, True),
    ],
)
def test_a_step_gets_time_to_show(site: Site, live: int, seconds: float, goes_on: bool) -> None:
    assert site.look() == [REPLICAS]
    assert site.control().replicas == ReplicaBounds(min=2, max=2)
    site.live = live
    assert bool(site.later(seconds).look()) is goes_on


@pytest.mark.parametrize("case", ["kept", "unknown", "over"])
def test_nothing_is_done_without_need(site: Site, case: str) -> None:
    if case == "kept":
        site.late = 0.0
    if case == "over":
        site.later(1001)
    if case == "unknown":
        progress = site.progress(site.spec.job_id)
        assert take_next_step(site.spec, progress, site.records, store=site.store, clock=site.clock) == ()
    else:
        assert site.look() == []
    assert site.kinds() == []


def test_a_drain_survives_a_reaction_and_a_reaction_a_drain(site: Site) -> None:
    where = {"store": site.store, "clock": site.clock}
    request_state(site.spec.root_uri, DesiredState.DRAIN, reason="night shift", by="ann", **where)  # type: ignore[arg-type]
    site.look()
    control = site.control()
    assert (control.desired, control.reason, control.written_by) == (DesiredState.DRAIN, "night shift", "ann")
    assert control.replicas == ReplicaBounds(min=2, max=2)
    request_state(site.spec.root_uri, DesiredState.RUN, reason="go", by="ann", **where)  # type: ignore[arg-type]
    assert site.control().replicas == ReplicaBounds(min=2, max=2)


def test_a_reactor_that_dies_between_record_and_deed_does_it_at_its_next_look(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("llmbatch.orchestrator.steering.reactions.adjust", _die)
        with pytest.raises(StoreError):
            site.look()
    assert site.kinds() == [REPLICAS]
    assert site.later(START_SECONDS).look() == [REPLICAS]
    assert site.control().replicas is not None


def test_of_two_reactors_one_acts(site: Site) -> None:
    assert site.records.read().reactions == ()
    theirs = Reaction(kind=REPLICAS, number=1, at=NOW, was="1", to="2")
    site.store.put(site.spec.layout.reaction(1), theirs.model_dump_json().encode())
    assert site.look() == []
    assert site.kinds() == [REPLICAS]
    assert site.records.read().reactions == (theirs,), "the other one's step was not learned"


def test_records_are_listed_once_however_many_heartbeats_there_are(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    listed: list[str] = []
    real = site.store.list
    monkeypatch.setattr(site.store, "list", lambda uri: listed.append(uri) or real(uri))
    site.late = 1e6
    for kind in (REPLICAS, MAX_TOKENS, MODEL):
        assert [made.kind for made in site.step()] == [kind]
        site.live = 8
        for _ in range(100):
            site.later(0.1).step()
        site.later()
    assert listed.count(site.spec.layout.reactions) == 1


def _die(*args: Any, **kwargs: Any) -> None:
    raise StoreError("the process is gone")
