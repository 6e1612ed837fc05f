"""Every way out of a generation that needs no replica: the exit reason and the last heartbeat."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pyarrow.parquet as pq
import pytest

from llmbatch.cluster.driver import pipeline
from llmbatch.cluster.driver.heartbeat import Heartbeat
from llmbatch.cluster.driver.pipeline import End, Pipeline, print_end
from llmbatch.cluster.driver.unrun_rows import end_shards
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.core.claims import claim, last_claim
from llmbatch.core.clock import ManualClock
from llmbatch.core.control import Control
from llmbatch.core.engine_settings import EngineKind
from llmbatch.core.errors import StoreError
from llmbatch.core.progress import Progress, StoreUse
from llmbatch.core.request_options import OnCancel
from llmbatch.core.states import DesiredState, ExitReason, Phase, RowState
from llmbatch.core.store import MemoryStore


class Submission:
    """A staged job of six rows in three shards, and generations of it."""

    def __init__(self, store: MemoryStore, make: Any) -> None:
        self.store = store
        self.job = make.stage(store, [make.chat(n, "x") for n in range(6)], 2)
        self.clock = ManualClock(self.job.spec.created_at + timedelta(seconds=5))
        store.put(self.job.layout.spec, self.job.spec.model_dump_json().encode())
        store.put(self.job.layout.staged_manifest, self.job.manifest.model_dump_json().encode())

    def run(self, generation: int = 1) -> End:
        store: Any = self.store
        return Pipeline(f"{self.job.layout.root}/", generation, store=store, clock=self.clock).run()

    def expire(self, count: int) -> None:
        """Commit the first shards."""
        context = JobContext(self.job.manifest.job_id, 1, self.job.layout, self.store, self.clock)
        shards = self.job.manifest.shards[:count]
        end_shards(context, shards, RowState.EXPIRED, self.job.spec.deadline, lambda _: None)

    def cancel(self) -> None:
        """Request a cancel before the first claim; the job delivers."""
        request = self.job.spec.request.model_copy(update={"on_cancel": OnCancel.DELIVER})
        spec = self.job.spec.model_copy(update={"request": request})
        self.store.put(self.job.layout.spec, spec.model_dump_json().encode())
        control = Control(desired=DesiredState.CANCEL, reason="changed plans")
        self.store.put(self.job.layout.control, control.model_dump_json().encode())

    def states(self) -> list[str]:
        """How the rows of the committed shards ended, in input order."""
        infos = self.store.list(self.job.layout.results)
        return [
            row for info in infos for row in pq.read_table(io.BytesIO(self.store.get(info.uri)))["state"].to_pylist()
        ]

    def written(self) -> Progress:
        return Progress.model_validate_json(self.store.get(self.job.layout.progress))


@pytest.fixture
def submission(store: MemoryStore, make: Any, monkeypatch: pytest.MonkeyPatch) -> Submission:
    def no_cluster() -> None:
        pytest.fail("a cluster was started")

    monkeypatch.setattr(pipeline, "connect_ray", no_cluster)
    return Submission(store, make)


@pytest.mark.parametrize("spec", [None, b"{}"])
def test_a_spec_that_cannot_be_read_ends_before_the_claim(submission: Submission, spec: bytes | None) -> None:
    submission.store.delete(submission.job.layout.spec)
    if spec is not None:
        submission.store.put(submission.job.layout.spec, spec)
    assert submission.run().reason is ExitReason.BAD_SPEC
    assert last_claim(submission.store, submission.job.layout) == 0
    assert submission.job.layout.progress not in submission.store.objects


def test_a_spec_that_names_another_folder_ends_before_the_claim(submission: Submission) -> None:
    forged = submission.job.spec.model_copy(update={"root_uri": "s3://other/jobs/job-0123456789abcdef"})
    submission.store.put(submission.job.layout.spec, forged.model_dump_json().encode())
    end = submission.run()
    assert end.reason is ExitReason.BAD_SPEC
    assert "in 's3://other/jobs/job-0123456789abcdef'" in end.message
    assert last_claim(submission.store, submission.job.layout) == 0


def test_a_finished_job_ends_at_once(submission: Submission) -> None:
    submission.expire(3)
    assert submission.run() == End(ExitReason.COMMITTED, "all 3 shards were committed already")
    found = submission.written()
    assert (found.phase, found.exit_code, found.shards.committed) == (Phase.DONE, 0, 3)
    assert found.seconds_phase["queued"] == 5


def test_the_heartbeat_has_the_requests_of_the_driver(submission: Submission, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "use_of", lambda store: StoreUse(requests=3) if store is submission.store else None)
    submission.expire(3)
    submission.run()
    assert submission.written().store == StoreUse(requests=3)


def test_after_the_deadline_the_other_shards_expire_without_an_engine(submission: Submission) -> None:
    submission.expire(1)
    submission.clock.advance(3600)
    end = submission.run()
    assert (end.reason, end.message.split("; ")[1]) == (
        ExitReason.COMMITTED,
        "the deadline passed before 2 began",
    )
    assert submission.written().shards.committed == 3
    assert len(list(submission.store.list(submission.job.layout.results))) == 3


def test_a_job_that_is_cancelled_before_it_starts_is_committed_without_a_cluster(
    submission: Submission, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission.cancel()
    monkeypatch.setattr(Heartbeat, "start", lambda self: None)  # it may be slow, and the decision must not wait for it
    submission.clock.advance(3600)  # the cancel goes before the deadline
    end = submission.run()
    text = "all 3 shards are committed; the job was cancelled before 3 began: changed plans"
    assert end == End(ExitReason.COMMITTED, text)
    assert submission.states() == ["cancelled"] * 6
    found = submission.written()
    assert (found.phase, found.exit_code, found.rows.cancelled, found.rows.ended) == (Phase.DONE, 0, 6, 6)


def test_a_cancelled_job_keeps_what_was_committed_before(submission: Submission) -> None:
    submission.expire(1)
    submission.cancel()
    assert submission.run(generation=2).reason is ExitReason.COMMITTED
    assert submission.states() == ["expired"] * 2 + ["cancelled"] * 4


def test_the_next_generation_goes_on_with_a_cancel_that_a_crash_broke_off(
    submission: Submission, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission.cancel()
    create, last = submission.store.create, submission.job.layout.result_shard("shard-00002")

    def fails(uri: str, body: bytes) -> Any:
        if uri == last:
            raise ZeroDivisionError("bug")
        return create(uri, body)

    with monkeypatch.context() as broken:
        broken.setattr(submission.store, "create", fails)
        assert submission.run().reason is ExitReason.CRASHED
    assert last not in submission.store.objects
    etags = {info.uri: info.etag for info in submission.store.list(submission.job.layout.results)}
    end = submission.run(generation=2)
    assert end.reason is ExitReason.COMMITTED
    assert submission.states() == ["cancelled"] * 6
    after = {info.uri: info.etag for info in submission.store.list(submission.job.layout.results)}
    assert etags.items() <= after.items()
    assert (submission.written().generation, submission.written().rows.cancelled) == (2, 6)


def test_a_generation_that_was_superseded_writes_nothing(submission: Submission) -> None:
    claim(submission.store, submission.job.layout, owner="later", now=submission.clock.now(), at_least=3)
    end = submission.run(generation=2)
    assert end.reason is ExitReason.SUPERSEDED
    assert last_claim(submission.store, submission.job.layout) == 3
    assert submission.job.layout.progress not in submission.store.objects


def test_a_number_that_is_taken_gives_the_next_one(submission: Submission) -> None:
    claim(submission.store, submission.job.layout, owner="other", now=submission.clock.now())
    submission.expire(3)
    submission.run()
    found = submission.written()
    assert found.generation == 2
    assert "queued" not in found.seconds_phase  # that time belongs to the first generation


def test_a_model_that_is_not_there_is_in_the_last_heartbeat(submission: Submission) -> None:
    engine = submission.job.spec.engine.model_copy(update={"kind": EngineKind.VLLM})
    spec = submission.job.spec.model_copy(update={"engine": engine, "model_uri": "s3://bucket/none"})
    submission.store.put(submission.job.layout.spec, spec.model_dump_json().encode())
    end = submission.run()
    assert end.reason is ExitReason.ENGINE_START
    assert "no config.json under this prefix" in end.message
    found = submission.written()
    assert (found.phase, found.exit_code, found.message) == (Phase.FAILED, int(end.reason), end.message)


def test_a_schema_that_no_engine_can_decode_to_ends_the_job_before_a_cluster_is_started(
    submission: Submission,
) -> None:
    pattern = {"type": "string", "pattern": "(" * 50_000 + ")" * 50_000}
    request = submission.job.spec.request.model_copy(update={"output_schema": {"properties": {"a": pattern}}})
    spec = submission.job.spec.model_copy(update={"request": request})
    submission.store.put(submission.job.layout.spec, spec.model_dump_json().encode())
    end = submission.run()
    assert end.reason is ExitReason.BAD_SPEC
    assert end.reason.is_final
    assert "output_schema: the engine cannot decode to the JSON schema: pattern: exceed the maximum" in end.message
    assert submission.written().message == end.message


@pytest.mark.parametrize(
    ("error", "reason"),
    [(StoreError("down"), ExitReason.STORE_UNREACHABLE), (ZeroDivisionError("bug"), ExitReason.CRASHED)],
)
def test_no_error_leaves_the_run(
    submission: Submission, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: ExitReason
) -> None:
    def fail(uri: str) -> None:
        raise error

    monkeypatch.setattr(submission.store, "get", fail)
    end = submission.run()
    assert end.reason is reason
    assert str(error) in end.message


def test_the_last_line_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_end("job-1", End(ExitReason.DRAINED, "drained:\n  night shift"))
    printed = capsys.readouterr().err
    assert printed.startswith("job=job-1 exit_code=10 reason=drained drained: night shift | ")
    assert printed.count("\n") == 1
