"""What a generation starts from, written by this version and by others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmbatch.cluster.driver.accepted_job import CannotRunError, read_accepted
from llmbatch.core.states import ExitReason
from llmbatch.core.store import MemoryStore
from llmbatch.version import VERSION

NEXT = {"versions": {"llmbatch": "9.1.0"}}


@pytest.fixture
def job(store: MemoryStore, make: Any) -> Any:
    job = make.stage(store, [make.chat(n, "x") for n in range(4)], 2)
    store.put(job.layout.spec, job.spec.model_dump_json().encode())
    store.put(job.layout.staged_manifest, job.manifest.model_dump_json().encode())
    return job


def change(store: MemoryStore, uri: str, **fields: object) -> None:
    store.put(uri, json.dumps(json.loads(store.get(uri)) | fields).encode())


def refused(store: MemoryStore, job: Any) -> tuple[ExitReason, str]:
    with pytest.raises(CannotRunError) as caught:
        read_accepted(job.layout, store)
    return caught.value.reason, str(caught.value)


def test_an_accepted_job_is_its_spec_and_its_shards(store: MemoryStore, job: Any) -> None:
    assert read_accepted(job.layout, store) == (job.spec, job.manifest)


def test_what_a_neighbour_added_does_not_stop_a_job_that_does_not_use_it(store: MemoryStore, job: Any) -> None:
    change(store, job.layout.spec, **NEXT)
    change(store, job.layout.staged_manifest, **NEXT, languages={"en": 4})
    spec, staged = read_accepted(job.layout, store)
    assert (spec.versions, staged) == (NEXT["versions"], job.manifest)


def test_a_job_that_uses_it_ends_with_both_versions_in_its_message(store: MemoryStore, job: Any) -> None:
    change(store, job.layout.spec, **NEXT, votes=3)
    reason, message = refused(store, job)
    assert (reason, reason.is_final) == (ExitReason.OTHER_VERSION, True)
    assert f"llmbatch 9.1.0 accepted the job, and llmbatch {VERSION} reads it here: votes is not known." in message


@pytest.mark.parametrize("name", ["spec", "staged_manifest"])
def test_a_later_format_ends_the_job(store: MemoryStore, job: Any, name: str) -> None:
    change(store, getattr(job.layout, name), **NEXT, schema_version=2)
    reason, message = refused(store, job)
    assert reason is ExitReason.OTHER_VERSION
    assert "9.1.0" in message
    assert VERSION in message


@pytest.mark.parametrize("name", ["spec", "staged_manifest"])
@pytest.mark.parametrize("body", [None, b"{}"])
def test_what_is_missing_or_damaged_is_no_question_of_versions(
    store: MemoryStore, job: Any, name: str, body: bytes | None
) -> None:
    uri = getattr(job.layout, name)
    store.delete(uri)
    if body is not None:
        store.put(uri, body)
    reason, message = refused(store, job)
    assert reason is ExitReason.BAD_SPEC
    assert uri in message
