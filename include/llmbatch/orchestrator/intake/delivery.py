"""A request to deliver a finished job to another address: whose job it is, and whether the address is allowed."""

from __future__ import annotations

import re

from llmbatch.core.addresses import checked_address
from llmbatch.core.config import Config
from llmbatch.core.errors import ObjectMissing, RequestError
from llmbatch.core.identity import JOB_ID_PATTERN
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import is_published
from llmbatch.core.shown import shown
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.intake.addresses import check_output
from llmbatch.orchestrator.jobs.documents import read_spec
from llmbatch.orchestrator.publishing.redeliver import delivered_to

_SHOWN_CHARS = 500


def delivery(job_id: str, output_uri: str, *, owner: str, config: Config, store: ObjectStore) -> JobSpec:
    """Return the job with its new address. Nothing is written.

    Args:
        job_id: a finished job.
        output_uri: the job is delivered to ``<output_uri>/<job_id>/``.
        owner: the user who asks; empty for a run without a user.
        config: settings of this deployment.
        store: where the jobs are.

    Raises:
        RequestError: naming the field and the fix.
        SpecError: the spec of the job is damaged.
        StoreError: the store failed.
    """
    spec = _finished(job_id, config.store.base_uri, store)
    if owner != spec.owner and owner not in config.admins:
        raise RequestError(
            "job_id",
            f"{job_id} belongs to another user",
            "Its owner may deliver it, or a user whom `admins` in config.yaml names.",
        )
    try:
        address = checked_address(output_uri)
    except ValueError as error:
        raise RequestError("output_uri", shown(error, _SHOWN_CHARS), "Write s3://bucket/folder.") from None
    moved = delivered_to(spec, address)
    check_output(moved, config.store.base_uri, config.store.allowed_outputs, config.drop)
    return moved


def _finished(job_id: str, base_uri: str, store: ObjectStore) -> JobSpec:
    if re.fullmatch(JOB_ID_PATTERN, job_id, re.ASCII) is None:
        raise RequestError("job_id", f"{shown(job_id, _SHOWN_CHARS)} is no job id", "Copy it from the list of jobs.")
    layout = JobLayout.of(base_uri, job_id)
    try:
        spec = read_spec(layout.root, store)
    except ObjectMissing:
        raise RequestError("job_id", f"there is no job {job_id}", "Copy the id from the list of jobs.") from None
    if not is_published(layout, store):
        raise RequestError("job_id", f"{job_id} has no manifest.json: it has not finished", "Wait for its end.")
    return spec
