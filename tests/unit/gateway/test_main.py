"""The command that serves the gateway alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import uvicorn

from llmbatch.gateway import __main__ as command
from llmbatch.gateway import connections


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    served: list[dict[str, Any]] = []
    monkeypatch.setenv("LLMBATCH_CONFIG", str(tmp_path / "config.yaml"))
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")
    monkeypatch.setattr(uvicorn, "run", lambda app, **options: served.append({"app": app, **options}))
    monkeypatch.setattr(connections, "raise_file_limit", lambda _: None)
    (tmp_path / "config.yaml").write_text("models: {small: {uri: hub/small}}\ndefault_model: small\n")
    return served


def test_it_serves(served: list[dict[str, Any]]) -> None:
    assert command.main(["--host", "0.0.0.0", "--port", "1", "--workers", "2"]) == 0
    [options] = served
    assert (options["app"], options["factory"]) == ("llmbatch.gateway.assembly:alone", True)
    assert (options["host"], options["port"], options["workers"]) == ("0.0.0.0", 1, 2)
    assert options["limit_concurrency"] > 1000


def test_a_wrong_configuration_ends_it(
    served: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.yaml").write_text("modles: {}")
    assert command.main([]) == 1
    assert "modles" in capsys.readouterr().err
    assert served == []


def test_it_serves_https(served: list[dict[str, Any]]) -> None:
    assert command.main(["--tls-certificate", "gateway.pem", "--tls-key", "gateway-key.pem"]) == 0
    [options] = served
    assert (options["ssl_certfile"], options["ssl_keyfile"]) == ("gateway.pem", "gateway-key.pem")


@pytest.mark.parametrize("name", ["--tls-certificate", "--tls-key"])
def test_a_certificate_without_its_key_ends_it(
    served: list[dict[str, Any]], capsys: pytest.CaptureFixture[str], name: str
) -> None:
    with pytest.raises(SystemExit):
        command.main([name, "file.pem"])
    assert "give both or neither" in capsys.readouterr().err
    assert served == []
