"""The test of all sinks from the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alert_receivers import Hook, running_hook
from llmbatch.cli import check_alerts as check


@pytest.fixture
def hook() -> Iterator[Hook]:
    with running_hook() as one:
        yield one


def connect(monkeypatch: pytest.MonkeyPatch, conn_id: str, **fields: Any) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps({"conn_type": "http", **fields}))


def test_the_check_says_which_sink_is_broken(
    monkeypatch: pytest.MonkeyPatch, hook: Hook, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    connect(monkeypatch, "good", host="127.0.0.1", port=hook.port)
    connect(monkeypatch, "bad", host="127.0.0.1", port=1)
    alerts = {"webhook": [{"conn_id": "good"}, {"conn_id": "bad"}]}
    config = {"default_model": "m", "models": {"m": {"uri": "x"}}, "alerts": alerts}
    (tmp_path / "config.yaml").write_text(json.dumps(config))
    monkeypatch.setenv("LLMBATCH_CONFIG", str(tmp_path / "config.yaml"))
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "")
    assert check.main(["--level", "red"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["ok     task-log", "ok     webhook.good"]
    assert lines[2].startswith("broken webhook.bad: connection 'bad': the receiver cannot be reached")
    assert hook.posts[0][2]["job_id"] == "job-test"


def test_a_configuration_that_cannot_be_read_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LLMBATCH_CONFIG", str(tmp_path / "none.yaml"))
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "")
    assert check.main([]) == 1
    printed = capsys.readouterr()
    assert "none.yaml" in printed.err
    assert printed.out == ""
