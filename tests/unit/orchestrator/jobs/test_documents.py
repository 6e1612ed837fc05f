"""Documents of a job folder."""

from __future__ import annotations

import pytest

from fakes.finished_jobs import spec_of
from fakes.job_inputs import put_inputs
from llmbatch.core.errors import ObjectMissing, SpecError, StoreError
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.jobs.documents import read_inputs, read_spec


def test_the_spec_is_read_from_its_own_folder() -> None:
    store = MemoryStore()
    for spec in (spec_of(1), spec_of(2)):
        store.put(spec.layout.spec, spec.model_dump_json().encode())
    assert read_spec(spec_of(2).root_uri, store) == spec_of(2)
    with pytest.raises(ObjectMissing, match=spec_of(3).job_id):
        read_spec(spec_of(3).root_uri, store)


def test_the_spec_of_another_folder_is_refused() -> None:
    store = MemoryStore()
    store.put(spec_of(1).layout.spec, spec_of(2).model_dump_json().encode())
    with pytest.raises(SpecError, match=f"is the spec of '{spec_of(2).job_id}'"):
        read_spec(spec_of(1).root_uri, store)


def test_the_inputs_are_those_that_the_spec_names() -> None:
    store = MemoryStore()
    infos = [store.put(f"s3://b/in/{n}", b"x" * n) for n in (1, 2)]
    summary = put_inputs(store, spec_of().root_uri, infos)
    spec = spec_of().model_copy(update={"inputs": summary})
    assert (summary.objects, summary.bytes) == (2, 3)
    assert [(obj.uri, obj.etag, obj.size) for obj in read_inputs(spec, store)] == [
        (info.uri, info.etag, info.size) for info in infos
    ]


@pytest.mark.parametrize("body", [None, b'{"schema_version":1,"objects":[]}', b"broken"])
def test_another_list_than_the_accepted_one_is_refused(body: bytes | None) -> None:
    store = MemoryStore()
    summary = put_inputs(store, spec_of().root_uri, [store.put("s3://b/in/1", b"x")])
    spec = spec_of().model_copy(update={"inputs": summary})
    uri = spec.layout.inputs(summary.sha256)
    if body is None:
        store.delete(uri)
    else:
        store.put(uri, body)
    with pytest.raises(StoreError, match=rf"{uri}.*{spec.job_id}.*start a new job"):
        read_inputs(spec, store)
