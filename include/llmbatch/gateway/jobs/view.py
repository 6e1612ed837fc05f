"""What is shown of a job: from its run, spec, heartbeat and proof."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote

from llmbatch.core.admission import Admission
from llmbatch.core.manifest import JobManifest
from llmbatch.core.progress import Progress
from llmbatch.core.sla_status import JobStatus, Status, status_of
from llmbatch.core.states import Phase
from llmbatch.gateway.jobs.answers import (
    AdmissionAnswer,
    AlertAnswer,
    Job,
    JobEntry,
    JobError,
    Links,
    ReplicasAnswer,
    RowsAnswer,
    ThroughputAnswer,
    TokensAnswer,
)
from llmbatch.gateway.jobs.documents import JobDocuments
from llmbatch.gateway.jobs.lookup import FoundJob
from llmbatch.gateway.jobs.states import JobState

MOUNTED_AT = "/llmbatch"
"""Path of the API inside of Airflow's api-server."""

REFUSED = "refused"
"""Phase of a job that failed before it was accepted."""
FINISHED = "finished"
"""Phase of a job that succeeded."""


def job_of(found: FoundJob, documents: JobDocuments, now: datetime, links: Links, error: JobError | None) -> Job:
    """Return all about a job. Blocks; reads at most the heartbeat, the proof, the alerts and the admission."""
    progress, proof = _state_of_work(found, documents, now)
    spec, status = found.spec, _status(found, progress, proof, now)
    admission = documents.admission(found.job_id) if spec is not None else None
    return Job(
        **entry_of(found, progress, proof, now).model_dump(),
        eta_p10_hours=status.eta_p10_hours if status else None,
        eta_p90_hours=status.eta_p90_hours if status else None,
        miss_probability=status.miss_probability if status else None,
        status_reason=status.reason if status else "",
        rows=_rows(progress, proof),
        throughput=_throughput(found, progress),
        tokens=_tokens(progress, proof),
        replicas=_replicas(found, progress),
        paused=progress is not None and progress.paused,
        alerts=_alerts(found, proof, documents),
        admission=None if admission is None else admission_of(admission),
        output_uri=None if spec is None else spec.output_uri,
        cost=None if proof is None else proof.cost,
        error=error,
        links=links,
    )


def listed(found: FoundJob, documents: JobDocuments, now: datetime) -> JobEntry:
    """Return a job of a list. Blocks; reads spec and heartbeat of a job that runs or has failed, else nothing."""
    if found.state in {JobState.QUEUED, JobState.SUCCEEDED}:
        return entry_of(found, None, None, now)
    spec = documents.spec(found.job_id)
    progress = documents.progress(found.job_id, now) if spec is not None else None
    return entry_of(FoundJob(found.run, spec), progress, None, now)


def entry_of(found: FoundJob, progress: Progress | None, proof: JobManifest | None, now: datetime) -> JobEntry:
    """Return what lists show of a job. Reads nothing."""
    run, state, status = found.run, found.state, _status(found, progress, proof, now)
    end = proof.sla.finished_at if proof is not None else run.end_date if run.is_over else None
    is_done = state is JobState.SUCCEEDED
    left = (found.deadline - (end if is_done and end else now)).total_seconds() / 3600
    return JobEntry(
        job_id=found.job_id,
        dag_run_id=run.dag_run_id,
        state=state,
        phase=_phase(found, progress, status),
        model=model_of(found),
        owner=found.owner,
        created_at=run.run_after,
        deadline=found.deadline,
        finished_at=end,
        progress_pct=100.0 if is_done else status.progress_pct if status else 0.0,
        eta_hours=0.0 if is_done else status.eta_hours if status else None,
        sla_remaining_hours=round(left, 4),
        status=status.status if status else _status_word(state, left),
        generation=progress.generation if progress else None,
        heartbeat=progress.sequence if progress else None,
    )


def admission_of(admission: Admission) -> AdmissionAnswer:
    """Return what is shown of a decision."""
    return AdmissionAnswer(**admission.model_dump(include=set(AdmissionAnswer.model_fields)))


def airflow_address(configured: str | None, root: str) -> str:
    """Return the address of Airflow's UI without a slash at its end; empty on the same server.

    Args:
        configured: ``gateway.airflow_url`` of config.yaml.
        root: path under which the API is served; inside of the api-server it ends with ``MOUNTED_AT``.
    """
    return (configured or "").rstrip("/") or root.removesuffix(MOUNTED_AT)


def links_of(found: FoundJob, root: str, airflow_url: str) -> Links:
    """Return the links of a job.

    Args:
        found: the job.
        root: path under which the API is served; empty at ``/``.
        airflow_url: address of Airflow's UI; empty on the same server.
    """
    here = f"{root}/jobs/{found.job_id}"
    run = f"{airflow_url}/dags/{quote(found.run.dag_id, safe='')}/runs/{quote(found.run.dag_run_id, safe='')}"
    return Links(self=here, results=f"{here}/results", errors=f"{here}/errors", run=run)


def _state_of_work(
    found: FoundJob, documents: JobDocuments, now: datetime
) -> tuple[Progress | None, JobManifest | None]:
    """Return the heartbeat of a job that has not succeeded, and the proof of one that has done its work."""
    if found.spec is None:
        return None, None
    if found.state is JobState.SUCCEEDED:
        return None, documents.proof(found.job_id)
    progress = documents.progress(found.job_id, now)
    is_done = progress is not None and progress.phase is Phase.DONE
    return progress, documents.proof(found.job_id) if is_done else None


def _status(found: FoundJob, progress: Progress | None, proof: JobManifest | None, now: datetime) -> JobStatus | None:
    """Return the status of an accepted job; a failed run has no ETA, and is at risk until its deadline."""
    if found.spec is None or (found.state is JobState.SUCCEEDED and proof is None):
        return None
    status = status_of(found.spec, progress, None if proof is None else proof.sla.finished_at, now)
    if found.state is not JobState.FAILED or proof is not None:
        return status
    unknown = dict.fromkeys(("eta_hours", "eta_p10_hours", "eta_p90_hours", "miss_probability"))
    word = Status.VIOLATED if status.status is Status.VIOLATED else Status.AT_RISK
    return status.model_copy(update={**unknown, "status": word, "reason": "the run has failed"})


def _status_word(state: JobState, left: float) -> Status | None:
    """Return the status of a job of which only the run is known, ``left`` hours before its deadline."""
    if state is JobState.FAILED:
        return None
    if left < 0:
        return Status.VIOLATED
    return Status.MET if state is JobState.SUCCEEDED else Status.ON_TRACK


def _phase(found: FoundJob, progress: Progress | None, status: JobStatus | None) -> str:
    if found.state is JobState.SUCCEEDED:
        return FINISHED
    if found.state is JobState.FAILED:
        stopped = progress.phase if progress is not None and progress.phase.stopped_early else Phase.FAILED
        return REFUSED if found.spec is None else stopped.value
    return status.phase if status is not None else Phase.QUEUED.value


def model_of(found: FoundJob) -> str | None:
    """Return the name of the model; before the job is accepted, the one that its request names, if it names one."""
    if found.spec is not None:
        return found.spec.model_name
    sent: Mapping[str, object] = found.run.conf or {}
    model = sent.get("model")
    return model if isinstance(model, str) and model else None


def _rows(progress: Progress | None, proof: JobManifest | None) -> RowsAnswer:
    if proof is not None:
        rows = proof.rows
        return RowsAnswer(
            total=rows.input,
            succeeded=rows.succeeded,
            failed=rows.failed,
            expired=rows.expired,
            cancelled=rows.cancelled,
        )
    if progress is None:
        return RowsAnswer()
    beat = progress.rows
    return RowsAnswer(
        total=beat.total,
        succeeded=beat.succeeded,
        failed=beat.failed,
        expired=beat.expired,
        running=beat.running,
        waiting=beat.waiting,
    )


def _throughput(found: FoundJob, progress: Progress | None) -> ThroughputAnswer:
    if progress is None or found.state is not JobState.RUNNING or progress.phase.is_terminal:
        return ThroughputAnswer()
    return ThroughputAnswer(rows_per_second=progress.rates.rows_per_second, tokens_per_second=progress.rates.live)


def _tokens(progress: Progress | None, proof: JobManifest | None) -> TokensAnswer:
    counts = proof.tokens if proof is not None else progress.tokens if progress is not None else None
    if counts is None:
        return TokensAnswer()
    return TokensAnswer(prompt=counts.prompt, completion=counts.completion, cached=counts.cached)


def _replicas(found: FoundJob, progress: Progress | None) -> ReplicasAnswer:
    if progress is None or found.state is not JobState.RUNNING or progress.phase.is_terminal:
        return ReplicasAnswer()
    return ReplicasAnswer(live=progress.replicas.live, wanted=progress.replicas.wanted)


def _alerts(found: FoundJob, proof: JobManifest | None, documents: JobDocuments) -> tuple[AlertAnswer, ...]:
    """Return the alerts; those of a finished job are in its proof, whose first level is ``ok`` at the submission."""
    if found.spec is None:
        return ()
    if proof is not None:
        return tuple(
            AlertAnswer(level=each.level, raised_at=each.at, reason=each.reason) for each in proof.sla.levels[1:]
        )
    alerts = documents.alerts(found.job_id)
    return tuple(AlertAnswer(level=each.level, raised_at=each.raised_at, reason=each.reason) for each in alerts)
