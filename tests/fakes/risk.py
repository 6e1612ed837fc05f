"""Several running jobs, the first of which is at risk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from fakes.job_inputs import NO_INPUT
from llmbatch.core.clock import ManualClock
from llmbatch.core.config_sections import HeartbeatConfig, StagingConfig
from llmbatch.core.control import Control
from llmbatch.core.engine_settings import EngineSettings
from llmbatch.core.job_request import JobRequest
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.progress import EtaSeconds, Progress, Replicas, RowCounts, ShardCounts
from llmbatch.core.reactions import Reaction, ReactionKind, ReactionRecords, read_reactions
from llmbatch.core.request_options import InputFormat, OutputFormat, Reactions
from llmbatch.core.states import Phase
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.jobs.day_index import note_accepted
from llmbatch.orchestrator.steering.pauses import resume_paused
from llmbatch.orchestrator.steering.reactions import SETTLE_SECONDS, take_next_step

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
        self.records = ReactionRecords(self.store, self.spec.layout)
        self.live, self.late = 1, 300.0

    def job(self, number: int, *, priority: int = 0, phase: Phase = Phase.WORK, **request: Any) -> JobSpec:
        job_id = f"job-{number:016x}"
        layout = JobLayout.of(BASE, job_id)
        spec = JobSpec(
            job_id=job_id, dag_id="d", run_id="r", root_uri=layout.root, created_at=NOW,
            deadline=NOW + timedelta(seconds=1000), input_format=InputFormat.JSONL, output_format=OutputFormat.JSONL,
            request=JobRequest(input_uri="s3://b/in.jsonl", priority=priority, **request), output_uri="s3://b/out/",
            inputs=NO_INPUT, model_name="large", model_uri="s3://m/large", engine=EngineSettings(),
            staging=StagingConfig(), heartbeat=HeartbeatConfig(), fallback_model_uri="s3://m/small",
        )  # fmt: skip
        self.store.put(layout.spec, spec.model_dump_json().encode())
        note_accepted(spec, self.store)
        self.store.put(layout.progress, self.progress(job_id, phase).model_dump_json().encode())
        return spec

    def progress(self, job_id: str, phase: Phase = Phase.WORK, **fields: Any) -> Progress:
        fields = {"shards": ShardCounts(total=10), "rows": RowCounts()} | fields
        now = self.clock.now()
        return Progress(job_id=job_id, generation=1, sequence=1, phase=phase, written_at=now, started_at=NOW, **fields)

    def look(self) -> list[ReactionKind]:
        return self._recorded(self.step())

    def step(self) -> tuple[Reaction, ...]:
        left = self.spec.seconds_left(self.clock.now())
        eta = EtaSeconds(p10=1, p50=2, p90=left + self.late)
        progress = self.progress(self.spec.job_id, replicas=Replicas(live=self.live), eta=eta)
        return take_next_step(self.spec, progress, self.records, store=self.store, clock=self.clock)

    def end_of_risk(self) -> list[ReactionKind]:
        return self._recorded(resume_paused(self.spec, self.records, store=self.store, clock=self.clock))

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
