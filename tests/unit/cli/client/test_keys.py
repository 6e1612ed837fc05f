"""``login`` and ``keys``: a key is printed when it is made, and never again."""

from __future__ import annotations

import tomllib
from pathlib import Path

import httpx
import pytest

from fakes.command_line import CommandLine, answer_of, answering
from fakes.gateway import FakeGateway, fake_gateway

HOST = "http://airflow/llmbatch"


def airflow_with(gateway: FakeGateway, folder: Path) -> CommandLine:
    """Return a command line without a key; Airflow, and in it the gateway, answer."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/token":
            right = b'"password":"secret"' in request.read().replace(b" ", b"")
            return httpx.Response(201, json={"access_token": "op-ann"}) if right else httpx.Response(401, json={})
        return answer_of(gateway, request, "/llmbatch")

    return answering(answer, folder)


def test_login_makes_a_key_that_the_next_command_uses(tmp_path: Path) -> None:
    gateway = fake_gateway()
    line = airflow_with(gateway, tmp_path)
    done = line.run("login", typed=f"{HOST}/\nann\nsecret\n")
    assert done.code == 0, done.err
    path = tmp_path / "client.toml"
    stored = tomllib.loads(path.read_text())
    assert (stored["host"], stored["key"][:5], path.stat().st_mode & 0o777) == (HOST, "llmb_", 0o600)
    assert stored["key"] not in done.out + done.err
    listed = line.run("keys", "list")
    assert (listed.code, "ann" in listed.out, stored["key"] in listed.out) == (0, True, False), listed.err


def test_a_wrong_password_is_exit_code_3_and_nothing_is_stored(tmp_path: Path) -> None:
    done = airflow_with(fake_gateway(), tmp_path).run("login", "--host", HOST, "--user", "ann", "--password", "wrong")
    assert (done.code, "wrong" in done.err, list(tmp_path.iterdir())) == (3, False, [])


def test_a_gateway_apart_from_airflow_needs_its_address(tmp_path: Path) -> None:
    words = ("login", "--host", "http://gateway:8000", "--user", "ann", "--password", "secret")
    line = airflow_with(fake_gateway(), tmp_path)
    done = line.run(*words)
    assert (done.code, "--airflow" in done.err) == (2, True)
    assert line.run(*words, "--airflow", "http://airflow/").code == 0


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_key_is_made_printed_once_listed_and_revoked(tmp_path: Path, form: tuple[str, ...]) -> None:
    line = airflow_with(fake_gateway(), tmp_path)
    assert line.run("login", "--host", HOST, typed="ann\nsecret\n").code == 0
    words = ("keys", "create", "nightly", "--user", "ann", "--password", "secret", "--days", "3")
    done = line.run(*words, *form)
    assert done.code == 0, done.err
    key = str(done.document["key"]) if form else done.out.strip()
    key_id = key.split("_")[1]
    assert key not in line.run("keys", "list", "--json").out
    assert line.run("jobs", LLMBATCH_API_KEY=key).code == 0
    assert line.run("keys", "revoke", key_id, *form).code == 0
    assert line.run("keys", "revoke", "0" * 16).code == 4


def test_a_key_needs_a_gateway(tmp_path: Path) -> None:
    done = airflow_with(fake_gateway(), tmp_path).run("keys", "create", "n", "--user", "a", "--password", "b")
    assert (done.code, "login" in done.err) == (2, True)
