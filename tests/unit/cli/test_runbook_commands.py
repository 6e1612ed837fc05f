"""Each command of the runbook runs: here over fakes, in ``tests/e2e`` on a stack, or its block says why it does not."""

from __future__ import annotations

import importlib
import shlex
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from e2e.runbook_commands import COMMANDS, ELSEWHERE
from fakes.command_line import CommandLine, answer_of
from fakes.gateway import Decided, FakeGateway, fake_gateway
from fakes.gateway_jobs import put_finished, put_heartbeat, put_job
from fakes.retries import finished, store_with_input
from fakes.runbook_pages import DocCommand, all_commands, commands_in, is_export, variables, with_values
from llmbatch.cli.client.config import HOST_VARIABLE, KEY_VARIABLE
from llmbatch.core.store import MemoryStore

ROOT = Path(__file__).parents[3]
ON_A_STACK = {command.text for command in COMMANDS} | set(ELSEWHERE)
FOR_FINISHED = {"errors", "retry", "results"}
"""Verbs of ``llmbatch`` that need a job that is over."""
BASE = "s3://llmbatch/llmbatch"


def is_run_here(text: str) -> bool:
    words = text.split()
    if words[0] == "curl":
        return "$LLMBATCH" in text and text not in ON_A_STACK
    return words[0] in {"bin/llmbatch", "df", "ss"} or text.startswith("python -m llmbatch.cli.")


def kind_of(command: DocCommand) -> str | None:
    """Return how a command is run; None if it is not."""
    if command.reason is not None:
        return "marked"
    if is_export(command.text):
        return "variables"
    if command.text in ON_A_STACK:
        return "stack"
    return "here" if is_run_here(command.text) else None


EVERY = all_commands()
HERE = sorted({one.text for one in EVERY if kind_of(one) == "here"})


def test_every_command_is_run_or_marked() -> None:
    assert [f"{one.page.name}: {one.text}" for one in EVERY if kind_of(one) is None] == []
    assert len(HERE) > 30


def test_the_stack_is_given_no_command_that_no_page_has() -> None:
    assert {*ON_A_STACK} - {one.text for one in EVERY} == set()
    assert [path for path in ELSEWHERE.values() if not (ROOT / path).exists()] == []


def test_every_mark_gives_its_reason() -> None:
    assert [one.text for one in EVERY if one.reason is not None and len(one.reason) < 10] == []


def test_the_rule_sees_what_it_forbids() -> None:
    marked = "<!-- not run: needs a GPU -->\n```bash\nnvidia-smi   # all\n```\n"
    text = f"{marked}```bash\nrm -rf \\\n  /x\n```\n```json\n{{}}\n```\n"
    first, second = commands_in(text, ROOT)
    assert (first.text, first.reason, kind_of(first)) == ("nvidia-smi", "needs a GPU", "marked")
    assert (second.text, second.reason, kind_of(second)) == ("rm -rf /x", None, None)


class World:
    """A service with a running and a finished job, and a store for the commands of the operator."""

    def __init__(self, gateway: FakeGateway) -> None:
        self.gateway = gateway
        gateway.airflow.tasks = Decided("success")  # every request is decided at once
        self.running = put_job(gateway, "running")
        put_heartbeat(gateway, self.running)
        self.finished = put_finished(gateway)
        self.values = variables(TOKEN="op-ann")
        environ = {HOST_VARIABLE: "http://gateway", KEY_VARIABLE: "op-ann"}
        environ["LLMBATCH_ALERTMANAGER"] = self.values["ALERTMANAGER"]
        self.line = CommandLine(httpx.MockTransport(self.answer), environ, on_sleep=self.end_waiting)

    def end_waiting(self, _: float) -> None:
        """End what waits in Airflow: a dry run is followed to its end."""
        for dag_id, run_id in [key for key, run in self.gateway.airflow.dag_runs.items() if run.state == "queued"]:
            self.gateway.airflow.set_state(dag_id, run_id, "success", self.gateway.clock.now())

    def answer(self, request: httpx.Request) -> httpx.Response:
        if str(request.url).startswith(self.values["ALERTMANAGER"]):
            return httpx.Response(200, json=[{"labels": {"alertname": "LlmbatchWatchdog"}}])
        return answer_of(self.gateway, request)

    def words(self, text: str) -> list[str]:
        verb = text.split()[1]
        job = self.finished if verb in FOR_FINISHED else self.running
        return shlex.split(with_values(text, self.values | {"JOB": job.job_id}))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.chdir(tmp_path)
    gateway = fake_gateway(store={"base_uri": "s3://b/base", "allowed_inputs": None})
    return World(gateway)


def test_the_variables_are_set_by_bash() -> None:
    found = variables(TOKEN="a b")
    assert {"LLMBATCH", "RAY_GCS", "RAY_API", "PROMETHEUS", "ALERTMANAGER", "JOB", "AUTH"} < set(found)
    assert found["AUTH"] == "Authorization: Bearer a b"
    assert found["LLMBATCH_ALERTMANAGER"] == found["ALERTMANAGER"]


@pytest.mark.parametrize("text", [one for one in HERE if one.startswith("bin/llmbatch")])
def test_a_command_of_the_client(world: World, text: str) -> None:
    done = world.line.run(*world.words(text)[1:])
    assert done.code == 0, done.out + done.err


@pytest.mark.parametrize("text", [one for one in HERE if one.startswith("curl")])
def test_a_request_to_the_gateway(world: World, text: str) -> None:
    words = world.words(text)[1:]
    method, body, headers, address = "GET", None, {}, ""
    while words:
        word = words.pop(0)
        if word == "-X":
            method = words.pop(0)
        elif word == "-H":
            name, _, value = words.pop(0).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = words.pop(0)
        elif word != "-s":
            address = word
    path = address.removeprefix(world.values["LLMBATCH"])
    answer = world.gateway.client.request(method, path, headers=headers, content=body)
    assert answer.is_success, answer.text


@pytest.mark.parametrize("text", [one for one in HERE if one.startswith("python -m llmbatch.cli.")])
def test_a_command_of_the_operator(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = store_with_input()
    spec = finished(store, "first", input_uri="s3://b/in.jsonl")
    values = variables(TOKEN="t") | {"JOB": spec.job_id}
    _, _, name, *arguments = shlex.split(with_values(text, values).replace(BASE, spec.layout.base))
    module = importlib.import_module(name)
    if name.endswith("check_alerts"):
        monkeypatch.setattr(module, "load_settings", lambda: fake_gateway().config)
    else:
        _back_up(store, spec.layout.base)
        monkeypatch.setattr(module, "open_environment_store", lambda: store)
    code = module.main(arguments)
    done = capsys.readouterr()
    assert code == 0, done.out + done.err


def _back_up(store: MemoryStore, base: str) -> None:
    """Put what a restore copies back, and an index."""
    store.put(f"{base}/index/2030-01-01/x.accepted", b"x")
    for uri, body in list(store.objects.items()):
        if uri.startswith(f"{base}/"):
            store.put(f"s3://backup/llmbatch/{uri.removeprefix(f'{base}/')}", body)


@pytest.mark.parametrize("text", [one for one in HERE if one.split()[0] in {"df", "ss"}])
def test_a_command_of_the_system(text: str) -> None:
    words = shlex.split(text)
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    subprocess.run(words, check=True, capture_output=True)
