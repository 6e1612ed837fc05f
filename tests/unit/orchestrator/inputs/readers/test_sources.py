"""Input objects are read ahead, several at a time, and come in order."""

from __future__ import annotations

import pytest

from fakes.input_rows import input_job
from fakes.meeting_store import MeetingStore
from llmbatch.core.errors import InputChanged
from llmbatch.core.request_options import InputFormat
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.inputs.prompt import RequestBuilder
from llmbatch.orchestrator.inputs.readers.sources import IN_FLIGHT, SMALL_BYTES, sources
from llmbatch.orchestrator.jobs.documents import read_inputs
from llmbatch.orchestrator.staging.rows import staged_rows


class CountingStore(MemoryStore):
    """Counts the objects that were opened."""

    opened = 0

    def open_stream(self, uri, etag):
        self.opened += 1
        return super().open_stream(uri, etag)


def prompts(count: int) -> dict[str, bytes]:
    return {f"{n:04}.jsonl": b'{"prompt": "q%d"}\n' % n for n in range(count)}


@pytest.mark.parametrize("fmt", [InputFormat.JSONL, InputFormat.CSV])
def test_small_objects_are_read_several_at_a_time_and_their_rows_come_in_order(fmt: InputFormat) -> None:
    store = MemoryStore()
    bodies = prompts(50) if fmt is InputFormat.JSONL else {f"{n:04}.csv": b"prompt\nq%d\n" % n for n in range(50)}
    spec = input_job(store, bodies, fmt)
    objects = read_inputs(spec, store)
    meeting = MeetingStore("/in/", 4)
    meeting.objects.update(store.objects)
    rows = list(staged_rows(spec, objects, meeting, RequestBuilder.of(spec)))
    assert [int(row.row_id.partition("-")[0]) for row in rows] == list(range(50))
    assert [f'"q{n}"' in row.request for n, row in enumerate(rows)] == [True] * 50


def test_no_more_than_the_window_is_read_ahead_and_large_objects_are_left_to_their_turn() -> None:
    store = CountingStore()
    big = b'{"prompt": "' + b"x" * SMALL_BYTES + b'"}\n'
    spec = input_job(
        store, {"0000.jsonl": big, **{f"1{name}": body for name, body in prompts(100).items()}}, InputFormat.JSONL
    )
    objects = read_inputs(spec, store)
    found = sources(objects, RequestBuilder.of(spec), store)
    first = next(found)
    assert (first.store, first.obj) == (store, objects[0])
    assert store.opened <= IN_FLIGHT - 1
    assert [source.index for source in found] == list(range(1, 101))
    assert store.opened == 100


def test_a_changed_object_is_reported_when_it_is_its_turn() -> None:
    store = MemoryStore()
    spec = input_job(store, prompts(10), InputFormat.JSONL)
    objects = read_inputs(spec, store)
    store.put(objects[7].uri, b"other")
    rows = staged_rows(spec, objects, store, RequestBuilder.of(spec))
    assert [next(rows).line for _ in range(7)] == [1] * 7
    with pytest.raises(InputChanged, match=objects[7].uri):
        next(rows)
