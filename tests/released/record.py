"""``make record-release``: record what this version stores, into ``tests/released/<version>``.

Real code makes the jobs: the gateway, ``accept``, ``stage``, the Ray job with the fake engine in the Ray room, a real
S3 server, ``publish`` and ``report``. Only Airflow is a fake, as it stores no document of ours. Later versions must
read, resume, list, retry and show these jobs: see ADR 21. Never record a version again that is released.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from fakes.gateway import FakeAirflow, fake_parts
from fakes.input_rows import CHAT, user
from fakes.ray_servers import BUCKET, running_s3, until
from fakes.released import STATES
from llmbatch.core.alert_content import compose
from llmbatch.core.alerts import Level
from llmbatch.core.clock import SystemClock
from llmbatch.core.config import Config
from llmbatch.core.errors import BatchInvalid, RequestError
from llmbatch.core.heartbeat import fetch_heartbeat
from llmbatch.core.identity import FAILURE, INFERENCE_DAG, job_id_of
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.progress import Progress
from llmbatch.core.sla import JobSla
from llmbatch.core.states import DesiredState, ExitReason
from llmbatch.core.store import MemoryStore
from llmbatch.gateway.app import create_app
from llmbatch.orchestrator.admission.queue import leave_queue
from llmbatch.orchestrator.alerting.job_alerts import raise_alert
from llmbatch.orchestrator.alerting.turns import take_turn
from llmbatch.orchestrator.history.job_report import learn_from, report_sla
from llmbatch.orchestrator.intake.accept import accept, request_of
from llmbatch.orchestrator.publishing.publish import publish
from llmbatch.orchestrator.staging.batch_check import check_batch
from llmbatch.orchestrator.staging.stage import stage
from llmbatch.orchestrator.steering.control import request_state
from llmbatch.orchestrator.steering.service import start_admission, stop_admission
from llmbatch.s3.client import open_environment_store
from llmbatch.s3.store import S3Store
from llmbatch.version import VERSION
from llmbatch_stack.settings import load as load_settings

BASE = f"s3://{BUCKET}/released"
FOLDER = Path(__file__).parent / VERSION
OWNER = "ann"
CALLER = {"Authorization": f"Bearer op-{OWNER}"}


class Deployment:
    """One deployment of this version: store, gateway, the tasks of Airflow, and the Ray room."""

    def __init__(self, store: S3Store, variables: Mapping[str, str]) -> None:
        self.store, self.clock = store, SystemClock()
        self.airflow = FakeAirflow(self.clock)
        parts = fake_parts(self.config(), store, self.airflow, self.clock)
        self.client = TestClient(create_app(lambda: parts))
        self.jobs: dict[str, str] = {}
        """Job id of each state."""
        self.frozen: dict[str, dict[str, bytes]] = {}
        """Objects of a job as they were at an earlier moment, by its folder and their address."""
        keep = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RAY_", "PYTHON"))}
        self._environment = {
            **keep,
            **variables,
            "PYTHONPATH": os.environ["PYTHONPATH"],
            "RAY_USAGE_STATS_ENABLED": "0",
        }

    def config(self, **echo: object) -> Config:
        """Return config.yaml: one row at a time, two rows a shard, so that there is a middle of each job."""
        engine = {"kind": "echo", "max_num_seqs": 1, "window_factor": 1, "shards_in_flight": 1, "echo": echo}
        return Config.model_validate(
            {
                "store": {"base_uri": BASE},
                "default_model": "small",
                "models": {"small": {"uri": "hub/small"}},
                "engine": engine,
                "staging": {"shard_rows": 2},
                "heartbeat": {"seconds": 0.2},
            }
        )

    def submit(self, name: str, lines: list[dict[str, object] | str] | None = None, **conf: object) -> str:
        """Upload an input and start a run; return its id."""
        if lines is not None:
            conf["input_uri"] = f"s3://{BUCKET}/input/{name}.jsonl"
            text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
            self.store.put(str(conf["input_uri"]), text.encode())
        run_id = f"released__{name}"
        values: Any = conf
        asyncio.run(self.airflow.start_run(CALLER["Authorization"], INFERENCE_DAG, run_id, values))
        self.jobs[name] = job_id_of(INFERENCE_DAG, run_id)
        return run_id

    def accept(self, run_id: str, **echo: object) -> JobSpec:
        """Run the task ``accept``."""
        run = self.airflow.dag_runs[INFERENCE_DAG, run_id]
        self.airflow.set_state(INFERENCE_DAG, run_id, "running")
        return accept(
            request_of({}, run.conf), dag_id=INFERENCE_DAG, run_id=run_id, created_at=run.run_after,
            config=self.config(**echo), store=self.store, owner=OWNER,
        )  # fmt: skip

    def accepted(self, run_id: str, **echo: object) -> JobSpec:
        """Run the tasks ``accept`` and ``stage``."""
        spec = self.accept(run_id, **echo)
        stage(spec, self.store, self.clock)
        return spec

    def start(self, spec: JobSpec) -> subprocess.Popen[bytes]:
        """Start the Ray job, which starts a Ray of its own."""
        python = load_settings().python("ray")
        command = [python, "-m", "llmbatch.cluster", "--job", spec.root_uri, "--generation", "1"]
        return subprocess.Popen(command, env=self._environment)

    def run(self, spec: JobSpec, ends: ExitReason = ExitReason.COMMITTED) -> None:
        """Run the Ray job to its end."""
        code = self.start(spec).wait(300)
        assert code == ends, f"exit code {code} instead of {ends}"

    def beats(self, spec: JobSpec, condition: Callable[[Progress], bool]) -> None:
        """Wait for a heartbeat."""

        def holds() -> bool:
            beat = fetch_heartbeat(self.store, spec.layout)
            return beat is not None and condition(beat.progress)

        until(holds, "the heartbeat shows it")

    def publish(self, spec: JobSpec) -> None:
        """Run the tasks ``publish`` and ``report``."""
        publish(spec, self.store, self.clock)
        leave_queue(BASE, spec.job_id, self.store)
        report_sla(spec.root_uri, self.store)
        learn_from(spec.root_uri, self.store)
        self.end(spec.run_id)

    def end(self, run_id: str, task: str = "", failure: str = "") -> None:
        """End a run: it succeeds, or this task fails."""
        state = "failed" if task else "success"
        self.airflow.set_state(INFERENCE_DAG, run_id, state, self.clock.now())
        if task:
            self.airflow.tasks[INFERENCE_DAG, run_id] = {task: "failed"}
            self.airflow.xcoms[INFERENCE_DAG, run_id, task, FAILURE] = failure

    def ask(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        """Return the answer of the gateway."""
        answer = self.client.request(method, path, headers=CALLER, **arguments)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def batch(self, name: str, content: bytes) -> str:
        """Upload a file and order a batch; return the id of the batch."""
        file = self.ask("POST", "/v1/files", files={"file": ("in.jsonl", content)}, data={"purpose": "batch"})
        order = {"input_file_id": file["id"], "endpoint": CHAT, "completion_window": "24h"}
        batch_id = str(self.ask("POST", "/v1/batches", json=order)["id"])
        self.jobs[name] = f"job-{batch_id.removeprefix('batch_')}"
        return batch_id

    def run_of(self, name: str) -> str:
        """Return the run id of a job."""
        runs = (run for _, run in self.airflow.dag_runs)
        return next(run for run in runs if job_id_of(INFERENCE_DAG, run) == self.jobs[name])


def rows(count: int, *more: dict[str, object] | str) -> list[dict[str, object] | str]:
    """Return readable lines, and then others."""
    return [*({"prompt": f"question {number}", "id": f"q{number}", "lang": "en"} for number in range(count)), *more]


def waiting(deployment: Deployment) -> None:
    """Staged, and not begun. Rows may begin after its deadline, as folders are old when they are read."""
    deployment.accepted(deployment.submit("waiting", rows(4), sla_hours=2160, on_deadline="finish"))


def half_done(deployment: Deployment) -> None:
    """It runs: some of its shards are committed, one is open. Rows may begin after its deadline, too."""
    run_id = deployment.submit("half_done", rows(12), sla_hours=2160, on_deadline="finish")
    spec = deployment.accepted(run_id, seconds_per_row=0.4)
    process = deployment.start(spec)
    deployment.beats(spec, lambda progress: progress.shards.committed >= 2)
    infos = list(deployment.store.list(f"{spec.root_uri}/"))
    frozen = {info.uri: deployment.store.get(info.uri) for info in infos}
    process.terminate()
    process.wait(60)
    committed = [uri for uri in frozen if uri.startswith(spec.layout.results)]
    assert 2 <= len(committed) < 6, committed
    deployment.frozen[f"{spec.root_uri}/"] = frozen


def finished(deployment: Deployment) -> None:
    """Delivered and reported, with failed rows, a crash of its engine, and an alert that a receiver waits for."""
    lines = rows(6, "broken", {"prompt": "please FAIL", "id": "f"}, {"prompt": "please CRASH", "id": "c"})
    output = f"s3://{BUCKET}/delivered"
    run_id = deployment.submit("finished", lines, max_error_rate=0.9, output_uri=output, idempotency_key="nightly")
    spec = deployment.accepted(run_id, fail_marker="FAIL", crash_marker="CRASH")
    now = deployment.clock.now()
    alert = compose(JobSla.of(spec), Level.YELLOW, 1, progress=None, is_stale=False, now=now, raised_by="sensor")
    raise_alert(alert, deployment.store, spec.layout)
    take_turn(deployment.store, f"{spec.layout.alerts}sending/yellow-1.webhook", now)
    deployment.run(spec)
    deployment.publish(spec)


def retry(deployment: Deployment) -> None:
    """The failed rows of that job again."""
    spec = deployment.accepted(
        deployment.submit("retry", retry_failed_of=deployment.jobs["finished"], max_error_rate=1)
    )
    deployment.run(spec)
    deployment.publish(spec)


def failed(deployment: Deployment) -> None:
    """Too many rows failed."""
    run_id = deployment.submit("failed", [{"prompt": "FAIL"}] * 8, max_error_rate=0)
    deployment.run(deployment.accepted(run_id, fail_marker="FAIL"), ends=ExitReason.ERROR_RATE)
    deployment.end(run_id, "run", "ERROR_RATE: too many rows failed")


def refused(deployment: Deployment) -> None:
    """Not accepted: it has a run and no folder."""
    run_id = deployment.submit("refused", input_uri=f"s3://{BUCKET}/input/nothing.jsonl")
    try:
        deployment.accept(run_id)
    except RequestError as error:
        deployment.end(run_id, "accept", str(error))


def cancelled(deployment: Deployment, name: str = "cancelled", **conf: object) -> None:
    """Cancelled while it ran."""
    run_id = deployment.submit(name, rows(12), **conf)
    spec = deployment.accepted(run_id, seconds_per_row=0.4)
    process = deployment.start(spec)
    deployment.beats(spec, lambda progress: progress.shards.committed >= 1)
    store, clock = deployment.store, deployment.clock
    request_state(spec.root_uri, DesiredState.CANCEL, reason="changed plans", by=OWNER, store=store, clock=clock)
    code = process.wait(300)
    if conf:
        assert code == ExitReason.COMMITTED, code
        deployment.publish(spec)
    else:
        assert code == ExitReason.CANCELLED, code
        deployment.end(run_id, "run", "CANCELLED: changed plans")


def delivered_cancelled(deployment: Deployment) -> None:
    """Cancelled while it ran, and delivered with what it had."""
    cancelled(deployment, "delivered_cancelled", on_cancel="deliver")


def batch(deployment: Deployment) -> None:
    """A batch of OpenAI's API, completed and shown."""
    requests = (
        {"custom_id": f"row-{number}", "method": "POST", "url": CHAT, "body": user("hi", model="small")}
        for number in range(4)
    )
    batch_id = deployment.batch("batch", "".join(f"{json.dumps(each)}\n" for each in requests).encode())
    spec = deployment.accept(deployment.run_of("batch"))
    check_batch(spec, deployment.config(), deployment.store, deployment.clock)
    stage(spec, deployment.store, deployment.clock)
    deployment.run(spec)
    deployment.publish(spec)
    assert deployment.ask("GET", f"/v1/batches/{batch_id}")["status"] == "completed"


def invalid_batch(deployment: Deployment) -> None:
    """A batch that is refused for its lines."""
    batch_id = deployment.batch("invalid_batch", b"{}\nbroken\n")
    run_id = deployment.run_of("invalid_batch")
    spec = deployment.accept(run_id)
    try:
        check_batch(spec, deployment.config(), deployment.store, deployment.clock)
    except BatchInvalid as error:
        deployment.end(run_id, "stage", str(error))
    assert deployment.ask("GET", f"/v1/batches/{batch_id}")["status"] == "failed"


def record(deployment: Deployment) -> None:
    """Make the documents of the deployment, and a job in each state."""
    deployment.ask("POST", "/keys", json={"name": "nightly evaluation", "days": 30})
    stop_admission(BASE, reason="new GPUs", by=OWNER, store=deployment.store, clock=deployment.clock)
    start_admission(BASE, by=OWNER, store=deployment.store, clock=deployment.clock)
    for name in STATES:
        globals()[name](deployment)


def write(deployment: Deployment) -> None:
    """Write the folder anew. Raises ``AssertionError`` if a memory store would give an object another ETag."""
    store, check = deployment.store, MemoryStore()
    infos = [info for info in store.list(f"s3://{BUCKET}/") if not info.uri.startswith(tuple(deployment.frozen))]
    objects = {info.uri: store.get(info.uri) for info in infos}
    assert {info.uri: info.etag for info in infos} == {uri: check.put(uri, body).etag for uri, body in objects.items()}
    for frozen in deployment.frozen.values():
        objects |= frozen
    shutil.rmtree(FOLDER, ignore_errors=True)
    for uri, body in objects.items():
        path = FOLDER / "store" / uri.removeprefix(f"s3://{BUCKET}/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    airflow = deployment.airflow
    runs = [
        {"run": run.model_dump(mode="json"), "tasks": airflow.tasks.get(key, {}), "failures": _failures(airflow, key)}
        for key, run in airflow.dag_runs.items()
    ]
    noted = {
        "base_uri": BASE,
        "recorded_at": (deployment.clock.now() + timedelta(seconds=1)).isoformat(),
        "jobs": deployment.jobs,
        "runs": runs,
    }
    (FOLDER / "airflow.json").write_text(json.dumps(noted, indent=1) + "\n", encoding="utf-8")


def _failures(airflow: FakeAirflow, key: tuple[str, str]) -> dict[str, Any]:
    return {task: value for (*run, task, _), value in airflow.xcoms.items() if tuple(run) == key}


def main() -> None:
    """Record the folder of this version."""
    with tempfile.TemporaryDirectory(prefix="llmbatch-record-") as folder, running_s3(Path(folder)) as variables:
        os.environ.update(variables)
        deployment = Deployment(open_environment_store(), variables)
        record(deployment)
        write(deployment)
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    print(f"{FOLDER}: {len(files)} files, {sum(path.stat().st_size for path in files)} bytes")


if __name__ == "__main__":
    main()
