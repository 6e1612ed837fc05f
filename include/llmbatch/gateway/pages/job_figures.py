"""The figures of one job, made once in seconds for all who look at it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from llmbatch.core.clock import Clock
from llmbatch.core.eta.trace import EstimateTrace, TracePoint
from llmbatch.core.heartbeat import fetch_heartbeat
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import JobManifest, LevelChange
from llmbatch.core.progress import Progress
from llmbatch.core.reactions import Reaction
from llmbatch.core.states import Phase
from llmbatch.core.store import ObjectStore
from llmbatch.gateway.jobs.documents import JobDocuments
from llmbatch.gateway.jobs.lookup import FoundJob
from llmbatch.gateway.jobs.states import JobState
from llmbatch.gateway.pages.figures.course import Course, Generation
from llmbatch.gateway.pages.figures.fan import fan
from llmbatch.gateway.pages.figures.figure import Figures
from llmbatch.gateway.pages.figures.phases import phases
from llmbatch.gateway.pages.figures.rates import latency, rates
from llmbatch.gateway.pages.figures.replicas import replicas
from llmbatch.gateway.pages.figures.shards import Shards, shards
from llmbatch.gateway.pages.job_shards import JobShards
from llmbatch.gateway.pages.stored_folder import StoredFolders
from llmbatch.gateway.pages.zone import Zone
from llmbatch.gateway.wire.answer import Answer
from llmbatch.gateway.wire.shared import Shared
from llmbatch.orchestrator.history.traces import thinned

LIVE_SECONDS = 4.0
"""Time for which the figures of a running job are used; heartbeats are written every few seconds."""
OVER_SECONDS = 60.0
"""Time for which those of a published job are used."""
MOST_POINTS = 300
"""Estimates that figures show, of all generations together; but two of each at least."""
_MOST_GENERATIONS = 50
_MOST_ANSWERS = 200


@dataclass(frozen=True)
class _Stored:
    """What is stored of a job."""

    spec: JobSpec
    proof: JobManifest | None
    beat: Progress | None
    traces: tuple[EstimateTrace, ...]
    alerts: tuple[LevelChange, ...]
    reactions: tuple[Reaction, ...]


class JobFigures:
    """Makes the figures of jobs.

    Args:
        documents: reader of the jobs.
        store: where they are.
        clock: for the age of what was made.
    """

    def __init__(self, documents: JobDocuments, store: ObjectStore, clock: Clock) -> None:
        self._documents, self._store = documents, store
        self._traces = StoredFolders(EstimateTrace, store)
        self._reactions = StoredFolders(Reaction, store)
        self._shards = JobShards(store, clock)
        self._live: Shared[Answer] = Shared(LIVE_SECONDS, _MOST_ANSWERS, clock)
        self._over: Shared[Answer] = Shared(OVER_SECONDS, _MOST_ANSWERS, clock)

    async def of(self, found: FoundJob, zone: Zone) -> Answer:
        """Return ``Figures`` of a job in the reader's zone; all are null for a job that is not accepted.

        Raises:
            StoreError: the store failed.
        """
        made = self._over if found.state is JobState.SUCCEEDED else self._live
        return await made.get((found.job_id, zone.name), lambda: self._make(found, zone))

    async def _make(self, found: FoundJob, zone: Zone) -> Answer:
        if found.spec is None:
            return await asyncio.to_thread(_answer, None, None, zone)
        stored = await asyncio.to_thread(self._read, found, found.spec)
        layout = found.spec.layout
        strip: Shards | None = None
        if stored.proof is not None:
            strip = await self._shards.over(layout, stored.beat)
        elif stored.beat is not None:
            strip = await self._shards.running(layout, stored.beat)
        return await asyncio.to_thread(_answer, stored, strip, zone)

    def _read(self, found: FoundJob, spec: JobSpec) -> _Stored:
        job_id, layout = spec.job_id, spec.layout
        beat = _heartbeat(self._store, layout)
        is_done = found.state is JobState.SUCCEEDED or (beat is not None and beat.phase is Phase.DONE)
        proof = self._documents.proof(job_id) if is_done else None
        if proof is not None:
            alerts = proof.sla.levels[1:]
        else:
            raised = self._documents.alerts(job_id)
            alerts = tuple(LevelChange(at=each.raised_at, level=each.level, reason=each.reason) for each in raised)
        traces = sorted(self._traces.read(layout.traces), key=lambda trace: trace.generation)
        taken = sorted(self._reactions.read(layout.reactions), key=lambda reaction: reaction.number)
        return _Stored(spec, proof, beat, tuple(traces), alerts, tuple(taken))


def _heartbeat(store: ObjectStore, layout: JobLayout) -> Progress | None:
    """Return the last heartbeat, dated by its writer's clock as the estimates are."""
    try:
        beat = fetch_heartbeat(store, layout)
    except ValidationError:
        return None  # of another version, or written by another program
    return None if beat is None else beat.progress


def _answer(stored: _Stored | None, strip: Shards | None, zone: Zone) -> Answer:
    """Return the figures. Blocks for some ms."""
    figures = Figures(figures=dict.fromkeys(("fan", "phases", "rates", "latency", "replicas", "shards")))
    if stored is not None:
        course = _course(stored)
        figures = Figures(
            figures={
                "fan": fan(course, zone),
                "phases": phases(*_seconds(stored)),
                "rates": rates(course, zone),
                "latency": latency(course, zone),
                "replicas": replicas(course, zone),
                "shards": None if strip is None else shards(strip),
            }
        )
    return Answer(figures.model_dump_json().encode(), "application/json")


def _course(stored: _Stored) -> Course:
    spec, proof, beat = stored.spec, stored.proof, stored.beat
    rows = beat.rows.total if beat is not None else 0 if proof is None else proof.rows.input
    return Course(
        created_at=spec.created_at,
        deadline=spec.deadline,
        finished_at=None if proof is None else proof.sla.finished_at,
        rows=rows,
        generations=_generations(stored.traces, beat),
        alerts=stored.alerts,
        reactions=stored.reactions,
    )


def _generations(traces: Sequence[EstimateTrace], beat: Progress | None) -> tuple[Generation[TracePoint], ...]:
    """Return the estimates, thinned, with that of the last heartbeat, which its trace lacks for half a minute."""
    points: dict[int, tuple[TracePoint, ...]] = {trace.generation: trace.points for trace in traces}
    if beat is not None and all(number <= beat.generation for number in points):
        known = points.get(beat.generation, ())
        if not known or known[-1].at < beat.written_at:
            points[beat.generation] = (*known, TracePoint.of(beat))
    kept = sorted((number, each) for number, each in points.items() if each)[-_MOST_GENERATIONS:]
    total = sum(len(each) for _, each in kept)
    share = min(1.0, MOST_POINTS / max(1, total))
    return tuple(Generation(number, thinned(each, max(2, int(share * len(each))))) for number, each in kept)


def _seconds(stored: _Stored) -> tuple[Mapping[str, float], int]:
    """Return seconds by phase of all generations, and their number."""
    beat, proof = stored.beat, stored.proof
    last = proof.timing if proof is not None else {} if beat is None else beat.seconds_phase
    newest = max((trace.generation for trace in stored.traces), default=0) if beat is None else beat.generation
    earlier = [trace for trace in stored.traces if trace.generation < newest]
    if not last and stored.traces:
        last = stored.traces[-1].seconds_phase
    total: dict[str, float] = {}
    for seconds in (*(trace.seconds_phase for trace in earlier), last):
        for phase, value in seconds.items():
            total[phase] = total.get(phase, 0.0) + value
    return total, len(earlier) + 1
