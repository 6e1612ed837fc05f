"""The backup from the command line."""

from __future__ import annotations

import json

import pytest

from llmbatch.cli import backup as command
from llmbatch.cli.backup import main
from llmbatch.core.store import MemoryStore

FROM, TO = "s3://b/jobs/", "s3://safe/jobs/"


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    for name in ("j1/spec.json", "j2/manifest.json", "j2/spec.json"):
        store.put(FROM + name, f"body of {name}".encode())
    return store


def test_command_line(store: MemoryStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command, "open_environment_store", lambda: store)
    assert main([f"{FROM}j2/", f"{TO}j2/"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert json.loads(last.removeprefix("RESULT ")) == {"objects": 2, "bytes": 44, "copied": 2, "skipped": 0}
    assert main(["s3://b/nothing", TO]) == 1
    assert "there is nothing under" in capsys.readouterr().err
