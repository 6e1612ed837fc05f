"""Every error that llmbatch raises on purpose.

The tree::

    LlmbatchError
    ├── RequestError      a user's request is wrong; names field, value and fix
    ├── ConfigError       config.yaml is wrong; names file, line and the nearest key
    ├── StoreError        the object store refused or failed
    │   ├── ObjectExists  a create-only write found an object
    │   ├── ObjectChanged the object is no longer the version that was read
    │   ├── ObjectMissing the object does not exist
    │   └── StoreDenied   the credentials do not allow the call
    ├── SpecError         a spec.json is damaged, or does not belong to the folder that it is in
    │   └── OtherVersion  another version of llmbatch wrote it, and this one cannot run it (exit code 23)
    ├── ForeignManifest   the proof in a job's folder is not that job's
    ├── BatchInvalid      a batch of OpenAI's API has lines that are no requests of it; no row runs
    ├── InputChanged      an input object is no longer the one that was accepted
    ├── StagedConflict    a shard of an earlier attempt to stage holds other rows
    ├── ModelError        the model is unknown or broken (exit code 22)
    ├── RowError          one row failed; never leaves the row
    ├── ErrorRateExceeded too many rows failed (exit code 12)
    ├── RayJobError       the Ray job or its API failed
    ├── OtherRay          the cluster runs another version of Ray than the one that this release needs
    ├── SinkError         a receiver did not accept an alert
    │   └── SinkRejected  and refused it permanently
    ├── DiskFull          the local disk has no room for the results
    ├── Superseded        a later generation has claimed the job; this one must stop (exit code 13)
    └── ReconcileError    rows are missing or duplicated; the job has not succeeded

Every text of an error is printable (see ``core.shown``), for it may quote keys, names and answers of servers.
``retryable`` states whether a later repetition of the same call can succeed without any other change.
"""

from __future__ import annotations

import copyreg
from typing import ClassVar

from llmbatch.core.shown import shown, shown_lines
from llmbatch.core.states import ErrorClass


class LlmbatchError(Exception):
    """Base of all errors of llmbatch."""

    retryable: ClassVar[bool] = False

    def __str__(self) -> str:
        return shown(super().__str__())

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle text and data: a subclass is not built of its text, as Python would build it."""
        return copyreg.__newobj__, (type(self), *self.args), vars(self)  # type: ignore[attr-defined]


class RequestError(LlmbatchError):
    """A job request that cannot be accepted, because of one named field."""

    def __init__(self, field: str, problem: str, fix: str) -> None:
        self.field, self.problem, self.fix = field, problem, fix
        super().__init__(f"{field}: {problem}. {fix}")


class ConfigError(LlmbatchError):
    """A configuration file that cannot be used. The text may have several lines."""

    def __str__(self) -> str:
        return shown_lines(Exception.__str__(self))


class StoreError(LlmbatchError):
    """The object store could not be reached or refused a call."""

    retryable = True


class ObjectExists(StoreError):
    """A create-only write found an object under its key (HTTP 412)."""

    retryable = False

    def __init__(self, uri: str) -> None:
        self.uri = uri
        super().__init__(f"{uri} exists already; create-only writes never replace")


class ObjectChanged(StoreError):
    """A write or copy was for one version of an object, and there is another one now (HTTP 412)."""

    def __init__(self, uri: str, expected_etag: str) -> None:
        self.uri, self.expected_etag = uri, expected_etag
        super().__init__(f"{uri} is no longer the object with ETag {expected_etag} that was read; read it again")


class ObjectMissing(StoreError):
    """There is no such object or bucket (HTTP 404)."""

    retryable = False

    def __init__(self, uri: str) -> None:
        self.uri = uri
        super().__init__(f"{uri} does not exist")


class SpecError(LlmbatchError):
    """The ``spec.json`` of a job folder is not the one that accept wrote there."""

    def __init__(self, uri: str, problem: str, fix: str = "Restore it from a backup, or start a new job.") -> None:
        self.uri, self.problem = uri, problem
        super().__init__(f"{uri}: {problem}. {fix}")


class OtherVersion(SpecError):
    """A ``spec.json`` asks for what this version of llmbatch does not know, and another version wrote it (ADR 21)."""

    def __init__(self, uri: str, problem: str, writer: str, reader: str) -> None:
        self.writer, self.reader = writer, reader
        super().__init__(
            uri,
            f"llmbatch {writer} accepted the job, and llmbatch {reader} reads it here: {problem}",
            "Bring llmbatch to the same version in Airflow and on Ray, then clear the failed task.",
        )


class StoreDenied(StoreError):
    """The credentials do not allow this call (HTTP 403); stores that start answer so too, so a retry can help."""


class ForeignManifest(LlmbatchError):
    """The manifest in a job's folder is not this job's proof. The job does not count as finished."""

    def __init__(self, uri: str, job_id: str, why: str, fix: str = "") -> None:
        self.uri, self.job_id = uri, job_id
        fix = fix or "Another program wrote it. Remove it and clear the failed task; committed shards are kept."
        super().__init__(f"{uri} is not the proof of {job_id}: {why}. {fix}")


class BatchInvalid(LlmbatchError):
    """The input of a batch of OpenAI's API is not valid."""

    def __init__(self, job_id: str, count: int, first: str, uri: str) -> None:
        self.count, self.uri = count, uri
        many = "1 problem" if count == 1 else f"{count} problems, the first one"
        super().__init__(
            f"{job_id}: the input is not a valid batch, and no row runs: {many} {first}. "
            f"{uri} lists them; correct the lines and start a new batch."
        )


class InputChanged(LlmbatchError):
    """An input object was replaced after the job was accepted."""

    def __init__(self, uri: str, expected_etag: str) -> None:
        self.uri, self.expected_etag = uri, expected_etag
        super().__init__(
            f"{uri} is no longer the object with ETag {expected_etag} that was accepted. "
            "Put the old object back and clear the task, or start a new job on the new object."
        )


class StagedConflict(LlmbatchError):
    """A staged shard is there already and holds other rows than this try would write."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        super().__init__(
            f"{uri} was staged before with other rows though the input is the same: llmbatch or the spec changed in "
            "between. Start a new job; this one keeps what it has."
        )


class ModelError(LlmbatchError):
    """The model cannot be found or cannot be loaded."""


class RowError(LlmbatchError):
    """One row cannot be answered. It becomes a failed row with this class and message."""

    def __init__(self, error_class: ErrorClass, message: str) -> None:
        self.error_class, self.message = error_class, message
        super().__init__(f"{error_class.value}: {message}")


class ErrorRateExceeded(LlmbatchError):
    """More rows failed than the request allows."""

    def __init__(self, failed: int, seen: int, limit: float, example: str) -> None:
        self.failed, self.seen, self.limit = failed, seen, limit
        super().__init__(
            f"{failed} of {seen} rows failed ({failed / max(seen, 1):.1%}), more than max_error_rate {limit:.1%}. "
            f"For example: {example}. Repair the input or raise max_error_rate."
        )


class RayJobError(LlmbatchError):
    """The Ray Job Submission API failed, or a Ray job ended without success. The text may have several lines."""

    retryable = True

    def __str__(self) -> str:
        return shown_lines(Exception.__str__(self))


class OtherRay(LlmbatchError):
    """The cluster runs another version of Ray than the one that this version of llmbatch needs."""


class SinkError(LlmbatchError):
    """A receiver of alerts did not take one. The message holds no secret."""

    retryable = True


class SinkRejected(SinkError):
    """A receiver of alerts permanently refused this one."""

    retryable = False


class DiskFull(LlmbatchError):
    """A local folder has no room for a job's results. Nothing was delivered. Sizes are in bytes."""

    retryable = True

    def __init__(self, job_id: str, folder: str, needed: int, free: int) -> None:
        self.folder, self.needed, self.free = folder, needed, free
        super().__init__(
            f"{job_id}: the results need more than {needed} bytes in {folder}, where {free} bytes are free. Free space "
            "there, or set TMPDIR of the Airflow worker to a larger disk, then clear the task `publish`."
        )


class Superseded(LlmbatchError):
    """A later generation of the job has taken over."""

    def __init__(self, job_id: str, generation: int, by: int) -> None:
        super().__init__(f"{job_id}: generation {by} has taken over from generation {generation}, which stops here.")


class ReconcileError(LlmbatchError):
    """The results do not hold every input row exactly once."""

    retryable = True

    def __init__(self, job_id: str, missing: int, duplicates: int, example: str) -> None:
        self.missing, self.duplicates = missing, duplicates
        super().__init__(
            f"{job_id}: {missing} rows missing and {duplicates} doubled, first seen in {example}. "
            "Clear the task `run` to process what is missing; committed shards are not redone."
        )
