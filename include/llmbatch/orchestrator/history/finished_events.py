"""The events of a finished job: its rows, tokens, dead letters, cost, and how it kept its deadline."""

from __future__ import annotations

from llmbatch.core import metrics
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.manifest import JobManifest
from llmbatch.core.progress import Progress
from llmbatch.core.states import Phase, RowState
from llmbatch.orchestrator.metrics.events import count, observe


def count_finished(spec: JobSpec, manifest: JobManifest, progress: Progress | None) -> None:
    """Send the events of one finished job.

    Rows and tokens are those that the job ran itself. The manifest of a retry has those of the whole, which the jobs
    before it have counted, so the last heartbeat is used there; without one they are not counted.

    Args:
        spec: the job.
        manifest: its proof.
        progress: its last heartbeat, None if that is missing or cannot be read.
    """
    model = spec.model_name
    count(metrics.JOBS_FINISHED, model, "met" if manifest.sla.met else "missed")
    own: JobManifest | Progress | None = manifest if manifest.retry_of is None else progress
    if own is not None:
        rows, tokens = own.rows, own.tokens
        for state, number in (
            (RowState.SUCCEEDED, rows.succeeded),
            (RowState.FAILED, rows.failed),
            (RowState.EXPIRED, rows.expired),
            (RowState.CANCELLED, rows.cancelled),
        ):
            count(metrics.ROWS, model, state.value, amount=number)
        for kind, number in (
            ("prompt", tokens.prompt),
            ("completion", tokens.completion),
            ("cached", tokens.cached),
        ):
            count(metrics.TOKENS, model, kind, amount=number)
    for error_class, number in (progress.dead_letters if progress is not None else {}).items():
        count(metrics.DEAD_LETTERS, model, error_class.value, amount=number)
    if manifest.cost is not None:
        hours, usd = manifest.cost.replica_hours, manifest.cost.usd
        count(metrics.REPLICA_SECONDS, model, spec.engine.accelerator.value, amount=3600 * hours)
        if usd is not None:
            count(metrics.COST, model, amount=usd)
    loaded = manifest.timing.get(Phase.MODEL_LOAD.value)
    if loaded is not None:
        observe(metrics.MODEL_LOAD_SECONDS, model, seconds=loaded)
