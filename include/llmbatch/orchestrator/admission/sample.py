"""Estimate the size of an input from a few pieces of it, before anything is staged.

Reads at most eight pieces, spread evenly over the bytes, and the footers of up to 64 Parquet objects. Pieces of JSON
lines begin anywhere; CSV and compressed objects can only be read from their start. All of it is one ``Look``, and what
was read when it ends is the sample.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from statistics import NormalDist, fmean, stdev

from llmbatch.core.errors import InputChanged, RequestError
from llmbatch.core.input_size import InputSize, LengthTally
from llmbatch.core.job_spec import InputObject, JobSpec
from llmbatch.core.request_options import InputFormat
from llmbatch.core.rows import StagedRow
from llmbatch.core.store import MemoryStore, ObjectStore
from llmbatch.orchestrator.inputs.prompt import RequestBuilder
from llmbatch.orchestrator.inputs.readers.catalogue import READERS
from llmbatch.orchestrator.inputs.readers.compression import GZIP_MAGIC, ZSTD_MAGIC
from llmbatch.orchestrator.inputs.readers.look import Look
from llmbatch.orchestrator.inputs.readers.object_stream import read_span
from llmbatch.orchestrator.inputs.readers.parquet import open_parquet
from llmbatch.orchestrator.inputs.readers.range_file import RangeFile
from llmbatch.orchestrator.inputs.readers.source import Source
from llmbatch.orchestrator.jobs.lineage import lineage
from llmbatch.orchestrator.staging.retry import rows_to_retry

PIECES = 8
PIECE_BYTES = 128 * 1024
LARGE_PIECE_BYTES = 4 * 2**20
"""Read where a piece holds no whole row."""
PIECE_ROWS = 50_000
FOOTERS = 64
PARQUET_ROWS = 256
RETRY_ROWS = 2048

_ONE_PIECE_DOUBT = 0.5
"""Standard error of a count from one piece: how the rest differs is unknown."""
_Z = NormalDist().inv_cdf(0.9)
_LINES = frozenset({InputFormat.JSONL, InputFormat.OPENAI_BATCH})
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Piece:
    """Readable rows that some bytes of the input hold; ``whole``: all bytes of its object."""

    rows: int
    bytes: int
    whole: bool


def estimate_size(spec: JobSpec, objects: tuple[InputObject, ...], store: ObjectStore) -> InputSize | None:
    """Return how large the job is, None if what was read holds no row that can be read.

    Raises:
        StoreError: the store failed, or the job that is retried has lost data.
    """
    try:
        if spec.retry_of is not None:
            return _retry_size(spec, spec.retry_of, store)
        size_of = _parquet_size if spec.input_format is InputFormat.PARQUET else _text_size
        size, most = size_of(spec, objects, store), spec.request.sample_rows
        return size if size is None or most is None else size.at_most(most)
    except (RequestError, InputChanged) as error:
        # Staging reads everything and reports the problem in full.
        _log.warning("event=size_estimate_failed job_id=%s reason=%s", spec.job_id, error)
        return None


def _retry_size(spec: JobSpec, root_uri: str, store: ObjectStore) -> InputSize | None:
    tally = LengthTally()
    _count(tally, islice(rows_to_retry(spec, root_uri, store), RETRY_ROWS))
    rows = lineage(root_uri, store)[-1].rows_to_retry
    return _scaled(tally, rows, 0.0, is_all=tally.rows >= rows)


def _parquet_size(spec: JobSpec, objects: tuple[InputObject, ...], store: ObjectStore) -> InputSize | None:
    builder, look = RequestBuilder.of(spec), Look()
    footers = _spread(objects, FOOTERS)
    densities, rows, seen = [], 0, 0
    for obj in footers:
        look.check_time(obj.uri)
        table = open_parquet(Source(store, obj, 0, builder), RangeFile(store, obj))
        count = int(table.metadata.num_rows)
        rows, seen = rows + count, seen + obj.size
        densities.append(count / obj.size)
    tally = LengthTally()
    for obj in _spread(objects, PIECES):
        look.check_time(obj.uri)
        rows_of = READERS[InputFormat.PARQUET](Source(store, obj, 0, builder))
        _count(tally, islice(rows_of, PARQUET_ROWS))
    if len(footers) == len(objects):
        return _scaled(tally, rows, 0.0, is_all=tally.rows >= rows)
    total = sum(obj.size for obj in objects)
    return _scaled(tally, round(rows * total / seen), _doubt(densities), is_all=False)


def _text_size(spec: JobSpec, objects: tuple[InputObject, ...], store: ObjectStore) -> InputSize | None:
    tally, look, fmt = LengthTally(), Look(), spec.input_format
    pieces: list[_Piece] = []
    for obj, offset in _places(objects, fmt, store):
        try:
            piece = _piece(spec, fmt, store, obj, offset, tally, look)
        except RequestError as error:
            if not pieces or not look.is_over:
                raise
            _log.warning("event=sample_cut job_id=%s pieces=%d reason=%s", spec.job_id, len(pieces), error)
            break
        if piece is not None:
            pieces.append(piece)
    size = sum(piece.bytes for piece in pieces)
    if not size:
        return None
    total = sum(obj.size for obj in objects)
    is_all = all(piece.whole for piece in pieces) and size == total
    rows = sum(piece.rows for piece in pieces) * total / size
    return _scaled(tally, round(rows), _doubt([piece.rows / piece.bytes for piece in pieces]), is_all=is_all)


def _places(
    objects: tuple[InputObject, ...], fmt: InputFormat, store: ObjectStore
) -> Iterator[tuple[InputObject, int]]:
    """Yield where pieces begin: evenly over all bytes; at an object's start if it cannot be entered in the middle."""
    if len(objects) <= PIECES and all(obj.size <= PIECE_BYTES for obj in objects):
        yield from ((obj, 0) for obj in objects)
        return
    total, start, done = sum(obj.size for obj in objects), 0, set()
    targets = [total * n // PIECES for n in range(PIECES)]
    for obj in objects:
        inside = [target - start for target in targets if start <= target < start + obj.size]
        start += obj.size
        if not inside:
            continue
        if obj.size <= PIECE_BYTES or fmt not in _LINES or _is_compressed(store, obj):
            inside = [0]
        for offset in inside:
            if (obj.uri, offset) not in done:
                done.add((obj.uri, offset))
                yield obj, offset


def _is_compressed(store: ObjectStore, obj: InputObject) -> bool:
    return read_span(store, obj, 0, len(ZSTD_MAGIC)).startswith((GZIP_MAGIC, ZSTD_MAGIC))


def _piece(
    spec: JobSpec, fmt: InputFormat, store: ObjectStore, obj: InputObject, offset: int, tally: LengthTally, look: Look
) -> _Piece | None:
    """Read one piece, a larger one if it holds no whole row; None if that has none either."""
    for length in (PIECE_BYTES, LARGE_PIECE_BYTES):
        body = read_span(store, obj, offset, length)
        whole = offset == 0 and len(body) == obj.size
        found = LengthTally()
        compressed = body.startswith((GZIP_MAGIC, ZSTD_MAGIC))
        if not whole and not compressed:
            body = body[body.find(b"\n") + 1 if offset else 0 : body.rfind(b"\n") + 1]
        rows = _read(spec, fmt, obj, body, found, look) if body else 0
        if rows or whole or offset + length >= obj.size:
            break
    tally.merge(found)
    return _Piece(found.rows, len(body), whole and not look.is_over) if rows else None


def _read(spec: JobSpec, fmt: InputFormat, obj: InputObject, body: bytes, tally: LengthTally, look: Look) -> int:
    """Count the rows of some bytes of an object with the reader that will stage them; return how many there are."""
    memory = MemoryStore()
    info = memory.put(obj.uri, body)
    piece = InputObject(uri=obj.uri, etag=info.etag, size=info.size)
    builder = RequestBuilder.of(spec)
    rows = 0
    try:
        for row in islice(READERS[fmt](Source(memory, piece, 0, builder, look)), PIECE_ROWS):
            rows += 1
            _count(tally, (row,))
    except RequestError:
        # A compressed piece ends before its stream does, or the look is over.
        if not rows:
            raise
    return rows


def _count(tally: LengthTally, rows: Iterable[StagedRow]) -> None:
    for row in rows:
        if row.error_class is None:
            tally.add(row.input_chars, row.answer_limit)


def _scaled(tally: LengthTally, rows: int, doubt: float, *, is_all: bool) -> InputSize | None:
    """Return the size of ``rows`` rows like those of the sample; ``doubt`` is that of ``rows``."""
    if not tally.rows:
        return None
    if is_all:
        return tally.counted()
    of_sample = tally.deviation / tally.mean / math.sqrt(tally.rows) if tally.mean else 0.0
    low, high = round(rows * math.exp(-_Z * doubt)), round(rows * math.exp(_Z * doubt))
    return tally.size(rows, low, high, math.hypot(doubt, of_sample))


def _doubt(densities: list[float]) -> float:
    """Return the standard error of the mean density, as a part of it."""
    if len(densities) < 2:
        return _ONE_PIECE_DOUBT
    return stdev(densities) / fmean(densities) / math.sqrt(len(densities)) if any(densities) else _ONE_PIECE_DOUBT


def _spread(objects: tuple[InputObject, ...], most: int) -> list[InputObject]:
    """Return at most ``most`` objects, evenly over the list. Of 0 to 9, four are 0, 2, 5 and 7."""
    count = min(most, len(objects))
    return [objects[len(objects) * n // count] for n in range(count)]
