"""Requests to a running job from the command line."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from llmbatch.cli import control as command
from llmbatch.cli.control import main
from llmbatch.core.claims import claim
from llmbatch.core.clock import ManualClock
from llmbatch.core.control import Control
from llmbatch.core.layout import JobLayout
from llmbatch.core.states import DesiredState
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.steering.control import request_state

NOW = datetime(2030, 1, 1, tzinfo=UTC)
LAYOUT = JobLayout("s3://b/jobs/job-1")


def claimed_job() -> MemoryStore:
    store = MemoryStore()
    store.put(LAYOUT.spec, b"{}")
    for _ in range(2):
        claim(store, LAYOUT, owner="o", now=NOW)
    return store


def written(store: MemoryStore) -> Control:
    return Control.model_validate_json(store.get(LAYOUT.control))


@pytest.mark.parametrize(
    ("arguments", "code", "shown"),
    [
        ([LAYOUT.root, "drain", "--reason", "r", "--by", "me"], 0, '"desired":"drain"'),
        ([f"{LAYOUT.root}/", "cancel", "--reason", "r"], 0, '"desired":"cancel"'),
        ([LAYOUT.root, "pause", "--reason", "r"], 0, '"paused":true'),
        ([LAYOUT.root, "resume", "--reason", "r"], 0, '"paused":false'),
        ([LAYOUT.root, "scale", "--min", "1", "--max", "3", "--reason", "r"], 0, '"replicas":{"min":1,"max":3}'),
        (
            [LAYOUT.root, "scale", "--min", "4", "--max", "3", "--reason", "r"],
            1,
            "--min 4 --max 3: --min must be at least 1",
        ),
        (["s3://b/jobs/other", "drain", "--reason", "r"], 1, "there is no job in s3://b/jobs/other"),
        (["nonsense", "drain", "--reason", "r"], 1, "there is no job in nonsense"),
    ],
)
def test_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, shown: str
) -> None:
    store = claimed_job()
    store.put(LAYOUT.control, Control(max_tokens=9, paused=arguments[1] == "resume").model_dump_json().encode())
    monkeypatch.setattr(command, "open_environment_store", lambda: store)
    monkeypatch.setattr(command.getpass, "getuser", lambda: "login")
    assert main(arguments) == code
    printed = capsys.readouterr()
    assert shown in (printed.err if code else printed.out)
    if not code:
        assert json.loads(printed.out.splitlines()[-1].removeprefix("RESULT ")) == written(store).model_dump(
            mode="json"
        )
        assert written(store).max_tokens == 9


def test_a_stronger_request_stays_in_force_and_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = claimed_job()
    request_state(LAYOUT.root, DesiredState.CANCEL, reason="r", by="boss", store=store, clock=ManualClock(NOW))
    monkeypatch.setattr(command, "open_environment_store", lambda: store)
    assert main([LAYOUT.root, "drain", "--reason", "r", "--by", "me"]) == 2
    assert "boss requested cancel" in capsys.readouterr().err
