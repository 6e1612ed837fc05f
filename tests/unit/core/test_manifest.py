"""Which staged rows have a committed outcome, by properties; whose proof a manifest is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.proofs import proof, put_proof
from llmbatch.core.errors import ForeignManifest, ObjectMissing
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import compare_row_ids, is_published, read_manifest
from llmbatch.core.store import MemoryStore

IDS = st.text("abcdef", min_size=1, max_size=1)


@given(st.sets(IDS), st.lists(IDS))
def test_comparison_counts_every_row_once(staged, committed):
    found = compare_row_ids(staged, committed)
    assert found.missing == len(staged - set(committed))
    assert len(committed) - found.duplicates == len(staged & set(committed))
    assert (found.example is None) == (found.missing == 0 and found.duplicates == 0)


def test_worked_example_of_the_docstring():
    found = compare_row_ids("abc", "aad")
    assert (found.missing, found.duplicates, found.example) == (2, 2, "b")


LAYOUT = JobLayout.of("s3://b/base", "job-0123456789abcdef")


def test_a_job_is_published_by_its_own_manifest() -> None:
    store = MemoryStore()
    assert not is_published(LAYOUT, store)
    with pytest.raises(ObjectMissing):
        read_manifest(LAYOUT, store)
    put_proof(store, LAYOUT)
    assert is_published(LAYOUT, store)
    assert read_manifest(LAYOUT, store) == proof(LAYOUT.job_id)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (proof("job-fedcba9876543210").model_dump_json().encode(), "it is that of 'job-fedcba9876543210'"),
        (proof("x\nevent=forged").model_dump_json().encode(), r"it is that of 'x\\nevent=forged'"),
        (b"{}", "it cannot be read"),
        (b"", "it cannot be read"),
        (b"[1]", "it cannot be read"),
    ],
)
def test_another_manifest_is_no_proof_and_names_the_job(body: bytes, why: str) -> None:
    store = MemoryStore()
    store.put(LAYOUT.manifest, body)
    assert not is_published(LAYOUT, store)
    with pytest.raises(ForeignManifest, match=rf"{LAYOUT.manifest} is not the proof of {LAYOUT.job_id}: {why}"):
        read_manifest(LAYOUT, store)


def test_a_manifest_of_another_version_still_shows_that_the_job_is_published() -> None:
    store = MemoryStore()
    store.put(LAYOUT.manifest, b'{"job_id": "%s", "new": 1}' % LAYOUT.job_id.encode())
    assert is_published(LAYOUT, store)
    with pytest.raises(ForeignManifest, match="cannot be read"):
        read_manifest(LAYOUT, store)


def test_nobody_is_told_to_remove_the_manifest_of_a_later_version() -> None:
    store = MemoryStore()
    store.put(
        LAYOUT.manifest,
        b'{"schema_version": 2, "versions": {"llmbatch": "9.1.0"}, "job_id": "%s"}' % LAYOUT.job_id.encode(),
    )
    assert is_published(LAYOUT, store)
    with pytest.raises(ForeignManifest, match=r"llmbatch 9\.1\.0 wrote, .*Upgrade llmbatch here") as caught:
        read_manifest(LAYOUT, store)
    assert "emove" not in str(caught.value)
