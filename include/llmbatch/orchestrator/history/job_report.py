"""``sla.json``: the deadline of a job against the outcome. Written after the manifest; the job never reads it."""

from __future__ import annotations

import logging
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from llmbatch.core.alerts import read_alerts
from llmbatch.core.errors import ObjectMissing
from llmbatch.core.eta.history import FinishedJob
from llmbatch.core.eta.priors import LengthPrior
from llmbatch.core.eta.trace import TracePoint
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import CostRecord, JobManifest, LevelChange, RowRecord, TokenRecord, read_manifest
from llmbatch.core.progress import Latency, Progress
from llmbatch.core.reactions import Reaction, read_reactions
from llmbatch.core.states import Phase
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_document
from llmbatch.orchestrator.history.cost import work_seconds
from llmbatch.orchestrator.history.finished_events import count_finished
from llmbatch.orchestrator.history.lessons import add_finished, engine_key, template_key
from llmbatch.orchestrator.history.score import (
    AlertScore,
    EtaScore,
    alert_score,
    log_ratios,
    replicas_over_time,
    score_of,
)
from llmbatch.orchestrator.history.traces import levels_of, read_traces, thinned
from llmbatch.orchestrator.jobs.day_index import note_reported
from llmbatch.orchestrator.jobs.documents import read_spec

MOST_ESTIMATES = 60
"""Estimates copied to ``sla.json`` for charts; the traces have more."""

_ONLY_IN_TRACES = {"reason", "output_tokens_per_second", "latency_p95", "failed", "running"}
"""What the report on many jobs does not use of an estimate."""

_log = logging.getLogger(__name__)


class SlaReport(BaseModel):
    """How one job kept its deadline. ``timing`` is in seconds per phase of the last generation.

    Attributes:
        margin_seconds: from the finish to the deadline; negative when it was missed.
        rows: by outcome; a retry's are merged with those of its earlier jobs, and so are ``tokens``.
        columns_dropped: rows delivered without the input's own columns, which are too large or cannot be read.
        tuned: benchmark whose settings were adopted for the model and applied; null: none.
        own_rows: rows that this job ran itself.
        work_seconds: seconds in which rows were processed, of all generations.
        rows_per_second: of ``own_rows``; tokens_per_second: of output tokens, null for a retry.
        latency: seconds from a row's admission to its answer, of the last generation.
        peak_memory_mb: see ``Progress.peak_memory_mb``; null if it is not known.
        replicas: times at which the number of replicas changed, with the new number.
        reactions: the recorded reactions to a deadline at risk.
        estimates: thinned, for charts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    schema_version: int = 1
    job_id: str
    deadline: AwareDatetime
    finished_at: AwareDatetime
    met: bool
    margin_seconds: float
    rows: RowRecord
    columns_dropped: int = 0
    timing: dict[str, float]
    submitted_at: AwareDatetime | None = None
    model: str = ""
    engine: str = ""
    tuned: str | None = None
    own_rows: int = 0
    tokens: TokenRecord = TokenRecord(prompt=0, completion=0, cached=0)
    work_seconds: float = 0.0
    rows_per_second: float | None = None
    tokens_per_second: float | None = None
    latency: Latency = Latency()
    peak_memory_mb: int | None = None
    eta: EtaScore | None = None
    alerts: tuple[AlertScore, ...] = ()
    levels: tuple[LevelChange, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    replicas: tuple[tuple[AwareDatetime, int], ...] = ()
    cost: CostRecord | None = None
    estimates: tuple[TracePoint, ...] = ()

    def lines(self) -> list[str]:
        """Return the summary for the task log."""
        word = "met" if self.met else "missed"
        phases = " ".join(f"{phase}={seconds:.1f}s" for phase, seconds in self.timing.items())
        lines = [
            f"job={self.job_id} rows={self.rows.input} succeeded={self.rows.succeeded} failed={self.rows.failed}",
            f"job={self.job_id} sla={word} deadline={_short(self.deadline)} finished_at={_short(self.finished_at)} "
            f"margin={self.margin_seconds / 3600:+.2f}h",
            f"job={self.job_id} {phases or 'no timing'}",
        ]
        eta = self.eta
        if eta is not None and eta.error_pct is not None and eta.bias_pct is not None and eta.coverage_pct is not None:
            lines.append(
                f"job={self.job_id} eta_error={eta.error_pct:.1f}% bias={eta.bias_pct:+.1f}% "
                f"interval_held={eta.coverage_pct:.0f}% estimates={eta.points}"
            )
        return lines


def report_sla(job_uri: str, store: ObjectStore) -> SlaReport:
    """Write ``sla.json``, note it in the index of jobs, and return it. A repeated call writes the same bytes.

    Raises:
        StoreError: the store failed, or the job is not published.
        ForeignManifest: the manifest there is not this job's.
    """
    layout = JobLayout(job_uri)
    manifest = read_manifest(layout, store)
    spec, sla = read_spec(job_uri, store), manifest.sla
    traces = read_traces(store, layout)
    points = tuple(point for trace in traces for point in trace.points)
    seconds = work_seconds(traces, manifest.timing)
    own_rows = sum(shard.rows for shard in manifest.shards)
    progress = _last_progress(layout, store)
    report = SlaReport(
        job_id=manifest.job_id,
        deadline=sla.deadline,
        finished_at=sla.finished_at,
        met=sla.met,
        margin_seconds=(sla.deadline - sla.finished_at).total_seconds(),
        rows=manifest.rows,
        columns_dropped=manifest.input.columns_dropped,
        timing=manifest.timing,
        submitted_at=spec.created_at,
        model=spec.model_name,
        engine=engine_key(spec),
        tuned=spec.tuned and spec.tuned.benchmark_id,
        own_rows=own_rows,
        tokens=manifest.tokens,
        work_seconds=round(seconds, 3),
        rows_per_second=_rate(own_rows, seconds),
        tokens_per_second=_rate(manifest.tokens.completion, seconds) if manifest.retry_of is None else None,
        latency=Latency() if progress is None else progress.latency,
        peak_memory_mb=None if progress is None else progress.peak_memory_mb,
        eta=None if manifest.rows.cancelled else score_of(traces, _ended_at(progress, manifest)),
        alerts=_alerts(spec, sla.finished_at, store),
        levels=levels_of(spec, store, sla.finished_at),
        reactions=read_reactions(store, layout),
        replicas=replicas_over_time(points),
        cost=manifest.cost,
        estimates=thinned(points, MOST_ESTIMATES),
    )
    body = report.model_dump_json(indent=2, exclude={"estimates": {"__all__": _ONLY_IN_TRACES}})
    store.put(layout.sla, body.encode())
    if note_reported(spec, store):
        count_finished(spec, manifest, progress)
    return report


def learn_from(job_uri: str, store: ObjectStore) -> None:
    """Add a published job to the history that later ETAs start from; a job without a trace is not added.

    A cancelled job is not added: its estimates were of an end that it did not have.

    If reactions changed the job, only the errors of the estimates after the last reaction are added. If a reaction
    shortened answers or changed the model, no rate and no answer lengths are added.

    Raises:
        StoreError: the store failed, or other writers changed the history 20 times in a row.
        ForeignManifest: the manifest there is not this job's.
    """
    layout = JobLayout(job_uri)
    traces = read_traces(store, layout)
    if not traces:
        return
    manifest = read_manifest(layout, store)
    if manifest.rows.cancelled:
        return
    spec, last, ended = read_spec(job_uri, store), traces[-1], _ended_at(_last_progress(layout, store), manifest)
    taken = read_reactions(store, layout)
    changed = any(each.changes_answers for each in taken)
    log = log_ratios(traces, ended, max((each.at for each in taken), default=None))
    answers = None
    fit = {"level": last.level, "slope": last.slope, "spread": last.spread, "long": last.long}
    if not changed and all(value is not None for value in fit.values()):
        answers = LengthPrior.model_validate(fit)
    job = FinishedJob(
        job_id=spec.job_id,
        finished_at=manifest.sla.finished_at,
        engine=engine_key(spec),
        task=spec.request.engine_task.value,
        template=template_key(spec),
        replicas=max((point.replicas for point in last.points), default=0) or spec.engine.min_replicas,
        rows=sum(shard.rows for shard in manifest.shards),
        phases={name: round(seconds, 3) for name, seconds in last.seconds_phase.items()},
        rate=last.rate if not changed else None,
        price=last.price if not changed else None,
        answers=answers,
        fixed_share=last.fixed_share if not changed else None,
        effort=last.effort if not changed else None,
        log_ratios=log.log_ratios(ended.timestamp()),
        marks=score_of(traces, ended).marks,
    )
    add_finished(job_uri.rpartition("/jobs/")[0], job, store)


def _last_progress(layout: JobLayout, store: ObjectStore) -> Progress | None:
    """Return the last heartbeat, which is final for a finished job; None if it is missing or cannot be read."""
    try:
        return read_document(Progress, store.get(layout.progress))
    except (ObjectMissing, ValidationError) as error:
        _log.warning("event=progress_unreadable job_id=%s reason=%s", layout.job_id, type(error).__name__)
        return None


def _ended_at(progress: Progress | None, manifest: JobManifest) -> datetime:
    """Return when the last shard was committed, which ETAs predict; at the latest the time of the manifest."""
    if progress is None:
        return manifest.sla.finished_at
    done = progress.phase is Phase.DONE and progress.written_at <= manifest.sla.finished_at
    return progress.written_at if done else manifest.sla.finished_at


def _alerts(spec: JobSpec, until: datetime, store: ObjectStore) -> tuple[AlertScore, ...]:
    alerts = read_alerts(store, spec.layout)
    return tuple(alert_score(alert, spec.created_at) for alert in alerts if alert.raised_at <= until)


def _rate(amount: int, seconds: float) -> float | None:
    return round(amount / seconds, 3) if seconds > 0 else None


def _short(stamp: datetime) -> str:
    return stamp.isoformat(timespec="seconds")
