"""Input objects and delivered files of a job, the first of each."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from urllib.parse import quote

from llmbatch.core.job_spec import InputObject, JobSpec
from llmbatch.core.manifest import JobManifest
from llmbatch.core.store import ObjectStore
from llmbatch.gateway.jobs.result_files import ResultFile, files_of

MOST_SHOWN = 20
"""Objects of each list that are shown."""
COMMAND = "python -m llmbatch.cli.deliver {} s3://bucket/answers"
"""Delivers a finished job to another address, wherever the key of the store may write."""


@dataclass(frozen=True)
class JobFiles:
    """What a job has read and delivered. ``outputs`` is None for a caller who may not read the answers."""

    inputs: tuple[InputObject, ...]
    outputs: tuple[ResultFile, ...] | None
    more_outputs: int = 0
    command: str = ""


def job_files(
    spec: JobSpec,
    proof: JobManifest | None,
    inputs: tuple[InputObject, ...],
    store: ObjectStore,
    root: str,
    *,
    may_read: bool,
) -> JobFiles:
    """Return the files of a job. Blocks: the sizes of delivered files cost one listing.

    Args:
        spec: the accepted job.
        proof: its manifest; None before it has delivered.
        inputs: its input objects.
        store: where the files are.
        root: path under which the gateway is served.
        may_read: whether the caller may read the answers.

    Raises:
        StoreError: the store failed.
    """
    if proof is None or not may_read:
        return JobFiles(inputs[:MOST_SHOWN], () if may_read else None)
    shown = proof.model_copy(update={"outputs": proof.outputs[:MOST_SHOWN]})
    outputs = tuple(
        file.model_copy(update={"url": f"{root}/jobs/{spec.job_id}/results/{quote(file.name, safe='')}"})
        for file in files_of(spec, shown, store)
    )
    more = len(proof.outputs) - len(outputs)
    return JobFiles(inputs[:MOST_SHOWN], outputs, more, COMMAND.format(shlex.quote(spec.root_uri)))
