"""Metrics of the service as a whole."""

from __future__ import annotations

from collections import Counter

from llmbatch.core import metrics as names
from llmbatch.core.admission import QueuedJob
from llmbatch.core.progress import Progress
from llmbatch.core.staleness import ETA_UNKNOWN_SECONDS
from llmbatch.core.states import Phase
from llmbatch.gateway.metrics.job_samples import phase_of
from llmbatch.gateway.metrics.reading import Reading
from llmbatch.gateway.metrics.samples import Samples
from llmbatch.orchestrator.admission.queue import with_heartbeat
from llmbatch.orchestrator.sla_report.figures import Figures


def add_service(samples: Samples, reading: Reading) -> None:
    """Add the jobs by phase, the queue, whether jobs are admitted, and the versions of the cluster."""
    phases = Counter(phase_of(job) for job in reading.jobs)
    for phase in Phase:
        samples.add(names.JOBS, phases[phase], phase.value)
    waiting = [job.found.run.run_after for job in reading.jobs if job.found.run.state == "queued"]
    samples.add(names.QUEUE_JOBS, len(waiting))
    samples.add(names.QUEUE_OLDEST, min(waiting).timestamp() if waiting else None)
    samples.add(names.QUEUE_REPLICA_SECONDS, _replica_seconds(reading))
    samples.add(names.ADMITTING, float(reading.is_admitting))
    for versions in sorted({_versions(job.progress) for job in reading.jobs if job.progress and job.progress.versions}):
        samples.add(names.CLUSTER_INFO, 1, *versions)


def add_report(samples: Samples, figures: Figures) -> None:
    """Add how well the newest finished jobs kept their deadlines and were predicted."""
    samples.add(names.SLA_MET_RATIO, _ratio(figures.attainment_pct))
    for progress, percent in figures.eta.median_error_pct.items():
        samples.add(names.ETA_ERROR_RATIO, _ratio(percent), progress)
    samples.add(names.ETA_COVERAGE_RATIO, _ratio(figures.eta.coverage80_pct))


def _replica_seconds(reading: Reading) -> float:
    """Return the work of the admitted jobs, by their heartbeats where these are recent; unknown work counts as none."""
    open_jobs = {job.found.job_id: job for job in reading.jobs}

    def current(queued: QueuedJob) -> QueuedJob:
        progress = open_jobs[queued.job_id].progress
        is_recent = progress is not None and progress.age(reading.at) <= ETA_UNKNOWN_SECONDS
        return with_heartbeat(queued, progress, reading.at) if progress is not None and is_recent else queued

    jobs = [current(job) for job in reading.queue if job.job_id in open_jobs]
    return sum(job.eta.p50 * job.replicas for job in jobs if job.eta is not None)


def _versions(progress: Progress) -> tuple[str, ...]:
    return tuple(progress.versions.get(name, "") for name in names.CLUSTER_INFO.labels)


def _ratio(percent: float | None) -> float | None:
    return None if percent is None else percent / 100
