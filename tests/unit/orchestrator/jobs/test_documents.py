"""Documents of a job folder."""

from __future__ import annotations

import pytest

from fakes.finished_jobs import spec_of
from llmbatch.core.errors import ObjectMissing, SpecError
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.jobs.documents import read_spec


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
