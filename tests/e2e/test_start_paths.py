"""One job, started three ways, and requests that must be refused before an engine starts."""

import json
import subprocess
import uuid

import pytest

from llmbatch.core.manifest import JobManifest
from llmbatch_stack.airflow_api import DagRun
from llmbatch_stack.environment import environment
from llmbatch_stack.job_run import DAG_ID, JobFailed, follow, layout_of
from llmbatch_stack.settings import BUCKET

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

INPUT = f"s3://{BUCKET}/inputs/e2e/mixed.jsonl"
QUESTION = "What is the capital of France? Answer in English with one sentence."
"""Asked more shortly, the first word of the small model's answer hangs on how a processor rounds."""

ROWS = [
    {"custom_id": "chat", "method": "POST", "url": "/v1/chat/completions",
     "body": {"messages": [{"role": "user", "content": QUESTION}], "max_tokens": 12}},
    {"custom_id": "completion", "method": "POST", "url": "/v1/completions",
     "body": {"prompt": "The sea is", "max_tokens": 8, "temperature": 0, "seed": 7}},
    {"custom_id": "bad-sampling", "method": "POST", "url": "/v1/chat/completions",
     "body": {"messages": [{"role": "user", "content": "Hello"}], "temperature": -1}},
    {"custom_id": "too-long", "method": "POST", "url": "/v1/chat/completions",
     "body": {"messages": [{"role": "user", "content": "word " * 4000}]}},
]  # fmt: skip
CONF = {"input_uri": INPUT, "max_error_rate": 0.7, "sampling": {"max_tokens": 16, "temperature": 0}}


@pytest.fixture(scope="module", autouse=True)
def uploaded(running):
    lines = [json.dumps(row) for row in ROWS]
    lines.insert(1, "{broken")
    running.store.put(INPUT, "\n".join(lines).encode())


def finish(running, run_id: str) -> JobManifest:
    run = DagRun(DAG_ID, run_id, "queued")
    return follow(running.api, running.store, run, lambda *_: None).manifest


def start_by_rest(running, conf: dict[str, object]) -> str:
    return running.api.trigger(DAG_ID, conf).run_id


def start_by_form(running, conf: dict[str, object]) -> str:
    """The UI sends every field of the form, the untouched ones with the form's default."""
    params = running.api.get(f"/api/v2/dags/{DAG_ID}/details").json()["params"]
    form = {name: param["value"] for name, param in params.items()}
    return running.api.trigger(DAG_ID, form | conf).run_id


def start_by_cli(running, conf: dict[str, object]) -> str:
    run_id = f"cli__{uuid.uuid4().hex}"
    env = environment("airflow", running.settings, running.credentials)
    command = ["airflow", "dags", "trigger", DAG_ID, "--conf", json.dumps(conf), "--run-id", run_id]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return run_id


@pytest.mark.parametrize("start", [start_by_rest, start_by_form, start_by_cli])
def test_started_three_ways_the_job_is_the_same(running, start):
    manifest = finish(running, start(running, CONF))
    assert (manifest.rows.input, manifest.rows.succeeded, manifest.rows.failed) == (5, 2, 3)
    assert (manifest.missing, manifest.duplicates) == (0, 0)
    outputs = {o.uri.rsplit("/", 1)[-1]: running.store.get(o.uri).decode().splitlines() for o in manifest.outputs}
    errors = [json.loads(line) for line in outputs["errors.jsonl"]]
    assert {e["custom_id"] for e in errors} == {"00000-000000002", "bad-sampling", "too-long"}
    answers = {a["custom_id"]: a["response"]["body"] for a in map(json.loads, outputs["output.jsonl"])}
    assert "Paris" in answers["chat"]["choices"][0]["message"]["content"]
    assert answers["completion"]["usage"]["completion_tokens"] == 8


@pytest.mark.parametrize(
    ("conf", "words"),
    [
        (CONF | {"input_uri": f"s3://{BUCKET}/inputs/e2e/absent.jsonl"}, "input_uri"),
        (CONF | {"input_uri": "s3://no-such-bucket/x.jsonl"}, "no-such-bucket"),
        (CONF | {"max_tokens": 3}, "max_tokens"),
    ],
)
def test_bad_request_fails_in_accept_with_the_field(running, conf, words):
    run_id = start_by_rest(running, conf)
    with pytest.raises(JobFailed, match="task accept") as caught:
        finish(running, run_id)
    assert words in str(caught.value)
    states = running.api.tasks(DAG_ID, run_id)
    assert states["run"].state == "upstream_failed"


def test_unknown_model_fails_with_advice_and_no_retry(running):
    run_id = start_by_rest(running, CONF | {"model": "bundled:no-such-model"})
    with pytest.raises(JobFailed, match="task run") as caught:
        finish(running, run_id)
    assert "no-such-model" in str(caught.value)
    layout = layout_of(DagRun(DAG_ID, run_id, "failed"))
    progress = json.loads(running.store.get(layout.progress))
    assert progress["exit_code"] == 22
    assert progress["generation"] == 1


def test_log_of_the_ray_job_is_in_the_task_log(running):
    run_id = start_by_rest(running, CONF)
    manifest = finish(running, run_id)
    log = running.api.log(DAG_ID, run_id, "run", running.api.tasks(DAG_ID, run_id)["run"].attempt)
    assert f"job={manifest.job_id}" in log
    assert "phase=work" in log or "phase=done" in log
    assert "capital of France" not in log
    assert running.credentials.ray_token not in log


def test_the_pool_of_ray_jobs_counts_deferred_tasks(running):
    pool = running.api.get("/api/v2/pools/llmbatch_ray").json()
    assert pool["include_deferred"] is True
    assert pool["slots"] == 1
