"""The clients of OpenAI's batch API that people have, unmodified, against the gateway in Airflow's api-server.

Any engine will do here, so the fake one answers. ``test_openai_batches`` uses the real one.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from openai.types import Batch
from openai.types.chat import ChatCompletion

from chaos.cell import Matrix
from chaos.stack import echo_engine
from e2e.running import Running
from e2e.sdk_scenario import ODD_ID
from fakes.client_rooms import OLDER_SDKS, python_with

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]

SCENARIO = Path(__file__).parents[1] / "sdk_scenario.py"
MODEL = "smollm2"


@pytest.fixture(scope="module")
def running(matrix: Matrix) -> Iterator[Running]:
    stack = matrix.stack
    stack.mend()
    stack.configure(echo_engine(stack.journal, 0.05))
    with stack.api() as api:
        yield Running(stack.settings, stack.credentials, stack.store, api)


@pytest.fixture(scope="module")
def gateway(running: Running) -> str:
    """The address of the gateway in the api-server."""
    return f"{running.settings.airflow_url}/llmbatch"


@pytest.fixture(scope="module")
def key(running: Running, gateway: str) -> str:
    """An API key, made with a token of Airflow."""
    login = {"username": running.credentials.airflow_user, "password": running.credentials.airflow_password}
    token = httpx.post(f"{running.settings.airflow_url}/auth/token", json=login).json()["access_token"]
    answer = httpx.post(f"{gateway}/keys", json={"name": "tests"}, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["key"])


def run_scenario(python: str, gateway: str, key: str) -> dict[str, object]:
    given = json.dumps({"key": key, "model": MODEL})
    command = [python, str(SCENARIO), f"{gateway}/v1"]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=1200)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def scenarios(running: Running, gateway: str, key: str) -> dict[str, dict[str, object]]:
    """Run the scenario with three major versions of the SDK at once."""
    pythons = {"openai-3": sys.executable, **{name: python_with(name, running.settings) for name in OLDER_SDKS}}
    with ThreadPoolExecutor(len(pythons)) as pool:
        started = {name: pool.submit(run_scenario, python, gateway, key) for name, python in pythons.items()}
        return {name: future.result() for name, future in started.items()}


@pytest.mark.parametrize("name", ["openai-3", *OLDER_SDKS])
def test_every_version_of_the_sdk_finds_what_openai_has(scenarios: dict[str, dict], name: str) -> None:
    found = scenarios[name]
    assert found["version"].startswith(name.removeprefix("openai-"))
    assert (found["uploaded"]["filename"], found["uploaded"]["status"]) == ("questions.jsonl", "processed")
    assert found["same_bytes"]
    created, last = found["created"], found["seen"][-1]
    assert (created["status"], created["metadata"]) == ("validating", {"team": "a"})
    for each in [created, *found["seen"], found["bad"]]:
        Batch.model_validate(each, strict=True)
    assert last["status"] == "completed"
    assert last["request_counts"] == {"total": 3, "completed": 2, "failed": 1}
    order = ["validating", "in_progress", "finalizing", "completed"]
    places = [order.index(each["status"]) for each in found["seen"]]
    assert places == sorted(places)
    output = [json.loads(each) for each in found["output"]]
    assert [each["custom_id"] for each in output] == ["one", ODD_ID]
    answers = [ChatCompletion.model_validate(each["response"]["body"]) for each in output]
    assert "\U0001f600" in (answers[1].choices[0].message.content or "")
    assert last["usage"]["total_tokens"] == sum(each.usage.total_tokens for each in answers)
    (error,) = (json.loads(each) for each in found["errors"].splitlines())
    assert (error["custom_id"], error["response"]["status_code"]) == ("hot", 400)
    assert "temperature" in error["error"]["message"]
    bad = found["bad"]
    assert (bad["status"], bad["output_file_id"], bad["error_file_id"]) == ("failed", None, None)
    assert {each["code"] for each in bad["errors"]["data"]} == {"invalid_url"}
    assert [each["line"] for each in bad["errors"]["data"]] == [1, 2, 3]
    assert found["listed"].count(created["id"]) == 1
    assert len(found["files"]) == len(set(found["files"]))
    assert MODEL in found["models"]
    assert found["model"] == MODEL
    assert found["deleted"]["deleted"]
    assert found["cancel"][:2] == ["ConflictError", 409]
    assert "Cannot cancel a batch with status 'completed'." in found["cancel"][2]
    assert found["gone"][:2] == ["NotFoundError", 404]
    assert found["key"][:2] == ["AuthenticationError", 401]


def test_litellm_runs_a_batch_with_both_of_its_providers(
    running: Running, gateway: str, key: str, tmp_path: Path
) -> None:
    script = tmp_path / "litellm_batch.py"
    script.write_text(LITELLM)
    done = subprocess.run(
        [sys.executable, str(script), f"{gateway}/v1", MODEL],
        input=key, capture_output=True, text=True, check=False, timeout=900,
        env=os.environ | {"LITELLM_LOCAL_MODEL_COST_MAP": "True"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1]) == [["a", "b"]] * 2


LITELLM = """
import json, sys, time
import litellm

base, model = sys.argv[1:]
server = {"api_base": base, "api_key": sys.stdin.read()}
rows = [
    {"custom_id": name, "method": "POST", "url": "/v1/chat/completions",
     "body": {"model": model, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4}}
    for name in "ab"
]
text = "".join(json.dumps(row) + "\\n" for row in rows).encode()

def start(given):
    uploaded = litellm.create_file(file=("rows.jsonl", text), purpose="batch", **given)
    return litellm.create_batch(
        completion_window="24h", endpoint="/v1/chat/completions", input_file_id=uploaded.id, **given)

started = [(given, start(given)) for given in (
    {"custom_llm_provider": provider, **server} for provider in ("openai", "hosted_vllm"))]
found = []
for given, batch in started:
    while batch.status not in ("completed", "failed", "expired", "cancelled"):
        time.sleep(0.5)
        batch = litellm.retrieve_batch(batch_id=batch.id, **given)
    assert batch.status == "completed", batch
    content = litellm.file_content(file_id=batch.output_file_id, **given).content
    found.append(sorted(json.loads(line)["custom_id"] for line in content.splitlines()))
print(json.dumps(found))
"""


def test_airflows_openai_operator_runs_a_batch_in_the_worker_and_deferred(
    running: Running, gateway: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.providers.openai.hooks.openai import OpenAIHook
    from airflow.providers.openai.operators.openai import OpenAITriggerBatchOperator
    from airflow.sdk.exceptions import TaskDeferred
    from airflow.triggers.base import BaseTrigger, TriggerEvent

    connection = {"conn_type": "openai", "host": f"{gateway}/v1", "password": key}
    monkeypatch.setenv("AIRFLOW_CONN_LLMBATCH_OPENAI", json.dumps(connection))
    hook = OpenAIHook(conn_id="llmbatch_openai")
    row = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions"}
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4}
    file = hook.conn.files.create(file=("rows.jsonl", json.dumps(row | {"body": body}).encode()), purpose="batch")
    waiting, deferred = (
        OpenAITriggerBatchOperator(
            task_id=f"batch_{deferrable}", file_id=file.id, endpoint="/v1/chat/completions",
            conn_id="llmbatch_openai", deferrable=deferrable, wait_seconds=1, poll_interval=1,
        )
        for deferrable in (False, True)
    )  # fmt: skip

    async def event_of(trigger: BaseTrigger) -> TriggerEvent:
        return await anext(trigger.run())

    with pytest.raises(TaskDeferred) as deferral:
        deferred.execute({})
    ids = [waiting.execute({}), deferred.execute_complete({}, asyncio.run(event_of(deferral.value.trigger)).payload)]
    assert len(set(ids)) == 2
    for batch in map(hook.get_batch, ids):
        assert (batch.status, batch.request_counts.completed) == ("completed", 1)


def test_airflows_common_ai_operator_lands_its_results(
    running: Running, gateway: str, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.providers.common.ai.operators import llm_batch

    connection = {"conn_type": "pydanticai", "host": f"{gateway}/v1", "password": key}
    monkeypatch.setenv("AIRFLOW_CONN_LLMBATCH_AI", json.dumps(connection))
    monkeypatch.setattr(llm_batch, "_MIN_POLL_INTERVAL", 1)
    operator = llm_batch.LLMBatchOperator(
        task_id="batch", requests=["Hi", "Ho"], result_path=tmp_path.as_uri(), llm_conn_id="llmbatch_ai",
        model_id=f"openai:{MODEL}", max_tokens=4, poll_interval=1, deferrable=False,
    )  # fmt: skip

    class TaskInstance:
        dag_id, task_id, run_id, map_index = "d", "batch", "r", -1

        def xcom_push(self, **_: object) -> None:
            pass

    ti = TaskInstance()
    found = operator.execute({"task_instance": ti, "ti": ti})
    assert found["counts"]["succeeded"] == 2, found
