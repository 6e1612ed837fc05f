"""The list of a job's input objects."""

from __future__ import annotations

from llmbatch.core.input_list import InputList
from llmbatch.core.job_spec import InputObject

ONE = InputObject(uri="s3://b/1", etag="e1", size=10)
TWO = InputObject(uri="s3://b/2", etag="e2", size=20)


def test_equal_lists_are_equal_bytes_and_can_be_read_back() -> None:
    listed = InputList.of([ONE, TWO])
    assert listed.encode() == InputList.of((ONE, TWO)).encode()
    assert InputList.model_validate_json(listed.encode()) == listed


def test_the_summary_counts_and_tells_every_difference() -> None:
    summary = InputList.of([ONE, TWO]).summary()
    assert (summary.objects, summary.bytes) == (2, 30)
    others = [[TWO, ONE], [ONE], [ONE, TWO.model_copy(update={"etag": "e3"})], []]
    assert len({summary.sha256, *(InputList.of(objects).summary().sha256 for objects in others)}) == 5
