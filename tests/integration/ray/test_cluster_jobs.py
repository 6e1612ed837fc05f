"""Whole jobs through real Ray and a real S3 server: the process is started as Ray's job manager would start it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fakes.job_inputs import NO_INPUT
from llmbatch.cluster.driver.shard_stream import MAX_BLOCKS
from llmbatch.cluster.models.model_cache import CACHE_ENV
from llmbatch.cluster.replica.request_id import request_id_of
from llmbatch.cluster.storage.shard_table import read_tally
from llmbatch.cluster.storage.store import open_store
from llmbatch.core.config_sections import HeartbeatConfig, StagingConfig
from llmbatch.core.control import Control, ReplicaBounds
from llmbatch.core.endpoints import Endpoint
from llmbatch.core.engine_settings import EngineSettings
from llmbatch.core.identity import shard_id_of
from llmbatch.core.job_request import JobRequest
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.progress import Progress
from llmbatch.core.request_options import InputFormat, OnCancel, OutputFormat
from llmbatch.core.rows import STAGED_COLUMNS
from llmbatch.core.shard_order import running_order
from llmbatch.core.shards import StagedManifest, StagedShard
from llmbatch.core.states import DesiredState, ExitReason, Phase
from llmbatch.s3.store import S3Store
from llmbatch_stack.settings import load as load_settings
from tiny_model import tiny_model

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]

BUCKET = "cluster-tests"
MARK = "LLMBATCH_TEST_CLUSTER"
"""Environment variable by which the processes of our own cluster are known: other clusters may run on this machine."""

REPOSITORY = Path(__file__).parents[3]

PATIENCE_SECONDS = 600.0
"""Before what does not come is a failure; no measure of speed."""

BRISK_SECONDS = 5.0
"""What a job of a few rows takes, from start to end, on a machine for which the windows of these tests are wide."""


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(sock.getsockname()[1]) for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait for something outside this process, which cannot wake us."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS:g} s: {what}"
        time.sleep(0.1)
    return value


def stop_tree(process: subprocess.Popen[Any]) -> None:
    if process.poll() is not None:
        return
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):  # the head's own shutdown may be quicker
            member.kill()
    process.wait(timeout=10)


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A SeaweedFS of our own; its binary may be in the venv of the other room."""
    folder = tmp_path_factory.mktemp("weed")
    places = [Path(sys.prefix) / "bin", *sorted((REPOSITORY / ".llmbatch" / "venvs").glob("*/bin"))]
    weed = shutil.which("weed") or next((str(p / "weed") for p in places if (p / "weed").exists()), None)
    assert weed is not None, "no weed binary: run `make install`"
    identity = {
        "name": "tests",
        "credentials": [{"accessKey": "key", "secretKey": "secret"}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    names = ("s3.port", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port")
    names = (*names, "filer.port.grpc", "s3.port.grpc", "admin.port")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    off = ("-master.telemetry=false", "-webdav=false", "-admin.ui=false", "-s3.iam=false")
    command = [weed, "mini", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.config={folder}/s3.json"]
    command += [f"-bucket={BUCKET}", *off, "-s3.port.iceberg=0", "-s3.port.lance=0"]
    command += [f"-{name}={port}" for name, port in ports.items()]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log, cwd=folder) as process:
        until(lambda: reachable(ports["s3.port"]), "SeaweedFS answers")
        try:
            yield {
                "AWS_ACCESS_KEY_ID": "key",
                "AWS_SECRET_ACCESS_KEY": "secret",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ports['s3.port']}",
            }
        finally:
            stop_tree(process)


def reachable(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def cluster(s3: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """One Ray node for all tests. Its processes get no AWS_* variables, as on a node that has none."""
    folder = Path("/tmp") / f"rt-{uuid.uuid4().hex[:6]}"
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RAY_", "PYTHOND"))
    }
    environment |= {"PYTHONPATH": str(REPOSITORY / "include"), "RAY_AUTH_MODE": "disabled"}
    environment |= {"RAY_USAGE_STATS_ENABLED": "0", MARK: uuid.uuid4().hex}
    environment |= {CACHE_ENV: str(load_settings().models)}
    [port] = free_ports(1)
    command = [str(Path(sys.executable).parent / "ray"), "start", "--head", "--block", "--node-ip-address=127.0.0.1"]
    command += [f"--port={port}", "--num-cpus=8", "--include-dashboard=false", f"--temp-dir={folder}"]
    log = (tmp_path_factory.mktemp("ray") / "log").open("wb")
    with log, subprocess.Popen(command, stdout=log, stderr=log, env=environment) as process:
        try:
            until(lambda: reachable(port), "Ray answers")
            yield {**environment, **s3, "RAY_ADDRESS": f"127.0.0.1:{port}", "RAY_JOB_STOP_WAIT_TIME_S": "5"}
        finally:
            stop_tree(process)
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def store(s3: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> S3Store:
    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    return open_store()


class Job:
    """One staged job, and the process that runs it. Rows of the fake engine take ``slowness`` times the given time."""

    def __init__(self, store: S3Store, environment: dict[str, str], slowness: float = 1.0) -> None:
        self.store, self.environment, self.slowness = store, environment, slowness
        self.job_id = f"job-{uuid.uuid4().hex[:16]}"
        self.layout = JobLayout.of(f"s3://{BUCKET}/t", self.job_id)
        self.rows: list[dict[str, Any]] = []

    def stage(
        self,
        rows: list[dict[str, Any]],
        *,
        shard_rows: int = 10,
        model: str = "none",
        rate: float = 1.0,
        sla: float = 3600,
        on_cancel: OnCancel = OnCancel.STOP,
        **engine: Any,
    ) -> Job:
        self.rows = rows
        if "seconds_per_row" in engine.get("echo", {}):
            engine["echo"] = {**engine["echo"], "seconds_per_row": engine["echo"]["seconds_per_row"] * self.slowness}
        schema = pa.schema([pa.field(name, kind) for name, kind in STAGED_COLUMNS])
        shards = []
        for start in range(0, len(rows), shard_rows):
            part = rows[start : start + shard_rows]
            sink = io.BytesIO()
            pq.write_table(pa.table({n: [row[n] for row in part] for n, _ in STAGED_COLUMNS}, schema=schema), sink)
            shard_id = shard_id_of(len(shards))
            info = self.store.put(self.layout.staged_shard(shard_id), sink.getvalue())
            invalid = sum(row["error_class"] is not None for row in part)
            chars = sum(row["input_chars"] for row in part)
            shard = StagedShard(
                shard_id=shard_id, rows=len(part), invalid_rows=invalid, input_chars=chars, etag=info.etag
            )
            shards.append(shard)
        now = datetime.now(UTC)
        spec = JobSpec(
            job_id=self.job_id,
            dag_id="d",
            run_id="r",
            root_uri=self.layout.root,
            created_at=now,
            deadline=now + timedelta(seconds=sla),
            request=JobRequest(input_uri=f"s3://{BUCKET}/in.jsonl", max_error_rate=rate, on_cancel=on_cancel),
            input_format=InputFormat.JSONL,
            output_format=OutputFormat.JSONL,
            output_uri=f"s3://{BUCKET}/out/",
            inputs=NO_INPUT,
            model_name="m",
            model_uri=model,
            engine=EngineSettings.model_validate({"kind": "echo", "cpus_per_replica": 1, **engine}),
            staging=StagingConfig(),
            heartbeat=HeartbeatConfig(seconds=0.3),
        )
        manifest = StagedManifest(job_id=self.job_id, shards=tuple(shards), seconds=1.0)
        self.store.put(self.layout.spec, spec.model_dump_json().encode())
        self.store.put(self.layout.staged_manifest, manifest.model_dump_json().encode())
        return self

    def start(self, generation: int = 1) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "llmbatch.cluster", "--job", self.layout.root, "--generation", str(generation)]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=self.environment, stdout=pipe, stderr=pipe, text=True)

    def run(self, generation: int = 1) -> tuple[int, str]:
        return self.end(self.start(generation))

    def end(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
        return process.returncode, out + err

    def progress(self) -> Progress | None:
        try:
            return Progress.model_validate_json(self.store.get(self.layout.progress))
        except Exception:
            return None

    def control(self, desired: DesiredState, generation: int | None = None) -> None:
        control = Control(desired=desired, reason="test", generation=generation)
        self.store.put(self.layout.control, control.model_dump_json().encode())

    def results(self) -> list[dict[str, Any]]:
        tables = [pq.read_table(io.BytesIO(self.store.get(item.uri))) for item in self.store.list(self.layout.results)]
        assert len({table.schema.remove_metadata() for table in tables}) <= 1
        return [row for table in tables for row in table.to_pylist()]

    def every_row_ended_once(self) -> bool:
        return [row["row_id"] for row in self.results()] == [row["row_id"] for row in self.rows]


@pytest.fixture(scope="module")
def slowness(s3: dict[str, str], cluster: dict[str, str]) -> float:
    """How much slower than a brisk one this machine is now, at least 1, by a job of a few rows.

    Windows in which a test must act on a running job are as many times wider.
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


def row(
    line: int, request: dict[str, Any] | str, url: str = Endpoint.CHAT, error_class: str | None = None
) -> dict[str, Any]:
    text = request if isinstance(request, str) else json.dumps(request)
    limit = request.get("max_tokens", 0) if isinstance(request, dict) else 0
    return {
        "row_id": f"00000-{line:09d}",
        "custom_id": f"c{line}",
        "line": line,
        "url": url,
        "request": text,
        "input_chars": len(text),
        "answer_limit": limit,
        "error_class": error_class,
        "error": "unreadable" if error_class else None,
    }


def chat(line: int, text: str, schema: dict[str, Any] | None = None, **body: Any) -> dict[str, Any]:
    if schema is not None:
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    return row(line, {"messages": [{"role": "user", "content": text}], "max_tokens": 256, **body})


def chats(count: int) -> list[dict[str, Any]]:
    return [chat(n, f"secret prompt {n}") for n in range(1, count + 1)]


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
    etags = [item.etag for item in job.store.list(job.layout.results)]
    engines = list(tmp_path.iterdir())
    code, log = job.run(generation=2)
    assert code == 0, log
    assert list(tmp_path.iterdir()) == engines, "an engine was started"
    assert [item.etag for item in job.store.list(job.layout.results)] == etags
    second = job.progress()
    assert second is not None
    assert second.sequence > first.sequence


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
        *[chat(n, f"Count from {n}.", temperature=0, max_tokens=128, ignore_eos=True) for n in range(8, 33)],
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
