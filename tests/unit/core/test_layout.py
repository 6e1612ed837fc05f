"""The keys of the objects of a job."""

from __future__ import annotations

import re

import pytest

from llmbatch.core.identity import shard_id_of
from llmbatch.core.layout import JobLayout, history_uri, idempotency_uri, queue_uri, split_uri


def test_layout_keys_are_the_contract():
    layout = JobLayout.of("s3://b/p/", "job-1")
    root = "s3://b/p/jobs/job-1"
    assert layout.spec == f"{root}/spec.json"
    assert layout.inputs("0123456789abcdef0123") == f"{root}/inputs/0123456789abcdef.json"
    assert layout.staged_shard(shard_id_of(0)) == f"{root}/staged/shard-00000.parquet"
    assert layout.staged_manifest == f"{root}/staged/manifest.json"
    assert layout.result_shard("shard-00000") == f"{root}/results/shard-00000.parquet"
    assert layout.failed_shard("shard-00000") == f"{root}/failed/shard-00000.parquet"
    assert (layout.progress, layout.control) == (f"{root}/progress.json", f"{root}/control.json")
    assert (layout.manifest, layout.sla) == (f"{root}/manifest.json", f"{root}/sla.json")


def test_shard_of_reads_back_its_own_keys_only():
    layout = JobLayout("s3://b/j")
    assert layout.shard_of(layout.result_shard("shard-00012")) == "shard-00012"
    assert layout.shard_of("s3://b/j/results/other.parquet") is None
    assert layout.shard_of("s3://b/j/results/shard-00001.json") is None


@pytest.mark.parametrize("bad", ["", "bucket/key", "s3://", "s3:///k", "http://b/k"])
def test_split_uri_refuses(bad):
    with pytest.raises(ValueError, match="s3://bucket/key"):
        split_uri(bad)


@pytest.mark.parametrize("base", ["s3://b/p", "s3://b/p/"])
def test_what_jobs_share_is_stored_beside_them(base):
    assert JobLayout.of(base, "job-1").base == "s3://b/p"
    assert (history_uri(base), queue_uri(base)) == ("s3://b/p/eta/history.json", "s3://b/p/queue.json")


def test_the_address_of_an_idempotency_key_hides_the_key():
    one, other = (idempotency_uri("s3://b/p/", key) for key in ("customer 1/a", "customer 2/a"))
    assert one == idempotency_uri("s3://b/p", "customer 1/a") != other
    assert re.fullmatch(r"s3://b/p/idempotency/[0-9a-f]{64}\.json", one)


def test_the_number_of_a_claim_comes_back_from_its_address_and_claims_sort_as_numbers():
    layout = JobLayout("s3://b/groups/g7/jobs/job-1")
    uris = [layout.claim(number) for number in (1, 9, 10, 99_999)]
    assert [JobLayout.generation_of(uri) for uri in uris] == [1, 9, 10, 99_999]
    assert uris == sorted(uris)
