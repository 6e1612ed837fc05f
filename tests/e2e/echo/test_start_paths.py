"""One job, started three ways, and requests that must be refused before an engine starts.

Any engine will do here, so the fake one answers. ``test_answers`` uses the real one.
"""

import json
import posixpath
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest

from chaos.cell import Matrix
from chaos.stack import echo_engine, vllm_engine
from e2e.echo.leaks import leaks, planted
from e2e.running import Running
from llmbatch.core.access import Side
from llmbatch.core.errors import StoreDenied
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import JobManifest
from llmbatch_stack.demo.airflow_api import DagRun
from llmbatch_stack.demo.job_run import BASE_URI, DAG_ID, JobFailed, layout_of, open_store
from llmbatch_stack.environment import environment
from llmbatch_stack.settings import BUCKET

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]

INPUT = f"s3://{BUCKET}/inputs/e2e/mixed.jsonl"
QUESTION = "What is the capital of France? Answer in English with one sentence."

ROWS = [
    {"custom_id": "chat", "method": "POST", "url": "/v1/chat/completions",
     "body": {"messages": [{"role": "user", "content": QUESTION}], "max_tokens": 7}},
    {"custom_id": "completion", "method": "POST", "url": "/v1/completions",
     "body": {"prompt": "The sea is", "max_tokens": 8, "temperature": 0, "seed": 7}},
    {"custom_id": "bad-sampling", "method": "POST", "url": "/v1/chat/completions",
     "body": {"messages": [{"role": "user", "content": "Hello"}], "temperature": -1}},
    {"custom_id": "too-long", "method": "POST", "url": "/v1/chat/completions",
     "body": {"messages": [{"role": "user", "content": "word " * 4000}]}},
]  # fmt: skip
CONF: dict[str, object] = {"input_uri": INPUT, "max_error_rate": 0.7, "sampling": {"max_tokens": 16, "temperature": 0}}
REFUSED: dict[str, dict[str, object]] = {
    "input_uri": {"input_uri": f"s3://{BUCKET}/inputs/e2e/absent.jsonl"},
    "no-such-bucket": {"input_uri": "s3://no-such-bucket/x.jsonl"},
    "max_tokens": {"max_tokens": 3},
}
"""What is wrong with a request, by a word of its refusal."""


@pytest.fixture(scope="module")
def running(matrix: Matrix) -> Iterator[Running]:
    stack = matrix.stack
    stack.mend()
    stack.configure(echo_engine(stack.journal, 0.1))
    lines = [json.dumps(row) for row in ROWS]
    lines.insert(1, "{broken")
    stack.store.put(INPUT, "\n".join(lines).encode())
    with stack.api() as api:
        yield Running(stack.settings, stack.credentials, stack.store, api)


def start_by_rest(running: Running, conf: dict[str, object]) -> str:
    return running.api.trigger(DAG_ID, conf).run_id


def start_by_form(running: Running, conf: dict[str, object]) -> str:
    """The UI sends every field of the form, the untouched ones with the form's default."""
    params = running.api.get(f"/api/v2/dags/{DAG_ID}/details").json()["params"]
    form = {name: param["value"] for name, param in params.items()}
    return running.api.trigger(DAG_ID, form | conf).run_id


def start_by_cli(running: Running, conf: dict[str, object]) -> str:
    run_id = f"cli__{uuid.uuid4().hex}"
    env = environment("airflow", running.settings, running.credentials)
    command = ["airflow", "dags", "trigger", DAG_ID, "--conf", json.dumps(conf), "--run-id", run_id]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return run_id


WAYS = (start_by_rest, start_by_form, start_by_cli)


@pytest.fixture(scope="module")
def run_ids(running: Running) -> dict[str, str]:
    """Start all runs at once, so that waits overlap; by the name of the way or by a word of the refusal."""
    good = {start.__name__: start(running, CONF) for start in WAYS}
    return good | {words: start_by_rest(running, CONF | wrong) for words, wrong in REFUSED.items()}


@pytest.fixture(scope="module", params=[start.__name__ for start in WAYS])
def started(running: Running, run_ids: dict[str, str], request: pytest.FixtureRequest) -> tuple[str, JobManifest]:
    """A finished job: its run and its proof."""
    run_id = run_ids[request.param]
    return run_id, running.finish(run_id)


def test_started_three_ways_the_job_is_the_same(running: Running, started: tuple[str, JobManifest]):
    _, manifest = started
    assert (manifest.rows.input, manifest.rows.succeeded, manifest.rows.failed) == (5, 2, 3)
    assert (manifest.missing, manifest.duplicates) == (0, 0)
    files = running.files(manifest)
    errors = [json.loads(line) for line in files["errors.jsonl"].splitlines()]
    assert {e["custom_id"] for e in errors} == {"00000-000000002", "bad-sampling", "too-long"}
    answers = {a["custom_id"]: a["response"]["body"] for a in map(json.loads, files["output.jsonl"].splitlines())}
    assert answers["chat"]["choices"][0]["message"]["content"] == "echo: What is the capital of France? Answer"
    assert answers["completion"]["usage"]["completion_tokens"] == 3


def test_log_of_the_ray_job_is_in_the_task_log(running: Running, started: tuple[str, JobManifest]):
    run_id, manifest = started
    log = running.log_of_run(run_id)
    assert f"job={manifest.job_id}" in log
    assert "phase=work" in log or "phase=done" in log
    assert "capital of France" not in log
    assert running.credentials.ray_token not in log


@pytest.mark.parametrize("words", REFUSED)
def test_bad_request_fails_in_accept_with_the_field(running: Running, run_ids: dict[str, str], words: str):
    run_id = run_ids[words]
    with pytest.raises(JobFailed, match="task accept") as caught:
        running.finish(run_id)
    assert words in str(caught.value)
    states = running.api.tasks(DAG_ID, run_id)
    assert states["run"].state == "upstream_failed"


def test_unknown_model_fails_with_advice_and_no_retry(running: Running, matrix: Matrix):
    matrix.stack.configure(vllm_engine())
    run_id = start_by_rest(running, CONF | {"model": "bundled:no-such-model"})
    with pytest.raises(JobFailed, match="task run") as caught:
        running.finish(run_id)
    assert "no-such-model" in str(caught.value)
    layout = layout_of(DagRun(DAG_ID, run_id, "failed"))
    progress = json.loads(running.store.get(layout.progress))
    assert progress["exit_code"] == 22
    log = running.log_of_run(run_id)
    assert running.api.tasks(DAG_ID, run_id)["run"].attempt == 1, log
    # not the heartbeat's generation: a claim whose answer was lost is written again, under the next number
    assert log.count("event=submitted ") == 1, log


def test_no_secret_is_in_logs_database_objects_or_command_lines(
    running: Running, matrix: Matrix, run_ids: dict[str, str]
):
    manifest = running.finish(run_ids[start_by_cli.__name__])
    root = JobLayout.of(BASE_URI, manifest.job_id).root
    assert leaks(matrix.stack, root) == []
    with planted(matrix.stack, root) as places:
        assert set(leaks(matrix.stack, root)) == places


FORBIDDEN = {
    Side.AIRFLOW: ["results/shard-00000.parquet", "results/shard-99999.parquet", "progress.json", "crashes/x.json"],
    Side.RAY: [
        "spec.json", "manifest.json", "control.json", "staged/shard-00000.parquet", "output/output.jsonl",
        "../../idempotency/x.json", "../../queue.json", "../../gateway/keys/x.json", "../../../inputs/x.jsonl",
    ],
}  # fmt: skip
"""What a side may not write, from the folder of a job that it has run."""


@pytest.mark.parametrize("side", Side)
def test_the_store_refuses_what_a_side_may_not_write(running: Running, run_ids: dict[str, str], side: Side):
    job_id = running.finish(run_ids[start_by_cli.__name__]).job_id
    key = running.credentials.s3_key_of(side)
    theirs = replace(running.credentials, s3_access_key=key.access, s3_secret_key=key.secret)
    store = open_store(running.settings, theirs)
    for name in FORBIDDEN[side]:
        uri = f"s3://{BUCKET}/{posixpath.normpath(f'llmbatch/jobs/{job_id}/{name}')}"
        with pytest.raises(StoreDenied):
            store.put(uri, b"forged")
