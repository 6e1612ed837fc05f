"""What a job's streams need of the store and the models, without a Ray cluster."""

from __future__ import annotations

from typing import Any

import pytest

from llmbatch.cluster.driver.job_state import JobState
from llmbatch.cluster.driver.stream_host import RayHost
from llmbatch.cluster.models.resolve import ResolvedModel
from llmbatch.cluster.replica.row_outcome import failed
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.cluster.storage.shard_commit import ShardCommit
from llmbatch.core.clock import ManualClock
from llmbatch.core.engine_settings import EngineKind
from llmbatch.core.errors import ModelError
from llmbatch.core.shards import ShardTally
from llmbatch.core.store import MemoryStore


def test_what_is_committed_is_counted_and_the_other_shards_remain(store: MemoryStore, make: Any) -> None:
    rows = [make.chat(n, "x") for n in range(3)]
    job = make.stage(store, rows, 1)
    context = JobContext(job.manifest.job_id, 1, job.layout, store, ManualClock())
    state = JobState(job.manifest, generation=1, replicas_wanted=1, clock=ManualClock())
    host = RayHost(context, state, None, EngineKind.ECHO, job.manifest.shards[1:])
    assert host.remaining() == job.manifest.shards[1:]
    tally = ShardTally(shard_id="shard-00001", generation=1, rows=1, succeeded=0, failed=1)
    ShardCommit(context).commit([failed(rows[1], "engine", "broken")], tally)
    assert host.remaining() == job.manifest.shards[2:]
    assert state.rows().failed == 1


def test_models_are_those_of_the_job_s_engine(store: MemoryStore, make: Any) -> None:
    job = make.stage(store, [make.chat(1, "x")], 1)
    context = JobContext(job.manifest.job_id, 1, job.layout, store, ManualClock())
    state = JobState(job.manifest, generation=1, replicas_wanted=1, clock=ManualClock())
    echo, vllm = (RayHost(context, state, None, kind, ()) for kind in (EngineKind.ECHO, EngineKind.VLLM))
    assert echo.find_model("s3://bucket/none") == ResolvedModel("echo", None)
    with pytest.raises(ModelError, match=r"no config\.json under this prefix"):
        vllm.find_model("s3://bucket/none")
