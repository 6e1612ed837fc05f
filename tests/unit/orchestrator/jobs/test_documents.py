"""Documents of a job folder."""

from __future__ import annotations

import pytest

from fakes.finished_jobs import spec_of
from llmbatch.core.errors import ObjectMissing
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.jobs.documents import read_spec


def test_the_spec_is_read_from_its_own_folder() -> None:
    store = MemoryStore()
    for spec in (spec_of(1), spec_of(2)):
        store.put(spec.layout.spec, spec.model_dump_json().encode())
    assert read_spec(spec_of(2).root_uri, store) == spec_of(2)
    with pytest.raises(ObjectMissing, match=spec_of(3).job_id):
        read_spec(spec_of(3).root_uri, store)
