"""Documents are read once in a short time, and not at all when they are damaged."""

from __future__ import annotations

from fakes.gateway import BASE, fake_gateway
from fakes.gateway_jobs import put_finished, put_heartbeat, put_job
from llmbatch.core.clock import ManualClock
from llmbatch.gateway.jobs.documents import FIXED_SECONDS, LIVE_SECONDS, JobDocuments, Kept


def test_a_document_is_kept_for_its_time_and_the_oldest_gives_way() -> None:
    clock = ManualClock()
    reads: list[str] = []
    kept: Kept[str] = Kept(10, 2, clock)

    def read(key: str) -> str:
        reads.append(key)
        return key

    def look(key: str) -> str:
        return kept.get(key, lambda: read(key))

    assert [look("a"), look("a"), look("b"), look("a"), look("c"), look("a"), look("b")] == list("aabacab")
    assert reads == ["a", "b", "c", "b"]
    clock.advance(10)
    look("b")
    assert reads == ["a", "b", "c", "b", "b"]


def test_a_spec_is_read_once_a_minute_and_a_removed_job_goes() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    documents = JobDocuments(BASE, gateway.store, gateway.clock)
    assert documents.spec(spec.job_id) == spec
    gateway.store.delete(spec.layout.spec)
    assert documents.spec(spec.job_id) == spec
    gateway.clock.advance(FIXED_SECONDS)
    assert documents.spec(spec.job_id) is None


def test_a_job_is_found_as_soon_as_it_is_accepted() -> None:
    gateway = fake_gateway()
    documents = JobDocuments(BASE, gateway.store, gateway.clock)
    spec = put_job(gateway, "r")
    body = gateway.store.get(spec.layout.spec)
    gateway.store.delete(spec.layout.spec)
    assert documents.spec(spec.job_id) is None
    gateway.store.put(spec.layout.spec, body)
    assert documents.spec(spec.job_id) == spec


def test_a_heartbeat_is_two_seconds_old_at_most() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    documents = JobDocuments(BASE, gateway.store, gateway.clock)
    assert documents.progress(spec.job_id, gateway.clock.now()) is None
    put_heartbeat(gateway, spec)
    gateway.clock.advance(LIVE_SECONDS)
    found = documents.progress(spec.job_id, gateway.clock.now())
    assert found is not None
    assert found.age(gateway.clock.now()) == LIVE_SECONDS


def test_damaged_documents_count_as_none() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    documents = JobDocuments(BASE, gateway.store, gateway.clock)
    for uri in (spec.layout.spec, spec.layout.progress, spec.layout.manifest, spec.layout.admission):
        gateway.store.put(uri, b"{}")
    now = gateway.clock.now()
    job_id = spec.job_id
    assert (documents.spec(job_id), documents.progress(job_id, now)) == (None, None)
    assert (documents.proof(job_id), documents.admission(job_id), documents.alerts(job_id)) == (None, None, ())


def test_a_proof_is_kept_without_its_shards() -> None:
    gateway = fake_gateway()
    spec = put_finished(gateway)
    proof = JobDocuments(BASE, gateway.store, gateway.clock).proof(spec.job_id)
    assert proof is not None
    assert (proof.rows.input, proof.shards) == (100, ())
