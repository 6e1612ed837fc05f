from __future__ import annotations

from pathlib import Path

import pytest

from llmbatch.core.config import CONFIG_ENV
from llmbatch.orchestrator.deployment.settings import config_path, load_settings

ROOT = Path(__file__).parents[4]


def test_the_environment_names_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(CONFIG_ENV, str(tmp_path / "x.yaml"))
    assert config_path() == tmp_path / "x.yaml"


def test_else_an_option_of_airflow_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CONFIG_ENV, raising=False)
    monkeypatch.setenv("AIRFLOW__LLMBATCH__CONFIG_FILE", "/somewhere/config.yaml")
    assert config_path() == Path("/somewhere/config.yaml")
    monkeypatch.setenv(CONFIG_ENV, "/elsewhere/config.yaml")
    assert config_path() == Path("/elsewhere/config.yaml")


def test_else_it_lies_beside_the_dags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CONFIG_ENV, raising=False)
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(ROOT / "dags"))
    assert config_path() == ROOT / "config" / "config.yaml"
    assert load_settings().ray.conn_id == "llmbatch_ray"
