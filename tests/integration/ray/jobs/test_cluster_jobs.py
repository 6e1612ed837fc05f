"""Whole jobs through real Ray and a real S3 server: the process is started as Ray's job manager would start it."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from fakes.cluster_jobs import Job, chat, chats, row
from fakes.ray_servers import BUCKET, MARK, until
from llmbatch.cluster.driver.shard_stream import MAX_BLOCKS
from llmbatch.cluster.models.model_cache import CACHE_ENV
from llmbatch.cluster.replica.request_id import request_id_of
from llmbatch.cluster.storage.shard_table import read_tally
from llmbatch.cluster.storage.store import open_store
from llmbatch.core.control import Control, ReplicaBounds
from llmbatch.core.endpoints import Endpoint
from llmbatch.core.progress import Progress
from llmbatch.core.request_options import OnCancel
from llmbatch.core.shard_order import running_order
from llmbatch.core.shards import StagedManifest
from llmbatch.core.states import DesiredState, ErrorClass, ExitReason, Phase
from llmbatch.s3.store import S3Store
from tiny_model import tiny_model

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]

BRISK_SECONDS = 5.0
"""What a job of a few rows takes, from start to end, on a machine for which the windows of these tests are wide."""


@pytest.fixture(scope="module")
def slowness(s3: dict[str, str], cluster: dict[str, str]) -> float:
    """How much slower than a brisk one this machine is now, at least 1, by a job of a few rows.

    Windows in which a test must act on a running job are as many times wider. Other tests use the machine meanwhile.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name, value in s3.items():
            patch.setenv(name, value)
        job = Job(open_store(), cluster)
    job.stage(chats(10))
    began = time.monotonic()
    code, log = job.run()
    assert code == 0, log
    return max(1.0, (time.monotonic() - began) / BRISK_SECONDS)


@pytest.fixture
def job(store: S3Store, cluster: dict[str, str], slowness: float) -> Job:
    return Job(store, cluster, slowness)


def replica_pid(cluster: dict[str, str]) -> int | None:
    return next(iter(replica_pids(cluster)), None)


def replica_pids(cluster: dict[str, str]) -> list[int]:
    """The actors' processes in our own cluster: Ray names them after the operator."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        title = " ".join(process.info["cmdline"] or [])
        mine = (process.info["environ"] or {}).get(MARK) == cluster[MARK]
        if mine and title.startswith("ray::MapWorker(MapBatches(ReplicaActor)"):
            found.append(int(process.pid))
    return found


def test_all_rows_once_bad_rows_failed_and_a_rerun_does_nothing(job: Job, tmp_path: Path) -> None:
    rows = chats(60)
    rows[4] = row(5, "{broken", error_class="invalid")
    rows[20] = chat(21, "please FAIL")
    rows[30] = row(31, {"messages": None})
    job.stage(rows, echo={"fail_marker": "FAIL", "journal": str(tmp_path)})
    code, log = job.run()
    assert code == 0, log
    assert "secret prompt" not in log
    assert log.strip().splitlines()[-1].startswith(f"job={job.job_id} exit_code=0")
    assert job.every_row_ended_once()
    failed = {r["line"]: r["error_class"] for r in job.results() if r["state"] == "failed"}
    assert failed == {5: "invalid", 21: "engine", 31: "invalid"}
    first = job.progress()
    assert first is not None
    assert (first.phase, first.exit_code, first.rows.succeeded, first.rows.failed) == (Phase.DONE, 0, 57, 3)
    assert first.rates.rows_per_second
    assert first.shards.committed == first.shards.total == 6
    assert first.dead_letters == {ErrorClass.INVALID: 2, ErrorClass.ENGINE: 1}
    assert first.store is not None
    # Of the replica alone: each shard is read and committed.
    assert first.store.requests > 2 * first.shards.total
    assert (first.store.errors, first.store.seconds > 0) == (0, True)
    assert (first.replicas.lost, first.rows_redone, first.engine) == (0, 0, None)
    etags = [item.etag for item in job.store.list(job.layout.results)]
    engines = list(tmp_path.iterdir())
    code, log = job.run(generation=2)
    assert code == 0, log
    assert list(tmp_path.iterdir()) == engines, "an engine was started"
    assert [item.etag for item in job.store.list(job.layout.results)] == etags
    second = job.progress()
    assert second is not None
    assert second.sequence > first.sequence


@pytest.mark.nightly
def test_blocks_of_several_shards_run_each_shard_once(job: Job) -> None:
    job.stage(chats(MAX_BLOCKS + 100), shard_rows=1, shards_in_flight=256)
    code, log = job.run()
    assert code == 0, log
    assert job.every_row_ended_once()


def test_killed_replica_is_replaced_and_nothing_is_lost(job: Job) -> None:
    job.stage(chats(100), max_num_seqs=5, window_factor=1, shards_in_flight=3, echo={"seconds_per_row": 0.3})
    process = job.start()
    until(lambda: list(job.store.list(job.layout.results)), "a first shard is committed")
    os.kill(until(lambda: replica_pid(job.environment), "the replica runs"), signal.SIGKILL)
    code, log = job.end(process)
    assert code == 0, log
    assert job.every_row_ended_once()
    progress = job.progress()
    assert progress is not None
    assert progress.replicas.lost == 1
    # At least the rows that were in the engine; at most those of the open shards.
    assert 5 <= progress.rows_redone <= 30


def test_drain_then_resume(job: Job) -> None:
    job.stage(chats(120), max_num_seqs=5, window_factor=1, shards_in_flight=4, echo={"seconds_per_row": 0.2})
    process = job.start()
    until(lambda: list(job.store.list(job.layout.results)), "a first shard is committed")
    job.control(DesiredState.DRAIN, generation=1)
    code, log = job.end(process)
    assert code == ExitReason.DRAINED, log
    done = job.results()
    assert 0 < len(done) < 120
    progress = job.progress()
    assert progress is not None
    assert (progress.phase, progress.rows.ended) == (Phase.DRAINED, len(done))
    # The drain names generation 1, so the next one runs although it was not withdrawn.
    code, log = job.run(generation=2)
    assert code == 0, log
    assert job.every_row_ended_once()
    progress = job.progress()
    assert progress is not None
    assert progress.rows.succeeded == 120


@pytest.mark.nightly
def test_a_job_grows_shrinks_pauses_and_goes_on_and_every_row_ends_once(job: Job, tmp_path: Path) -> None:
    echo = {"seconds_per_row": 0.25, "journal": str(tmp_path)}
    job.stage(chats(900), max_num_seqs=5, window_factor=1, shards_in_flight=2, cpus_per_replica=0.5, echo=echo)

    def request(**fields: Any) -> None:
        job.store.put(job.layout.control, Control(reason="test", **fields).model_dump_json().encode())

    def seen(condition: Callable[[Progress], Any], what: str) -> Progress:
        def look() -> Progress | None:
            progress = job.progress()
            assert process.poll() is None, process.communicate()
            return progress if progress is not None and condition(progress) else None

        return until(look, what)

    process = job.start()
    seen(lambda p: p.replicas.live == 1 and p.shards.committed, "one replica works")
    request(replicas=ReplicaBounds(min=2, max=2))
    grown = seen(lambda p: p.replicas.live == 2, "the pool has grown")
    assert grown.replicas.wanted == 2
    assert len(replica_pids(job.environment)) == 2
    request(replicas=ReplicaBounds(min=1, max=1))
    until(lambda: len(replica_pids(job.environment)) == 1, "the pool has shrunk")
    seen(lambda p: (p.replicas.live, p.replicas.wanted) == (1, 1), "and the heartbeat says so")
    request(paused=True, written_by="ann", max_tokens=1)
    paused = seen(lambda p: p.message == "paused by ann: test" and p.replicas.live == 0, "the job is paused")
    until(lambda: not replica_pids(job.environment), "the replicas are gone")  # killed, which takes a moment
    assert paused.rows.running == 0
    time.sleep(3)
    assert len(job.results()) == paused.rows.ended < 900
    request(max_tokens=1)
    seen(lambda p: p.replicas.live == 1 and p.shards.committed > paused.shards.committed, "the job has gone on")
    code, log = job.end(process)
    assert code == 0, log
    assert job.every_row_ended_once()
    assert {found["state"] for found in job.results()} == {"succeeded"}
    assert {found["completion_tokens"] for found in job.results()} == {1, 3}
    answered = [line.split()[1] for file in tmp_path.iterdir() for line in file.read_text().splitlines()]
    assert len(answered) == len(set(answered)) == 900  # nothing was done twice, whatever was ended
    assert job.progress().generation == 1  # type: ignore[union-attr]


@pytest.mark.nightly
def test_another_model_answers_what_has_not_begun(job: Job) -> None:
    job.stage(chats(300), max_num_seqs=5, window_factor=1, shards_in_flight=2, echo={"seconds_per_row": 0.25})
    process = job.start()
    until(lambda: (seen := job.progress()) and seen.shards.committed, "the first model has committed")
    job.store.put(job.layout.control, Control(reason="test", model="smaller").model_dump_json().encode())
    code, log = job.end(process)
    assert code == 0, log
    assert job.every_row_ended_once()
    staged = StagedManifest.model_validate_json(job.store.get(job.layout.staged_manifest)).shards
    results = [job.store.head(job.layout.result_shard(shard.shard_id)) for shard in running_order(staged)]
    models = [read_tally(job.store, result).model for result in results]
    assert models == sorted(models)  # "none" before "smaller", in the order in which shards start
    assert set(models) == {"none", "smaller"}
    assert job.progress().generation == 1  # type: ignore[union-attr]


def test_sigterm_drains(job: Job) -> None:
    job.stage(chats(120), max_num_seqs=5, window_factor=1, shards_in_flight=2, echo={"seconds_per_row": 0.4})
    process = job.start()
    until(lambda: list(job.store.list(job.layout.results)), "a first shard is committed")
    process.terminate()
    code, log = job.end(process)
    assert code == ExitReason.INTERRUPTED, log
    progress = job.progress()
    assert progress is not None
    assert progress.phase is Phase.DRAINED


@pytest.mark.parametrize(
    "marker", ["crash_marker", "kill_marker", "hang_marker"], ids=["engine dies", "process is killed", "process hangs"]
)
def test_poison_row_is_isolated_and_the_job_goes_on(job: Job, marker: str) -> None:
    rows = chats(60)
    rows[32] = chat(33, "poison BOOM")
    job.stage(rows, shard_rows=20, max_num_seqs=40, window_factor=1, hang_seconds=3, echo={marker: "BOOM"})
    code, log = job.run()
    assert code == 0, log
    assert job.every_row_ended_once()
    [dead] = [found for found in job.results() if found["state"] != "succeeded"]
    assert (dead["line"], dead["error_class"], dead["attempts"]) == (33, "poison", 4)
    assert "BOOM" in dead["request"]
    assert "BOOM" not in log


def test_second_generation_fences_the_first(job: Job) -> None:
    job.stage(chats(120), max_num_seqs=5, window_factor=1, shards_in_flight=2, echo={"seconds_per_row": 0.3})
    first = job.start(generation=1)
    until(lambda: list(job.store.list(job.layout.results)), "a first shard is committed")
    second = job.start(generation=2)
    code, log = job.end(first)
    assert code == ExitReason.SUPERSEDED, log
    code, log = job.end(second)
    assert code == 0, log
    assert job.every_row_ended_once()
    code, log = job.run(generation=1)
    assert code == ExitReason.SUPERSEDED, log
    progress = job.progress()
    assert progress is not None
    assert (progress.generation, progress.phase) == (2, Phase.DONE)


@pytest.mark.parametrize(("seconds", "answered"), [(-1.0, False), (15.0, True)])
def test_rows_that_have_not_begun_by_the_deadline_expire(job: Job, seconds: float, answered: bool) -> None:
    """The rows take 40 s, of which some are over after 15: both as many times longer as this machine is slow."""
    settings = {"max_num_seqs": 4, "window_factor": 1, "shards_in_flight": 2}
    job.stage(chats(400), sla=seconds * job.slowness, echo={"seconds_per_row": 0.4}, **settings)
    code, log = job.run()
    assert code == 0, log
    assert job.every_row_ended_once()
    states = [found["state"] for found in job.results()]
    assert set(states) == ({"succeeded", "expired"} if answered else {"expired"})
    progress = job.progress()
    assert progress is not None
    assert (progress.rows.expired, progress.phase) == (states.count("expired"), Phase.DONE)


def test_cancel(job: Job) -> None:
    job.stage(chats(120), max_num_seqs=5, window_factor=1, shards_in_flight=4, echo={"seconds_per_row": 0.3})
    process = job.start()
    until(lambda: (p := job.progress()) is not None and p.rows.ended, "rows end")
    job.control(DesiredState.CANCEL)
    code, log = job.end(process)
    assert code == ExitReason.CANCELLED, log
    progress = job.progress()
    assert progress is not None
    assert (progress.phase, progress.message) == (Phase.CANCELLED, "cancelled: test")


def test_a_cancelled_job_that_delivers_aborts_what_is_in_the_engine_and_commits_every_row(job: Job) -> None:
    long = {"seconds_per_row": 3600.0}
    job.stage(chats(50), max_num_seqs=5, on_cancel=OnCancel.DELIVER, drain_grace_seconds=1, echo=long)
    process = job.start()
    until(lambda: (progress := job.progress()) is not None and progress.rows.running, "rows are in the engine")
    job.control(DesiredState.CANCEL)
    code, log = job.end(process)
    assert code == 0, log
    assert job.every_row_ended_once()
    assert {(row["state"], row["attempts"] > 0) for row in job.results()} == {("cancelled", True), ("cancelled", False)}
    progress = job.progress()
    assert progress is not None
    assert (progress.phase, progress.rows.cancelled, progress.rows.ended) == (Phase.DONE, 50, 50)


@pytest.mark.parametrize("kill", [False, True], ids=["at once", "driver killed"])
def test_a_cancelled_job_that_delivers_keeps_its_answers(job: Job, kill: bool) -> None:
    engine: dict[str, Any] = {"max_num_seqs": 5, "window_factor": 1, "shards_in_flight": 3}
    job.stage(chats(200), on_cancel=OnCancel.DELIVER, echo={"seconds_per_row": 0.3}, **engine)
    process = job.start()
    until(lambda: list(job.store.list(job.layout.results)), "a first shard is committed")
    job.control(DesiredState.CANCEL)
    if kill:
        process.kill()
        job.end(process)
        kept = {item.uri: item.etag for item in job.store.list(job.layout.results)}
        process = job.start(generation=2)
    else:
        kept = {}
    code, log = job.end(process)
    assert code == 0, log
    assert job.every_row_ended_once()
    states = Counter(row["state"] for row in job.results())
    assert set(states) == {"succeeded", "cancelled"}
    assert states["succeeded"] >= 10
    assert kept.items() <= {item.uri: item.etag for item in job.store.list(job.layout.results)}.items()


def test_error_rate_keeps_what_is_committed(job: Job) -> None:
    rows = chats(200)
    for line in range(0, 200, 2):
        rows[line] = chat(line + 1, "FAIL")
    job.stage(rows, rate=0.1, max_num_seqs=10, shards_in_flight=2, echo={"fail_marker": "FAIL", "seconds_per_row": 0.3})
    code, log = job.run()
    assert code == ExitReason.ERROR_RATE, log
    assert "max_error_rate 10.0%" in log.strip().splitlines()[-1]
    assert job.results()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("bundled:no-such-model", "no such bundled model"),
        (f"s3://{BUCKET}/no/model", "no config.json"),
        ("/no/such/folder", "no such folder"),
    ],
)
def test_unknown_model_ends_before_an_engine_is_started(job: Job, model: str, message: str) -> None:
    job.stage(chats(10), kind="vllm", model=model)
    until(lambda: not replica_pids(job.environment), "replicas of earlier jobs are gone")
    process = job.start()
    actors: set[int] = set()
    while process.poll() is None:
        actors |= set(replica_pids(job.environment))
        time.sleep(0.1)
    code, log = job.end(process)
    assert code == ExitReason.ENGINE_START, log
    assert message in log.strip().splitlines()[-1]
    assert not actors, "a replica was started for a model that is not there"
    progress = job.progress()
    assert progress is not None
    assert progress.exit_code == ExitReason.ENGINE_START


def test_bad_spec_and_unreachable_store(job: Job) -> None:
    job.stage(chats(1))
    job.store.put(job.layout.spec, b'{"job_id": 1}')
    code, log = job.run()
    assert code == ExitReason.BAD_SPEC, log
    job.environment = {**job.environment, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    code, log = job.run()
    assert code == ExitReason.STORE_UNREACHABLE, log


def test_real_engine_mixed_rows_and_no_child_survives_a_killed_actor(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_ENV, job.environment[CACHE_ENV])
    person = {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    rows = [
        chat(1, "What is the capital of France?", temperature=0, max_tokens=20),
        row(2, {"prompt": "The sea is", "temperature": 0, "max_tokens": 8}, Endpoint.COMPLETIONS),
        chat(3, "Describe a person as JSON.", person, temperature=0, max_tokens=80),
        row(4, {"prompt": "word " * 1200, "max_tokens": 4}, Endpoint.COMPLETIONS),
        row(5, {"prompt": "x", "temperature": -1}, Endpoint.COMPLETIONS),
        chat(6, "Say hello.", {"type": "nonsense"}, max_tokens=4),
        chat(7, "Describe a person as JSON.", person, temperature=0, max_tokens=3),
        *[chat(n, f"Count from {n}.", temperature=0, max_tokens=64, ignore_eos=True) for n in range(8, 33)],
    ]
    settings = {"max_model_len": 1024, "max_num_seqs": 2, "window_factor": 1, "shards_in_flight": 2}
    job.stage(rows, shard_rows=8, model=str(tiny_model()), kind="vllm", **settings)
    process = job.start()
    until(lambda: list(job.store.list(job.layout.results)), "a first shard is committed")
    pid = until(lambda: replica_pid(job.environment), "the replica runs")
    children = psutil.Process(pid).children(recursive=True)
    assert len(children) >= 2
    assert {os.getsid(child.pid) for child in children} == {pid}, "an engine shares the session of Ray's servers"
    os.kill(pid, signal.SIGKILL)
    gone, survivors = psutil.wait_procs(children, timeout=120)
    assert not survivors
    assert gone
    code, log = job.end(process)
    assert code == 0, log
    assert job.every_row_ended_once()
    by_line = {r["line"]: r for r in job.results()}
    assert by_line[1]["completion_tokens"] == 20
    assert by_line[2]["completion_tokens"] == 8
    bodies = {line: json.loads(r["response"]) for line, r in by_line.items() if r["response"] is not None}
    assert set(json.loads(bodies[3]["choices"][0]["message"]["content"])) == {"name", "age"}
    assert bodies[8]["choices"][0]["finish_reason"] == "length"
    assert bodies[8]["id"] == f"chatcmpl-{request_id_of(job.job_id, by_line[8]['row_id'])}"
    errors = {line: r["error_class"] for line, r in by_line.items() if r["state"] == "failed"}
    assert errors == {4: "too_long", 5: "invalid", 6: "schema", 7: "schema"}
