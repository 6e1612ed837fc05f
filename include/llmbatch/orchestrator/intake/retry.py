"""A request with ``retry_failed_of``: what it inherits from the earlier job, and whether that job can be retried.

From the earlier job: input, sample, format, columns and those that come back, template, system prompt, output schema,
task, and the model if none is given. From the new request: everything else. ``sampling`` that is given wins over that
of the rows, field by field; what is not given stays as each row was staged. ``max_error_rate`` holds for the whole
input, as in the earlier job.

A retry delivers all rows of the earlier job, so only the user who made that job may retry it, or an admin of the
deployment. The job of a run without a user belongs to such runs.
"""

from __future__ import annotations

from collections.abc import Collection

from llmbatch.core.errors import ForeignManifest, ObjectMissing, RequestError
from llmbatch.core.job_request import JobRequest
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.jobs.lineage import PublishedJob, lineage

FIELD = "retry_failed_of"
_INHERITED = (
    "input_uri",
    "input_format",
    "csv",
    "id_column",
    "sample_rows",
    "prompt_column",
    "messages_column",
    "prompt_template",
    "system_prompt",
    "task",
    "output_schema",
    "keep_columns",
)


def retried(
    request: JobRequest, root_uri: str, store: ObjectStore, *, owner: str, admins: Collection[str]
) -> tuple[JobRequest, JobSpec]:
    """Return the request, completed from the job in ``root_uri``, and the spec of that job.

    Args:
        request: with ``retry_failed_of``.
        root_uri: folder of the earlier job.
        store: where jobs are.
        owner: the user who retries; empty for a run without a user.
        admins: users who may retry the jobs of every user.

    Raises:
        RequestError: naming the field and the fix.
        StoreError: results that the merged output needs are lost.
    """
    job_id = request.retry_failed_of
    for name in _INHERITED:
        if getattr(request, name) != JobRequest.model_fields[name].default:
            raise RequestError(
                name, f"is taken from {job_id}, whose rows are retried", f"Leave it out, or leave out {FIELD}."
            )
    parent = _finished(root_uri, store)
    _require_owner(parent.spec, owner, admins)
    rate = _error_rate(request, parent)
    _require_staged(parent, store)
    lineage(root_uri, store)  # raises if results are lost
    inherited = {name: getattr(parent.spec.request, name) for name in _INHERITED}
    model = request.model or parent.spec.request.model or parent.spec.model_name
    return request.model_copy(update={**inherited, "model": model, "max_error_rate": rate}), parent.spec


def _finished(root_uri: str, store: ObjectStore) -> PublishedJob:
    try:
        return PublishedJob.read(root_uri, store)
    except ObjectMissing as error:
        if error.uri == JobLayout(root_uri).manifest:
            raise RequestError(
                FIELD,
                f"{root_uri} has no manifest.json: the job has not finished",
                "Clear its task `run` instead; it runs the missing shards.",
            ) from None
        raise RequestError(
            FIELD, f"there is no job in {root_uri}", "Take the job id from the log of the task accept."
        ) from None
    except ForeignManifest as error:
        raise RequestError(FIELD, str(error).rstrip("."), "Then retry that job.") from None


def _require_owner(earlier: JobSpec, owner: str, admins: Collection[str]) -> None:
    if owner == earlier.owner or owner in admins:
        return
    raise RequestError(
        FIELD,
        f"{earlier.job_id} belongs to {_named(earlier.owner)}, and this run to {_named(owner)}",
        "The same user may retry it, or a user whom `admins` in config.yaml names.",
    )


def _named(owner: str) -> str:
    return f"user {owner!r}" if owner else "the deployment (no user triggered it)"


def _error_rate(request: JobRequest, parent: PublishedJob) -> float:
    """Return the share of the retried rows that may fail again, so that not too many of all rows fail in the end.

    With 1000 rows, 10 of them unreadable, 30 to retry and a limit of 2 %, 10 of the 30 may fail again.
    """
    rows, invalid, again = parent.proof.rows, parent.proof.input.invalid_rows, parent.rows_to_retry
    if not again:
        if not invalid:
            raise RequestError(FIELD, f"all {rows.input} rows of {parent.spec.job_id} succeeded", "Use its output.")
        raise RequestError(
            FIELD,
            f"the {invalid} rows of {parent.spec.job_id} that did not succeed could not even be read",
            "Repair them in the input and start a new job on it.",
        )
    allowed = int(request.max_error_rate * rows.input) - invalid
    if allowed < 0:
        raise RequestError(
            "max_error_rate",
            f"{invalid} of {rows.input} rows cannot be read and stay failed ({invalid / rows.input:.2%}), "
            f"which alone is more than {request.max_error_rate:.2%}",
            "Raise it, or repair the input and start a new job on it.",
        )
    return min(1.0, (allowed + 0.5) / again)


def _require_staged(parent: PublishedJob, store: ObjectStore) -> None:
    spec = parent.spec
    there = {info.uri for info in store.list(spec.layout.staged)}
    if any(spec.layout.staged_shard(shard.shard_id) not in there for shard in parent.proof.shards):
        raise RequestError(
            FIELD,
            f"the staged rows of {spec.job_id} have expired: {spec.layout.staged} is not complete any more",
            f"Start a new job on {spec.request.source_uri}.",
        )
