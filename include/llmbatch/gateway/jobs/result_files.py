"""The files that a finished job has delivered, and their bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from llmbatch.core.errors import ObjectMissing
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.manifest import JobManifest, OutputRecord
from llmbatch.core.shown import shown
from llmbatch.core.store import ObjectInfo, ObjectStore
from llmbatch.gateway.wire.failures import Failure

CHUNK_BYTES = 4 * 2**20
"""Bytes that are read from the store at once; a slow client holds no connection to it."""

TYPES = {"jsonl": "application/x-ndjson", "parquet": "application/vnd.apache.parquet"}
_OTHER_TYPE = "application/octet-stream"
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


class ResultFile(BaseModel):
    """One delivered file. ``kind`` is ``results`` or ``errors``; ``bytes`` is null if the file was removed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    kind: str
    uri: str
    rows: int
    bytes: int | None
    url: str


class ResultFiles(BaseModel):
    """All delivered files; ``url`` is a path of this API, or with ``presigned=true`` an address that expires."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    files: tuple[ResultFile, ...]


@dataclass(frozen=True)
class Span:
    """Bytes ``start`` to ``end`` of a file, without ``end``."""

    start: int
    end: int

    @property
    def size(self) -> int:
        """Number of bytes."""
        return self.end - self.start


def name_of(output: OutputRecord) -> str:
    """Return the name of a delivered file."""
    return output.uri.rpartition("/")[2]


def type_of(name: str) -> str:
    """Return the media type of a delivered file."""
    return TYPES.get(name.rpartition(".")[2], _OTHER_TYPE)


def output_named(name: str, proof: JobManifest) -> OutputRecord:
    """Return the record of a delivered file. Raises ``Failure`` 404 for every other name."""
    found = next((output for output in proof.outputs if name_of(output) == name), None)
    if found is None:
        raise Failure(
            404,
            f"{proof.job_id} has delivered no file {shown(name, 100)}. GET jobs/{proof.job_id}/results lists its "
            "files.",
            code="file_not_found",
            job_id=proof.job_id,
        )
    return found


def error_outputs(spec: JobSpec, proof: JobManifest) -> tuple[OutputRecord, ...]:
    """Return the files with the rows that did not succeed, in order."""
    # here, because it imports pyarrow, which only requests for errors and lists need
    from llmbatch.orchestrator.publishing.files import NAMES
    from llmbatch.orchestrator.publishing.parts import is_part

    _, errors = NAMES[spec.output_format]
    return tuple(output for output in proof.outputs if is_part(name_of(output), errors))


def files_of(spec: JobSpec, proof: JobManifest, store: ObjectStore) -> tuple[ResultFile, ...]:
    """Return the delivered files without addresses; costs one listing of the output folder. Blocks."""
    sizes = {info.uri: info.size for info in store.list(f"{spec.output_uri.rstrip('/')}/")}
    errors = error_outputs(spec, proof)
    return tuple(
        ResultFile(
            name=name_of(output),
            kind="errors" if output in errors else "results",
            uri=output.uri,
            rows=output.rows,
            bytes=sizes.get(output.uri),
            url="",
        )
        for output in proof.outputs
    )


def stored_file(output: OutputRecord, job_id: str, store: ObjectStore) -> ObjectInfo:
    """Return size and ETag of a delivered file. Blocks.

    Raises:
        Failure: 409 if it was removed or replaced since.
    """
    try:
        info = store.head(output.uri)
    except ObjectMissing:
        info = None
    if info is None or info.etag != output.etag:
        what = "removed" if info is None else "replaced by another object"
        raise Failure(
            409,
            f"{job_id}: {shown(output.uri)} was {what} after the delivery. Restore it from a backup, or start the job "
            "again.",
            type="conflict_error",
            code="file_changed",
            job_id=job_id,
        )
    return info


def span_of(header: str | None, size: int) -> Span | None:
    """Return what a header ``Range`` requests of a file; None for the whole file, as also for several ranges.

    Raises:
        Failure: 416 for a range beyond the end.
    """
    found = _RANGE.fullmatch((header or "").strip())
    if found is None or not (found[1] or found[2]):
        return None
    start = int(found[1]) if found[1] else max(0, size - int(found[2]))
    end = min(size, int(found[2]) + 1) if found[1] and found[2] else size
    if found[1] and found[2] and int(found[2]) < start:
        return None
    if start >= size or end <= start:
        raise Failure(
            416,
            f"Range: {shown(header, 100)} is beyond the {size} bytes of the file.",
            code="range_not_satisfiable",
            headers={"Content-Range": f"bytes */{size}"},
        )
    return Span(start, end)


def chunks(info: ObjectInfo, span: Span, store: ObjectStore) -> Iterator[bytes]:
    """Yield the bytes of a part of one version of a file."""
    for start in range(span.start, span.end, CHUNK_BYTES):
        yield store.read_range(info.uri, info.etag, start, min(CHUNK_BYTES, span.end - start))
