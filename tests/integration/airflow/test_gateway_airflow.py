"""The gateway on a real api-server: rights, API keys, and each call of the client."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from fakes.gateway import fake_gateway
from llmbatch.core.clock import SystemClock
from llmbatch.core.identity import INFERENCE_DAG, job_id_of
from llmbatch.gateway.access.authentication import OPEN
from llmbatch.gateway.access.keys import KNOWN_SECONDS
from llmbatch.gateway.airflow.client import RunExists
from llmbatch.gateway.airflow.http_airflow import HttpAirflow
from llmbatch.gateway.wire.failures import Failure

from .api_server import ApiServer
from .small_jobs import BUCKET

pytestmark = pytest.mark.integration

RUN_ID = "api__of_the_test"
CONF = {"input_uri": f"s3://{BUCKET}/in.jsonl"}
JOB_ID = job_id_of(INFERENCE_DAG, RUN_ID)
FILLED = {
    "job_id": JOB_ID,
    "batch_id": JOB_ID.replace("job-", "batch_"),
    "file_id": "file-" + "0" * 24,
    "upload_id": "upload_" + "0" * 24,
    "key_id": "0" * 16,
}
"""Values of path parameters; the job exists."""

BEFORE_RIGHTS = {"/jobs/{job_id}/retry-failed", "/jobs/{job_id}/deliver"}
"""Routes that first ask whose the rows of a job are; the job of this test is not the caller's."""

OWN = {("POST", "/keys"), ("DELETE", "/keys/{key_id}")}
"""Routes that change only what is the caller's own: a viewer has API keys that can do no more than the viewer."""

ROUTES = [
    (method, route.path)
    for route in fake_gateway().client.app.routes  # type: ignore[attr-defined]
    if isinstance(route, APIRoute)
    for method in sorted(route.methods)
]
GUARDED = [one for one in ROUTES if one[1] not in OPEN]
CHANGING = [one for one in GUARDED if one[0] not in {"GET", "HEAD"} and one not in OWN]


@pytest.fixture(scope="module")
def airflow(api_server: ApiServer) -> ApiServer:
    call(api_server, lambda client: client.start_run(of(api_server, "user"), INFERENCE_DAG, RUN_ID, CONF))
    return api_server


@pytest.fixture
def gateway(airflow: ApiServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{airflow.url}/llmbatch", timeout=60) as client:
        yield client


def of(airflow: ApiServer, user: str) -> str:
    return airflow.headers(user)["Authorization"]


def call(airflow: ApiServer, what: Any) -> Any:
    """Return what one call of the client returns, over HTTP."""

    async def run() -> Any:
        async with httpx.AsyncClient(base_url=airflow.url, timeout=60) as client:
            return await what(HttpAirflow(client, SystemClock()))

    return asyncio.run(run())


def refusal(airflow: ApiServer, what: Any) -> int:
    with pytest.raises(Failure) as caught:
        call(airflow, what)
    return caught.value.status


def path_of(path: str) -> str:
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda found: FILLED.get(found[1], "x"), path)


def body_of(method: str, path: str) -> object:
    """Return the documented example of a route's body; routes of pages have none."""
    app = fake_gateway().client.app
    assert isinstance(app, FastAPI)
    document = app.openapi()
    operation = document["paths"].get(path, {}).get(method.lower(), {})
    media = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    if "examples" in media:
        return next(iter(media["examples"].values()))["value"]
    schema = media.get("schema", {})
    for one in (schema, *schema.get("anyOf", ())):
        name = str(one.get("$ref", "")).rpartition("/")[2]
        if examples := document["components"]["schemas"].get(name, one).get("examples"):
            return examples[0]
    return {}


def send(gateway: httpx.Client, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
    body = None if method == "GET" else body_of(method, path)
    return gateway.request(method, path_of(path), json=body, headers=headers)


def test_there_are_routes_to_look_at() -> None:
    assert ("POST", "/keys") in GUARDED


def test_the_mounted_gateway_answers_health_and_docs(gateway: httpx.Client) -> None:
    health = gateway.get("/health")
    assert (health.status_code, health.json()["store"]) == (503, "healthy"), "no scheduler runs in this test"
    assert (health.json()["airflow"]["metadatabase"], health.json()["airflow"]["scheduler"]) == ("healthy", "unhealthy")
    assert "/llmbatch/openapi.json" in gateway.get("/docs").text
    assert "/keys" in gateway.get("/openapi.json").json()["paths"]


def test_airflow_s_own_pages_are_as_before(airflow: ApiServer) -> None:
    plugins = httpx.get(f"{airflow.url}/api/v2/plugins", headers=airflow.headers("admin"), timeout=60).json()
    [ours] = [plugin for plugin in plugins["plugins"] if plugin["name"] == "llmbatch"]
    assert ours["fastapi_apps"] == [
        {"app": "llmbatch.gateway.mounted.MountedGateway", "url_prefix": "/llmbatch", "name": "llmbatch"}
    ]


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_no_route_answers_without_valid_credentials(gateway: httpx.Client, method: str, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Bearer llmb_{'0' * 16}_{'a' * 43}"}):
        answer = send(gateway, method, path, headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key"), answer.text


@pytest.mark.parametrize(("method", "path"), CHANGING)
def test_a_viewer_changes_nothing(gateway: httpx.Client, airflow: ApiServer, method: str, path: str) -> None:
    answer = send(gateway, method, path, airflow.headers("viewer"))
    names_what_is_not_the_viewer_s = "{" in path.replace("{job_id}", "") or path in BEFORE_RIGHTS
    assert answer.status_code in ({403, 404} if names_what_is_not_the_viewer_s else {403}), answer.text
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize(("method", "path"), [one for one in GUARDED if one[0] == "GET"])
def test_a_viewer_s_reads_do_not_fail(gateway: httpx.Client, airflow: ApiServer, method: str, path: str) -> None:
    assert send(gateway, method, path, airflow.headers("viewer")).status_code < 500


def test_a_token_that_another_secret_signed_is_401(gateway: httpx.Client, airflow: ApiServer) -> None:
    head, claims, signature = airflow.tokens["admin"].split(".")
    for token in (f"{head}.{claims}.{signature[::-1]}", f"{head}.{claims}.", claims):
        assert gateway.get("/keys", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_the_cookie_of_airflow_s_pages(gateway: httpx.Client, airflow: ApiServer) -> None:
    assert gateway.get("/keys", headers={"Cookie": f"_token={airflow.tokens['user']}"}).status_code == 200


def test_prometheus_scrapes_with_the_key_of_a_viewer(gateway: httpx.Client, airflow: ApiServer) -> None:
    made = gateway.post("/keys", json={"name": "prometheus"}, headers=airflow.headers("viewer"))
    assert made.status_code == 201, made.text
    with_key = {"Authorization": f"Bearer {made.json()['key']}"}
    text = gateway.get("/metrics", headers=with_key)
    assert (text.status_code, text.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert re.search(rf'^llmbatch_job_info\{{.*run_id="{RUN_ID}".*\}} 1.0$', text.text, re.MULTILINE)
    assert re.search("^llmbatch_exporter_last_success_timestamp_seconds [0-9.e+]+$", text.text, re.MULTILINE)
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    assert gateway.get("/metrics", headers={**with_key, **accept}).text.endswith("# EOF\n")


def test_a_key_works_and_stops_working(gateway: httpx.Client, airflow: ApiServer) -> None:
    made = gateway.post("/keys", json={"name": "n"}, headers=airflow.headers("user"))
    assert made.status_code == 201, made.text
    with_key = {"Authorization": f"Bearer {made.json()['key']}"}
    assert [one["user"] for one in gateway.get("/keys", headers=with_key).json()["keys"]] == ["user"]
    assert gateway.post("/keys", json={"name": "n"}, headers=with_key).status_code == 403
    gateway.delete(f"/keys/{made.json()['key_id']}", headers=airflow.headers("admin")).raise_for_status()
    until = time.monotonic() + KNOWN_SECONDS + 5
    while gateway.get("/keys", headers=with_key).status_code != 401:
        assert time.monotonic() < until
        time.sleep(0.2)


def test_a_key_has_the_rights_of_its_maker(gateway: httpx.Client, airflow: ApiServer) -> None:
    for user, allowed in (("viewer", False), ("user", True)):
        key = gateway.post("/keys", json={"name": "n"}, headers=airflow.headers(user)).json()["key"]
        token = subprocess.run(
            [sys.executable, "-c", _TOKEN_OF_KEY, key], env=airflow.environment,
            capture_output=True, text=True, check=True,
        ).stdout.split()[-1]  # fmt: skip
        assert call(airflow, lambda client, t=token: client.user_name(f"Bearer {t}")) == user
        edit = lambda client, t=token: client.require_edit(f"Bearer {t}", INFERENCE_DAG)  # noqa: E731
        assert (call(airflow, edit) is None) if allowed else (refusal(airflow, edit) == 403)


_TOKEN_OF_KEY = """
import asyncio, os, sys
os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
from llmbatch.gateway.assembly import alone
print(asyncio.run(alone().state.parts().access.keys.use(sys.argv[1])).token)
"""
"""What a gateway outside of the api-server signs for a key."""


def test_names_of_tokens(airflow: ApiServer) -> None:
    for user in airflow.tokens:
        assert call(airflow, lambda client, u=user: client.user_name(of(airflow, u))) == user
    assert refusal(airflow, lambda client: client.user_name("Bearer x")) == 401


def test_starts(airflow: ApiServer) -> None:
    def start(user: str, run_id: str, conf: dict[str, object] | None = None, dag_id: str = INFERENCE_DAG) -> Any:
        return lambda client: client.start_run(of(airflow, user), dag_id, run_id, conf or CONF)

    assert refusal(airflow, start("viewer", "v1")) == 403
    assert refusal(airflow, start("user", "u1", dag_id="unknown")) == 404
    assert refusal(airflow, start("user", "u1", {**CONF, "sla_hours": "soon"})) == 400
    run = call(airflow, start("user", "u1"))
    assert (run.state, run.conf, run.triggering_user_name) == ("queued", CONF, "user")
    with pytest.raises(RunExists):
        call(airflow, start("op", "u1"))


def test_reads(airflow: ApiServer) -> None:
    viewer = of(airflow, "viewer")

    async def read(client: HttpAirflow) -> None:
        for number in range(3):
            await client.start_run(of(airflow, "user"), INFERENCE_DAG, f"read-{number}", CONF)
        newest = await client.runs(viewer, INFERENCE_DAG, limit=2, states=("queued",))
        assert [run.dag_run_id for run in newest] == ["read-2", "read-1"]
        assert (await client.runs(viewer, INFERENCE_DAG, limit=1, offset=2))[0].dag_run_id == "read-0"
        assert await client.runs(viewer, INFERENCE_DAG, states=("failed",)) == ()
        assert {run.triggering_user_name for run in await client.runs(viewer, INFERENCE_DAG, user="user")} == {"user"}
        assert await client.runs(viewer, INFERENCE_DAG, user="use") == ()
        until = newest[1].run_after
        assert (await client.runs(viewer, INFERENCE_DAG, limit=1, until=until))[0].dag_run_id == "read-1"
        assert (await client.run(viewer, INFERENCE_DAG, "read-1")).dag_run_id == "read-1"
        states = await client.task_states(viewer, INFERENCE_DAG, "read-1")
        assert {"accept", "stage", "run", "publish"} <= set(states)
        assert await client.xcom(viewer, INFERENCE_DAG, "read-1", "accept", "return_value") is None

    call(airflow, read)
    assert refusal(airflow, lambda client: client.run(viewer, INFERENCE_DAG, "none")) == 404


def test_changes(airflow: ApiServer) -> None:
    viewer, op = of(airflow, "viewer"), of(airflow, "op")
    for change in (
        lambda client: client.note_run(viewer, INFERENCE_DAG, RUN_ID, "n"),
        lambda client: client.continue_run(viewer, INFERENCE_DAG, RUN_ID, "run"),
        lambda client: client.fail_run(viewer, INFERENCE_DAG, RUN_ID),
        lambda client: client.require_edit(viewer, INFERENCE_DAG),
        lambda client: client.require_start(viewer, INFERENCE_DAG),
        lambda client: client.require_edit_run(viewer, INFERENCE_DAG, RUN_ID),
        lambda client: client.require_continue_run(viewer, INFERENCE_DAG, RUN_ID),
    ):
        assert refusal(airflow, change) == 403

    def dag() -> dict[str, object]:
        answer: dict[str, object] = httpx.get(
            f"{airflow.url}/api/v2/dags/{INFERENCE_DAG}", headers=airflow.headers("op"), timeout=60
        ).json()
        return answer

    before = dag()
    call(airflow, lambda client: client.require_edit(op, INFERENCE_DAG))
    assert dag() == before
    count = len(call(airflow, lambda client: client.runs(op, INFERENCE_DAG)))
    call(airflow, lambda client: client.require_start(op, INFERENCE_DAG))
    assert len(call(airflow, lambda client: client.runs(op, INFERENCE_DAG))) == count
    assert refusal(airflow, lambda client: client.require_edit(op, "unknown")) == 404

    def events() -> list[str]:
        answer = httpx.get(
            f"{airflow.url}/api/v2/eventLogs?run_id={RUN_ID}", headers=airflow.headers("admin"), timeout=60
        ).json()
        return [entry["event"] for entry in answer["event_logs"]]

    logged = events()
    call(airflow, lambda client: client.require_edit_run(op, INFERENCE_DAG, RUN_ID))
    call(airflow, lambda client: client.require_continue_run(op, INFERENCE_DAG, RUN_ID))
    assert refusal(airflow, lambda client: client.require_edit_run(op, INFERENCE_DAG, "none")) == 404
    assert events() == logged
    call(airflow, lambda client: client.note_run(op, INFERENCE_DAG, RUN_ID, "cancelled by op"))
    call(airflow, lambda client: client.continue_run(op, INFERENCE_DAG, RUN_ID, "run"))
    call(airflow, lambda client: client.start_run(op, INFERENCE_DAG, "stopped", CONF))
    call(airflow, lambda client: client.fail_run(op, INFERENCE_DAG, "stopped"))
    assert call(airflow, lambda client: client.run(op, INFERENCE_DAG, "stopped")).state == "failed"
    run = httpx.get(
        f"{airflow.url}/api/v2/dags/{INFERENCE_DAG}/dagRuns/{RUN_ID}", headers=airflow.headers("op"), timeout=60
    ).json()
    assert (run["note"], run["state"]) == ("cancelled by op", "queued")
    log = httpx.get(
        f"{airflow.url}/api/v2/eventLogs?run_id={RUN_ID}", headers=airflow.headers("admin"), timeout=60
    ).json()
    assert ("patch_dag_run", "op") in {(entry["event"], entry["owner"]) for entry in log["event_logs"]}


def test_health(airflow: ApiServer) -> None:
    states = call(airflow, lambda client: client.health())
    assert (states["metadatabase"], states["scheduler"]) == ("healthy", "unhealthy")
