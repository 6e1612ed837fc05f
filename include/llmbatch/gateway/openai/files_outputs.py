"""Output and error files of batches: nothing is stored for them, they are the files that a finished job delivered."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict

from llmbatch.core.errors import ForeignManifest, ObjectExists, ObjectMissing, SpecError
from llmbatch.core.gateway_layout import batches_uri, files_uri
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import JobManifest, read_manifest
from llmbatch.core.request_options import OutputFormat
from llmbatch.core.store import ObjectInfo, ObjectStore
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.openai.batch_records import output_seconds
from llmbatch.gateway.openai.files import unknown_file
from llmbatch.gateway.openai.files_wire import FileObject
from llmbatch.orchestrator.jobs.documents import read_spec
from llmbatch.orchestrator.publishing.files import NAMES
from llmbatch.orchestrator.publishing.parts import is_part

_BATCH = re.compile(r"batch_([0-9a-f]{16})\.json", re.ASCII)
_ID = re.compile(r"file-(?:out|err)-([0-9a-f]{16})", re.ASCII)


@dataclass(frozen=True)
class OutputFile:
    """One of the two files of a finished batch.

    Attributes:
        shown: as the API shows it.
        owner: the user whose batch it is.
        objects: the delivered objects whose bytes, one after the other, are the content.
    """

    shown: FileObject
    owner: str
    objects: tuple[ObjectInfo, ...]


class Deleted(BaseModel):
    """The mark of a deleted output file. What the job delivered, and its proof, stay."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1
    id: str
    deleted_at: AwareDatetime


def is_output_id(text: str) -> bool:
    """Whether a text has the form of the id of an output or error file."""
    return _ID.fullmatch(text) is not None


def output_ids(job_id: str) -> tuple[str, str]:
    """Return the ids of the output file and of the error file of a job, whether or not there are such files."""
    number = job_id.removeprefix("job-")
    return f"file-out-{number}", f"file-err-{number}"


def owned_batch_jobs(store: ObjectStore, base: str, owner: str) -> Iterator[str]:
    """Yield the ids of the jobs behind the batches that a user made. Raises ``StoreError``."""
    folder = batches_uri(base, owner)
    for info in store.list(folder):
        found = _BATCH.fullmatch(info.uri.removeprefix(folder))
        if found is not None:
            yield f"job-{found[1]}"


def output_files(store: ObjectStore, base: str, job_id: str, now: datetime) -> tuple[OutputFile, ...]:
    """Return the files of a job with rows in them: none before it has finished, nor after they expired.

    Raises:
        StoreError: the store failed.
    """
    layout = JobLayout.of(base, job_id)
    try:
        spec = read_spec(layout.root, store, is_strict=False)
        if spec.output_format is not OutputFormat.OPENAI_BATCH:
            return ()
        manifest = read_manifest(layout, store)
        found = [_objects(manifest, whole, store) for whole in NAMES[spec.output_format]]
    except (ObjectMissing, SpecError, ForeignManifest):
        return ()
    seconds = output_seconds(store, base, spec.owner, job_id)
    made_at = int(manifest.sla.finished_at.timestamp())
    if seconds is not None and made_at + seconds <= now.timestamp():
        return ()
    return tuple(
        OutputFile(
            FileObject(
                id=file_id,
                bytes=sum(info.size for info in objects),
                created_at=made_at,
                expires_at=None if seconds is None else made_at + seconds,
                filename=f"batch_{kind}_batch_{job_id.removeprefix('job-')}.jsonl",
                purpose="batch_output",
            ),
            spec.owner,
            objects,
        )
        for file_id, kind, objects in zip(output_ids(job_id), ("output", "error"), found, strict=True)
        if objects
    )


def readable_output(store: ObjectStore, base: str, caller: Caller, file_id: str, now: datetime) -> OutputFile:
    """Return an output or error file.

    Args:
        store: where the jobs are.
        base: ``store.base_uri`` of config.yaml.
        caller: the user; owners and administrators may read answers.
        file_id: id as a client sent it.
        now: the time.

    Raises:
        Failure: 404 for a file that is unknown, deleted, expired, another user's, or of a job that has not finished.
        StoreError: the store failed.
    """
    job = _ID.fullmatch(file_id)
    for file in output_files(store, base, f"job-{job[1]}", now) if job else ():
        if file.shown.id == file_id and caller.may_read_answers(file.owner):
            if file_id in deleted_outputs(store, base, file.owner, file_id):
                break
            return file
    raise unknown_file(file_id)


def deleted_outputs(store: ObjectStore, base: str, owner: str, begin: str = "file-") -> frozenset[str]:
    """Return the ids of a user's deleted output files that begin so. Raises ``StoreError``."""
    folder = _deleted_uri(base, owner)
    return frozenset(info.uri.removeprefix(folder).removesuffix(".json") for info in store.list(f"{folder}{begin}"))


def delete_output(store: ObjectStore, base: str, file: OutputFile, now: datetime) -> None:
    """Mark a file as deleted. Raises ``StoreError``."""
    mark = Deleted(id=file.shown.id, deleted_at=now)
    with contextlib.suppress(ObjectExists):
        store.create(f"{_deleted_uri(base, file.owner)}{mark.id}.json", mark.model_dump_json().encode())


def _objects(manifest: JobManifest, whole: str, store: ObjectStore) -> tuple[ObjectInfo, ...]:
    """Return the objects of a delivered file that have rows, in the order of their rows."""
    records = [record for record in manifest.outputs if record.rows and is_part(record.uri.rpartition("/")[2], whole)]
    return tuple(store.head(record.uri) for record in records)


def _deleted_uri(base: str, owner: str) -> str:
    return f"{files_uri(base, owner)}deleted/"
