"""Reactions of a job at risk: in order, one at a time, each recorded, and taken back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from llmbatch.core.admission import AdmissionQueue, QueuedJob
from llmbatch.core.clock import ManualClock
from llmbatch.core.config import HeartbeatConfig, StagingConfig
from llmbatch.core.control import Control, ReplicaBounds
from llmbatch.core.engine_settings import EngineSettings
from llmbatch.core.errors import StoreError
from llmbatch.core.job_request import InputFormat, JobRequest, OutputFormat, Reactions
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout, queue_uri
from llmbatch.core.progress import EtaSeconds, Progress, Replicas, RowCounts, ShardCounts
from llmbatch.core.reactions import Reaction, ReactionKind, read_reactions
from llmbatch.core.states import DesiredState, Phase
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.steering.control import request_state
from llmbatch.orchestrator.steering.pauses import resume_paused
from llmbatch.orchestrator.steering.reactions import SETTLE_SECONDS, START_SECONDS, take_next_step

NOW = datetime(2030, 1, 1, tzinfo=UTC)
BASE = "s3://b/base"
ALL = Reactions(max_replicas=8, pause_lower_priority=True, max_tokens=50, fallback_model="small")
REPLICAS, PAUSE, MAX_TOKENS = ReactionKind.REPLICAS, ReactionKind.PAUSE, ReactionKind.MAX_TOKENS
MODEL, RESUME = ReactionKind.MODEL, ReactionKind.RESUME
PAUSED, RESUMED = ReactionKind.PAUSED, ReactionKind.RESUMED


class Site:
    """Several running jobs in one store; the first one is at risk: its P90 is ``late`` seconds after its deadline."""

    def __init__(self, reactions: Reactions = ALL) -> None:
        self.clock = ManualClock(NOW)
        self.store = MemoryStore(self.clock)
        self.spec = self.job(1, priority=5, reactions=reactions)
        self.live, self.late = 1, 300.0

    def job(self, number: int, *, priority: int = 0, phase: Phase = Phase.WORK, **request: Any) -> JobSpec:
        job_id = f"job-{number:016x}"
        layout = JobLayout.of(BASE, job_id)
        spec = JobSpec(
            job_id=job_id, dag_id="d", run_id="r", root_uri=layout.root, created_at=NOW,
            deadline=NOW + timedelta(seconds=1000), input_format=InputFormat.JSONL, output_format=OutputFormat.JSONL,
            request=JobRequest(input_uri="s3://b/in.jsonl", priority=priority, **request), output_uri="s3://b/out/",
            objects=(), model_name="large", model_uri="s3://m/large", engine=EngineSettings(),
            staging=StagingConfig(), heartbeat=HeartbeatConfig(), fallback_model_uri="s3://m/small",
        )  # fmt: skip
        self.store.put(layout.spec, spec.model_dump_json().encode())
        self.store.put(layout.progress, self.progress(job_id, phase).model_dump_json().encode())
        return spec

    def progress(self, job_id: str, phase: Phase = Phase.WORK, **fields: Any) -> Progress:
        fields = {"shards": ShardCounts(total=10), "rows": RowCounts()} | fields
        now = self.clock.now()
        return Progress(job_id=job_id, generation=1, sequence=1, phase=phase, written_at=now, started_at=NOW, **fields)

    def look(self) -> list[ReactionKind]:
        left = self.spec.seconds_left(self.clock.now())
        eta = EtaSeconds(p10=1, p50=2, p90=left + self.late)
        progress = self.progress(self.spec.job_id, replicas=Replicas(live=self.live), eta=eta)
        return self._recorded(take_next_step(self.spec, progress, store=self.store, clock=self.clock))

    def end_of_risk(self) -> list[ReactionKind]:
        return self._recorded(resume_paused(self.spec, store=self.store, clock=self.clock))

    def _recorded(self, made: tuple[Reaction, ...]) -> list[ReactionKind]:
        assert set(made) <= set(read_reactions(self.store, self.spec.layout))
        return [reaction.kind for reaction in made]

    def control(self, spec: JobSpec | None = None) -> Control:
        return Control.model_validate_json(self.store.get((spec or self.spec).layout.control))

    def kinds(self, spec: JobSpec | None = None) -> list[ReactionKind]:
        return [reaction.kind for reaction in read_reactions(self.store, (spec or self.spec).layout)]

    def later(self, seconds: float = SETTLE_SECONDS) -> Site:
        self.clock.advance(seconds)
        return self


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
        assert take_next_step(site.spec, progress, store=site.store, clock=site.clock) == ()
    else:
        assert site.look() == []
    assert site.kinds() == []


def test_only_running_jobs_of_lower_priority_are_paused() -> None:
    site = Site(Reactions(pause_lower_priority=True))
    low, equal, done = site.job(2, priority=4), site.job(3, priority=5), site.job(4, phase=Phase.DONE)
    stale = site.job(5)
    old = site.progress(stale.job_id).model_copy(update={"written_at": NOW - timedelta(seconds=301)})
    site.store.put(stale.layout.progress, old.model_dump_json().encode())
    resting = site.job(6)
    site.store.put(resting.layout.control, Control(paused=True, written_by="ann").model_dump_json().encode())
    published = site.job(7)
    site.store.put(published.layout.manifest, b"{}")
    assert site.look() == [PAUSE]
    assert site.control(low).paused
    assert site.control(resting).paused_by is None
    for spec in (equal, done, stale, published):
        assert spec.layout.control not in site.store.objects
    [told] = read_reactions(site.store, low.layout)
    assert (told.kind, told.was) == (PAUSED, site.spec.root_uri)


def test_the_queue_of_admitted_jobs_saves_the_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(Reactions(pause_lower_priority=True))
    low, other = site.job(2), site.job(3)
    queued = QueuedJob(job_id=low.job_id, root_uri=low.root_uri, deadline=low.deadline, replicas=1)
    site.store.put(queue_uri(BASE), AdmissionQueue(jobs=(queued,)).model_dump_json().encode())
    listed: list[str] = []
    real = site.store.list
    monkeypatch.setattr(site.store, "list", lambda prefix: listed.append(prefix) or real(prefix))
    site.look()
    assert site.control(low).paused
    assert other.layout.control not in site.store.objects
    assert f"{BASE}/jobs/" not in listed


def test_paused_jobs_go_on_when_the_job_is_safe_and_nothing_else_is_taken_back() -> None:
    site = Site(Reactions(max_replicas=2, pause_lower_priority=True))
    low = site.job(2)
    assert site.look() == [REPLICAS]
    site.live = 2
    assert site.later().look() == [PAUSE]
    assert site.end_of_risk() == [RESUME]
    assert (site.control(low).paused, site.control(low).paused_by) == (False, None)
    assert site.kinds(low) == [PAUSED, RESUMED]
    assert site.end_of_risk() == []
    assert site.control().replicas == ReplicaBounds(min=2, max=2)


def test_a_pause_that_somebody_else_has_taken_over_stays() -> None:
    site = Site(Reactions(pause_lower_priority=True))
    low = site.job(2)
    site.look()
    site.store.put(low.layout.control, Control(paused=True, written_by="ann").model_dump_json().encode())
    site.end_of_risk()
    assert site.control(low).paused
    assert site.kinds(low) == [PAUSED]


def test_a_paused_job_whose_folder_is_gone_holds_nobody_up() -> None:
    site = Site(Reactions(pause_lower_priority=True))
    low, other = site.job(2), site.job(3)
    site.look()
    site.store.delete_many([uri for uri in site.store.objects if uri.startswith(low.root_uri)])
    assert site.end_of_risk() == [RESUME, RESUME]
    assert not site.control(other).paused


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


def test_of_two_reactors_one_acts(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = Reaction(kind=REPLICAS, number=1, at=NOW, was="1", to="2")
    site.store.put(site.spec.layout.reaction(1), theirs.model_dump_json().encode())
    monkeypatch.setattr("llmbatch.orchestrator.steering.reactions.read_reactions", lambda store, layout: ())
    assert site.look() == []
    assert site.kinds() == [REPLICAS]


def _die(*args: Any, **kwargs: Any) -> None:
    raise StoreError("the process is gone")
