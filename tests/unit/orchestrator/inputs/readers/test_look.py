"""What is read before a job is accepted has limits of bytes, lines and time."""

from __future__ import annotations

import gzip
import time

import pytest

from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import RequestError
from llmbatch.core.job_request import JobRequest
from llmbatch.core.job_spec import InputObject
from llmbatch.core.request_options import InputFormat
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.inputs.formats import resolve_columns, resolve_format
from llmbatch.orchestrator.inputs.readers import look
from llmbatch.orchestrator.inputs.readers.lines import Line
from llmbatch.orchestrator.inputs.readers.look import Look

URI = "s3://b/a.jsonl"


def test_bytes_and_lines_of_all_objects_count_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look, "LOOK_LINES", 5)
    one = Look(ManualClock())
    assert len(list(one.lines(iter([Line(1, b"a")] * 3), URI))) == 3
    assert not one.is_over
    with pytest.raises(RequestError, match=r"the look at s3://b/a.jsonl ended after 5 lines.*Remove blank lines"):
        list(one.lines(iter([Line(1, b"a")] * 3), URI))
    assert one.is_over
    with pytest.raises(RequestError, match="ended after 64 MiB of it unpacked"):
        list(Look(ManualClock()).lines(iter([Line(1, b"a" * 2**26)]), URI))


def test_time_counts_too() -> None:
    clock = ManualClock()
    one = Look(clock)
    clock.advance(look.LOOK_SECONDS)
    one.check_time(URI)
    clock.advance(0.1)
    with pytest.raises(RequestError, match="ended after 30 seconds"):
        one.check_time(URI)
    with pytest.raises(RequestError, match="ended after 30 seconds"):
        list(one.lines(iter([Line(1, b"")]), URI))


@pytest.mark.parametrize("fmt", [InputFormat.AUTO, InputFormat.JSONL, InputFormat.CSV])
def test_a_megabyte_of_packed_line_feeds_is_refused_at_once(fmt: InputFormat) -> None:
    """It unpacks to a gigabyte; half an hour of processor time before."""
    store = MemoryStore()
    info = store.put(URI, gzip.compress(b"\n" * 2**24) * 64)
    objects = (InputObject(uri=info.uri, etag=info.etag, size=info.size),)
    request = JobRequest(input_uri=URI, input_format=fmt)
    started = time.process_time()
    with pytest.raises(RequestError, match="ended after 500000 lines"):
        resolve_columns(request, resolve_format(request, objects, store), objects, store)
    assert time.process_time() - started < 10
