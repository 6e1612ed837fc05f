"""The bytes of one input object in order, in the version that was accepted, over connections that may break."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from llmbatch.core.errors import InputChanged, ObjectMissing
from llmbatch.core.job_spec import InputObject
from llmbatch.core.shown import shown
from llmbatch.core.store import ObjectStore

_log = logging.getLogger(__name__)

CHUNK_BYTES = 256 * 1024
_RANGE_BYTES = 4 * 2**20


def object_chunks(store: ObjectStore, obj: InputObject) -> Iterator[bytes]:
    """Yield the object's bytes in chunks of at most 4 MiB; after a broken connection continue with ranged reads.

    Raises:
        InputChanged: the object was replaced or deleted after the job was accepted.
        StoreError: the ranged reads fail too.
    """
    position = 0
    try:
        stream = store.open_stream(obj.uri, obj.etag)
    except ObjectMissing as error:
        raise InputChanged(obj.uri, obj.etag) from error
    try:
        while position < obj.size:
            try:
                chunk = stream.read(CHUNK_BYTES)
            except Exception as error:  # any client's broken connection; the ranged read raises what is lasting
                _log.warning(
                    "event=input_stream_broke uri=%s position=%d error=%s",
                    shown(obj.uri),
                    position,
                    type(error).__name__,
                )
                break
            if not chunk:
                break
            position += len(chunk)
            yield chunk
    finally:
        stream.close()
    while position < obj.size:
        chunk = read_span(store, obj, position, _RANGE_BYTES)
        position += len(chunk)
        yield chunk


def read_span(store: ObjectStore, obj: InputObject, start: int, length: int) -> bytes:
    """Read at least one byte from ``start`` within the object.

    Raises:
        InputChanged: the object was replaced or deleted, or is shorter than it was.
    """
    try:
        body = store.read_range(obj.uri, obj.etag, start, min(length, obj.size - start))
    except ObjectMissing as error:
        raise InputChanged(obj.uri, obj.etag) from error
    if not body:
        raise InputChanged(obj.uri, obj.etag)
    return body
