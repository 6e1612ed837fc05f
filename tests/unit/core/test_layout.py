"""The keys of the objects of a job."""

from __future__ import annotations

import re

import pytest

from llmbatch.core.identity import shard_id_of
from llmbatch.core.layout import JobLayout, benchmark_uri, history_uri, idempotency_uri, queue_uri, split_uri, tuned_uri


def test_layout_keys_are_the_contract():
    layout = JobLayout.of("s3://b/p/", "job-1")
    root = "s3://b/p/jobs/job-1"
    assert layout.spec == f"{root}/spec.json"
    assert layout.inputs("0123456789abcdef0123") == f"{root}/inputs/0123456789abcdef.json"
    assert layout.staged_shard(shard_id_of(0)) == f"{root}/staged/shard-00000.parquet"
    assert layout.kept_shard(shard_id_of(0)) == f"{root}/staged/columns/shard-00000.parquet"
    assert layout.kept_schema == f"{root}/staged/columns/schema.parquet" < layout.kept_shard(shard_id_of(0))
    assert layout.staged_manifest == f"{root}/staged/manifest.json"
    assert layout.result_shard("shard-00000") == f"{root}/results/shard-00000.parquet"
    assert layout.failed_shard("shard-00000") == f"{root}/failed/shard-00000.parquet"
    assert (layout.progress, layout.control) == (f"{root}/progress.json", f"{root}/control.json")
    assert (layout.manifest, layout.sla) == (f"{root}/manifest.json", f"{root}/sla.json")


def test_shard_of_reads_back_its_own_keys_only():
    layout = JobLayout("s3://b/j")
    assert layout.shard_of(layout.result_shard("shard-00012")) == "shard-00012"
    assert layout.shard_of("s3://b/j/results/other.parquet") is None
    for name in ("shard-00001.json", "shard-1.parquet", "shard-copy.parquet", "shard-00001.parquet.tmp", ""):
        assert layout.shard_of(f"s3://b/j/results/{name}") is None


@pytest.mark.parametrize("bad", ["", "bucket/key", "s3://", "s3:///k", "http://b/k"])
def test_split_uri_refuses(bad):
    with pytest.raises(ValueError, match="s3://bucket/key"):
        split_uri(bad)


@pytest.mark.parametrize("base", ["s3://b/p", "s3://b/p/"])
def test_what_jobs_share_is_stored_beside_them(base):
    assert JobLayout.of(base, "job-1").base == "s3://b/p"
    assert (history_uri(base), queue_uri(base)) == ("s3://b/p/eta/history.json", "s3://b/p/queue.json")


def test_the_address_of_an_idempotency_key_hides_the_key():
    one, other = (idempotency_uri("s3://b/p/", key, "ann") for key in ("customer 1/a", "customer 2/a"))
    assert one == idempotency_uri("s3://b/p", "customer 1/a", "ann") != other
    assert one != idempotency_uri("s3://b/p", "customer 1/a", "")
    assert re.fullmatch(r"s3://b/p/idempotency/[0-9a-f]{64}\.json", one)


def test_the_number_of_a_claim_comes_back_from_its_address_and_claims_sort_as_numbers():
    layout = JobLayout("s3://b/groups/g7/jobs/job-1")
    uris = [layout.claim(number) for number in (1, 9, 10, 99_999)]
    assert [layout.generation_of(uri) for uri in uris] == [1, 9, 10, 99_999]
    assert uris == sorted(uris)


@pytest.mark.parametrize("name", ["", ".DS_Store", "g", "g1", "g00001.json", "old/g00001", "gx0001", "g00001 (copy)"])
def test_what_is_not_a_claim_or_a_reaction_has_no_number(name):
    layout = JobLayout("s3://b/groups/g7/jobs/job-1")
    assert layout.generation_of(f"{layout.claims}{name}") is None
    assert layout.generation_of(f"{layout.root}/{name}") is None
    assert layout.reaction_of(f"{layout.reactions}{name}") is None


def test_the_number_of_a_reaction_comes_back_from_its_address():
    layout = JobLayout("s3://b/j")
    assert [layout.reaction_of(layout.reaction(number)) for number in (1, 123_456)] == [1, 123_456]
    assert layout.reaction_of(f"{layout.reactions}00001") is None


@pytest.mark.parametrize(
    ("root", "is_job"),
    [
        ("s3://b/p/jobs/job-0123456789abcdef", True),
        ("s3://b/jobs/job-0123456789abcdef", True),
        ("s3://b/p/jobs/job-0123456789abcdeF", False),
        ("s3://b/p/jobs/job-0123456789abcdef/", False),
        ("s3://b/p/jobs/job-0123456789abcdef\n", False),
        ("s3://b/p/job-0123456789abcdef", False),
    ],
)
def test_a_job_folder_is_known_by_its_name(root, is_job):
    assert JobLayout(root).is_job is is_job


def test_benchmarks_and_what_they_found_are_beside_the_jobs():
    assert benchmark_uri("s3://b/p/", "bench-1") == "s3://b/p/benchmarks/bench-1/"
    assert tuned_uri("s3://b/p/", "small") == "s3://b/p/models/small/tuned.json"
