"""The input objects of a job as sources, in order; small ones are read ahead, so that their latencies do not add up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmbatch.core.job_spec import InputObject
from llmbatch.core.read_ahead import in_order
from llmbatch.core.store import MemoryStore, ObjectStore
from llmbatch.orchestrator.inputs.prompt import RequestBuilder
from llmbatch.orchestrator.inputs.readers.object_stream import object_chunks
from llmbatch.orchestrator.inputs.readers.source import Source

SMALL_BYTES = 2**20
"""Largest object that is read whole; the others are streamed when it is their turn."""

IN_FLIGHT = 32
"""Objects ahead of the current one, so at most 32 MiB."""


def sources(objects: Sequence[InputObject], builder: RequestBuilder, store: ObjectStore) -> Iterator[Source]:
    """Yield the source of every object, in order.

    Raises:
        InputChanged: a small object, whose turn it is, was replaced or deleted after the job was accepted.
        StoreError: the store failed.
    """

    def source(numbered: tuple[int, InputObject]) -> Source:
        index, obj = numbered
        if obj.size > SMALL_BYTES:
            return Source(store, obj, index, builder)
        memory = MemoryStore()
        held = memory.put(obj.uri, b"".join(object_chunks(store, obj)))
        return Source(memory, obj.model_copy(update={"etag": held.etag}), index, builder)

    yield from in_order(source, enumerate(objects), in_flight=IN_FLIGHT, name="input")
