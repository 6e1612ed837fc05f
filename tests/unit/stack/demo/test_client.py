"""The stack configures ``bin/llmbatch``, and the demo starts its job as that command does."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from fakes.command_line import answer_of
from fakes.gateway import FakeGateway, fake_gateway
from llmbatch.cli.client.exits import CommandError
from llmbatch.cli.client.session import Session
from llmbatch_stack.credentials import load_or_create
from llmbatch_stack.demo.client import client_file, configure, start_job
from llmbatch_stack.settings import Settings, load


def session_with(gateway: FakeGateway, logins: list[str]) -> Session:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/token":
            logins.append(request.read().decode())
            return httpx.Response(201, json={"access_token": "op-admin"})
        return answer_of(gateway, request, "/llmbatch")

    return Session(environ={}, transport=httpx.MockTransport(answer), sleep=lambda _: None)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({"LLMBATCH_STATE": str(tmp_path), "LLMBATCH_PORT_BASE": "22000"})


def test_a_key_is_made_once_and_is_private(settings: Settings) -> None:
    logins: list[str] = []
    session, credentials = session_with(fake_gateway(), logins), load_or_create(settings)
    made = configure(settings, credentials, session)
    assert (made.host, made.key[:5]) == ("http://127.0.0.1:22000/llmbatch", "llmb_")
    assert configure(settings, credentials, session) == made
    assert len(logins) == 1
    assert client_file(settings).stat().st_mode & 0o777 == 0o600


def test_a_key_that_the_gateway_does_not_know_is_replaced(settings: Settings) -> None:
    logins: list[str] = []
    credentials = load_or_create(settings)
    first = configure(settings, credentials, session_with(fake_gateway(), logins))
    second = configure(settings, credentials, session_with(fake_gateway(), logins))
    assert (first.key == second.key, len(logins)) == (False, 2)


def test_a_gateway_that_does_not_work_is_an_error_and_the_key_stays(settings: Settings) -> None:
    credentials = load_or_create(settings)
    made = configure(settings, credentials, session_with(fake_gateway(), []))
    broken = Session(environ={}, transport=httpx.MockTransport(lambda _: httpx.Response(500)), sleep=lambda _: None)
    with pytest.raises(CommandError):
        configure(settings, credentials, broken)
    assert made.key in client_file(settings).read_text()


def test_a_job_is_started_as_the_admin(settings: Settings) -> None:
    gateway = fake_gateway()
    session = session_with(gateway, [])
    config = configure(settings, load_or_create(settings), session)
    started = start_job(config, {"input_uri": "s3://b/in.jsonl"}, session)
    (run,) = gateway.airflow.dag_runs.values()
    assert (run.dag_run_id, run.triggering_user_name) == (started.dag_run_id, "admin")
