"""The wheel in a clean Airflow: DAGs, connection form, "Test connection", pages, and a job done."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from containers.wheel_room import WheelRoom, build, resolved
from containers.wheel_stack import CODE, WheelStack, running
from llmbatch.core.ray_version import RAY_VERSION
from llmbatch.version import VERSION
from llmbatch_stack.demo.airflow_api import AirflowApi
from llmbatch_stack.demo.job_run import DAG_ID, follow, open_airflow
from llmbatch_stack.environment import plain
from llmbatch_stack.settings import BUCKET, Settings, load

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]

PORTS_BELOW = 1000
"""From the stack of this checkout, which may be up."""
ROWS = 20
DAGS = {"llmbatch_benchmark", "llmbatch_delivery", "llmbatch_drop_folder", "llmbatch_inference", "llmbatch_maintenance"}
CONFIG = {
    "ray": {"poll_seconds": 1, "py_modules": [CODE]},
    "staging": {"shard_rows": 4},
    "heartbeat": {"seconds": 1},
    "default_model": "small",
    "models": {"small": {"uri": "bundled:smollm2-135m-instruct", "max_model_len": 2048}},
    "engine": {"kind": "echo", "cpus_per_replica": 1, "echo": {"seconds_per_row": 0.05, "start_seconds": 0.1}},
}


@pytest.fixture(scope="module")
def settings() -> Iterator[Settings]:
    folder = Path(tempfile.mkdtemp(prefix="llmbatch-wheel-"))  # not pytest's, which is closed to Postgres
    base = load().port_base - PORTS_BELOW
    yield load({"LLMBATCH_STATE": str(folder), "LLMBATCH_PORT_BASE": str(base), "LLMBATCH_SCHEDULER_IDLE": "0.5"})
    if not os.environ.get("LLMBATCH_KEEP"):
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def wheel(settings: Settings) -> Path:
    return build(settings, settings.state / "dist")


@pytest.fixture(scope="module")
def room(settings: Settings, wheel: Path) -> WheelRoom:
    return WheelRoom.make(settings.state / "clean", wheel, "airflow", settings)


@pytest.fixture(scope="module")
def stack(settings: Settings, room: WheelRoom, wheel: Path) -> Iterator[WheelStack]:
    with running(settings, room, wheel, CONFIG) as started:
        yield started


@pytest.fixture(scope="module")
def api(stack: WheelStack) -> Iterator[AirflowApi]:
    with open_airflow(stack.settings, stack.credentials) as opened:
        yield opened


@pytest.fixture
def http(stack: WheelStack, api: AirflowApi) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {api.token}"}
    with httpx.Client(base_url=stack.settings.airflow_url, headers=headers, timeout=60) as client:
        yield client


def test_the_command_line_alone_is_small_and_works(settings: Settings, wheel: Path) -> None:
    small = WheelRoom.make(settings.state / "cli", wheel, "cli", settings)
    assert "submit" in small.run("llmbatch", "--help")
    folder = settings.state / "copied"
    written = small.run("llmbatch", "dags", "install", str(folder)).splitlines()
    assert written == [f"written {path}" for path in sorted(folder.glob("*.py"))]
    assert len(written) == len(DAGS)
    installed = small.run("python", "-c", "import importlib.util as u; print(*map(u.find_spec, ('airflow', 'boto3')))")
    assert installed.split() == ["None", "None"]
    with_ray = resolved(small, wheel, "ray", "ray-gpu", settings)  # not installed: gigabytes
    pins = (settings.repo / "requirements.txt").read_text().splitlines()
    tested = {f"ray=={RAY_VERSION}", *(pin for pin in pins if pin.startswith("vllm=="))}
    assert len(tested) == 2
    assert tested <= with_ray


def test_nothing_of_the_repository_is_on_its_path(stack: WheelStack) -> None:
    code = "import json, sys, llmbatch; print(json.dumps([llmbatch.__file__, llmbatch.__version__, sys.path]))"
    file, version, path = json.loads(stack.room.run("python", "-c", code, environ=stack.environ))
    assert (Path(file).is_relative_to(stack.room.venv), version) == (True, VERSION)
    assert [one for one in path if Path(one).is_relative_to(stack.settings.repo / "include")] == []


def test_ray_has_no_code_of_its_own(settings: Settings) -> None:
    code = "import importlib.util as u; print(u.find_spec('ray') is not None, u.find_spec('llmbatch'))"
    command = [settings.python("ray"), "-c", code]
    done = subprocess.run(command, env=plain(), cwd="/", capture_output=True, text=True, check=True)
    assert done.stdout == "True None\n"


def test_airflow_lists_provider_connection_type_plugin_and_option(stack: WheelStack) -> None:
    def listed(*words: str) -> list[dict[str, str]]:
        return stack.room.airflow(*words, environ=stack.environ)

    assert {one["package_name"]: one["version"] for one in listed("providers", "list")}["llmbatch"] == VERSION
    (ray,) = [one for one in listed("providers", "hooks") if one["connection_type"] == "ray"]
    assert ray["package_name"] == "llmbatch"
    assert [one["name"] for one in listed("plugins")].count("llmbatch") == 1
    option = stack.room.run("airflow", "config", "get-value", "llmbatch", "config_file", environ=stack.environ)
    assert option.splitlines()[-1] == stack.environ["AIRFLOW__LLMBATCH__CONFIG_FILE"]


def test_the_dags_come_from_the_bundle(stack: WheelStack, api: AirflowApi) -> None:
    until = time.monotonic() + 240
    while len(api.get("/api/v2/dags").json()["dags"]) < len(DAGS) and time.monotonic() < until:
        time.sleep(1)
    found = stack.room.airflow("dags", "list", environ=stack.environ)
    assert {(one["dag_id"], one["bundle_name"]) for one in found} == {(dag, "llmbatch") for dag in DAGS}
    assert api.get("/api/v2/importErrors").json()["import_errors"] == []


def test_the_form_of_the_connection_is_shown(http: httpx.Client) -> None:
    types = {one["connection_type"]: one for one in http.get("/ui/connections/hook_meta").raise_for_status().json()}
    form = types["ray"]
    assert (form["hook_name"], form["standard_fields"]["password"]["title"]) == ("Ray", "Ray token")
    assert form["standard_fields"]["login"]["hidden"]
    assert list(form["extra_fields"]) == ["dashboard_url", "ca_file"]


def test_the_button_test_says_whether_ray_answers(stack: WheelStack, http: httpx.Client) -> None:
    def tested(token: str, port: int) -> tuple[bool, str]:
        body = {
            "connection_id": "tried", "conn_type": "ray", "host": "http://127.0.0.1", "port": port, "password": token,
        }  # fmt: skip
        answer = http.post("/api/v2/connections/test", json=body).raise_for_status().json()
        assert token not in answer["message"]
        return answer["status"], answer["message"]

    port, token = stack.settings.port("ray_api"), stack.credentials.ray_token
    good, text = tested(token, port)
    assert (good, "takes the token" in text) == (True, True), text
    wrong, text = tested("not-the-token-of-this-cluster", port)
    assert (wrong, "RAY_AUTH_TOKEN" in text) == (False, True), text
    elsewhere, text = tested(token, stack.settings.port("airflow_api"))
    assert (elsewhere, "not as a Ray dashboard" in text) == (False, True), text
    nowhere, text = tested(token, 1)
    assert (nowhere, "cannot be reached" in text) == (False, True), text


def test_a_job_is_done_by_code_that_ray_got_from_the_store(stack: WheelStack, api: AirflowApi) -> None:
    lines = "".join(json.dumps({"prompt": f"question {number}"}) + "\n" for number in range(ROWS))
    source = f"s3://{BUCKET}/prompts/wheel.jsonl"
    stack.store.put(source, lines.encode())
    run = api.trigger(DAG_ID, {"input_uri": source, "output_uri": f"s3://{BUCKET}/answers/wheel", "sla_hours": 1})
    finished = follow(api, stack.store, run, lambda *_: None)
    assert (finished.manifest.rows.input, finished.manifest.rows.succeeded) == (ROWS, ROWS)
    assert {name: task.state for name, task in finished.tasks.items()} == dict.fromkeys(finished.tasks, "success")
    delivered = "".join(stack.store.get(output.uri).decode() for output in finished.manifest.outputs)
    assert delivered.count("echo: question") == ROWS


def test_the_pages_of_the_wheel_are_served(http: httpx.Client) -> None:
    page = http.get("/llmbatch/ui/jobs").raise_for_status()
    assert "text/html" in page.headers["content-type"]
    assert http.get("/llmbatch/ui/icon.svg").raise_for_status().content.startswith(b"<svg")
    links = [part.partition('"')[0] for part in page.text.split('="')[1:]]
    static = [link for link in links if "/static/" in link]
    assert static
    for link in static:
        assert http.get(str(httpx.URL(str(page.url)).join(link))).raise_for_status().content
