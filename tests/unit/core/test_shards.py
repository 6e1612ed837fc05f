"""The shards of a job: what remains of them, and shards of an earlier release."""

from hypothesis import given
from hypothesis import strategies as st

from llmbatch.core.shards import StagedManifest, StagedShard, remaining_shards

SHARDS = [StagedShard(shard_id=f"shard-{i:05d}", rows=1, invalid_rows=0, input_chars=1, etag="e") for i in range(20)]


@given(st.sets(st.integers(0, 25)))
def test_remaining_is_the_complement_in_order(done):
    left = remaining_shards(SHARDS, {f"shard-{i:05d}" for i in done})
    assert [s.shard_id for s in left] == [s.shard_id for i, s in enumerate(SHARDS) if i not in done]


def test_a_shard_of_an_earlier_release_has_no_lengths():
    old = SHARDS[0].model_dump_json(exclude={"lengths"})
    assert StagedShard.model_validate_json(old).lengths == ""


def test_a_manifest_sums_the_rows_of_its_shards():
    shards = tuple(shard.model_copy(update={"rows": 64, "invalid_rows": 3}) for shard in SHARDS)
    manifest = StagedManifest(job_id="job-1", shards=shards, seconds=1.0)
    assert (manifest.rows, manifest.invalid_rows) == (20 * 64, 20 * 3)
