"""Ports and paths of the embedded stack."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from llmbatch_stack.credentials import load_or_create
from llmbatch_stack.environment import airflow_variables
from llmbatch_stack.settings import (
    DEFAULT_PORT_BASE,
    FIRST_OUTGOING_PORT,
    PORT_OFFSETS,
    RAY_WORKER_OFFSETS,
    SettingsError,
    load,
)


def test_ports_are_distinct_and_outside_rays_worker_range():
    settings = load({})
    ports = [settings.port(name) for name in PORT_OFFSETS]
    low, high = (settings.port_base + offset for offset in RAY_WORKER_OFFSETS)
    assert len(set(ports)) == len(ports)
    assert not [port for port in ports if low <= port <= high]


def test_two_bases_a_thousand_apart_share_no_port():
    first, second = load({}), load({"LLMBATCH_PORT_BASE": str(DEFAULT_PORT_BASE + 1000)})
    of_first = {first.port(name) for name in PORT_OFFSETS}
    assert not of_first & {second.port(name) for name in PORT_OFFSETS}


def _highest_port(base: int | str) -> int:
    settings = load({"LLMBATCH_PORT_BASE": str(base)})
    return max(*(settings.port(name) for name in PORT_OFFSETS), settings.port_base + max(RAY_WORKER_OFFSETS))


def _base_of_ci() -> str:
    script = (Path(__file__).parents[3] / ".ci" / "run").read_text(encoding="utf-8")
    return re.findall(r"LLMBATCH_PORT_BASE:-(\d+)", script)[0]


def test_no_outgoing_connection_gets_a_port_of_a_base_we_choose_or_advise():
    assert _highest_port(DEFAULT_PORT_BASE) < FIRST_OUTGOING_PORT
    assert _highest_port(_base_of_ci()) < FIRST_OUTGOING_PORT
    for base in (DEFAULT_PORT_BASE, 22500, 31000):
        advised = load({"LLMBATCH_PORT_BASE": str(base)}).other_base
        assert _highest_port(advised) < FIRST_OUTGOING_PORT
        assert advised != base


def test_base_moves_every_address():
    settings = load({"LLMBATCH_PORT_BASE": "31000"})
    assert settings.airflow_url == "http://127.0.0.1:31000"
    assert settings.s3_url.endswith(":31010")
    assert settings.ray_url.endswith(":31031")


@pytest.mark.parametrize("text", ["80", "70000", "65300", "abc", "-1", "21000.5"])
def test_impossible_base_is_refused_by_name(text: str):
    with pytest.raises(SettingsError, match="LLMBATCH_PORT_BASE"):
        load({"LLMBATCH_PORT_BASE": text})


def test_highest_allowed_base_keeps_every_port_valid():
    assert _highest_port(65535 - max(*PORT_OFFSETS.values(), *RAY_WORKER_OFFSETS)) == 65535


def test_the_scheduler_looks_as_often_as_chosen(tmp_path: Path):
    chosen = {"LLMBATCH_STATE": str(tmp_path), "LLMBATCH_SCHEDULER_IDLE": "0.5"}
    pauses = [
        airflow_variables(settings, load_or_create(settings))["AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME"]
        for settings in (load(chosen), load({"LLMBATCH_STATE": str(tmp_path)}))
    ]
    assert pauses == ["0.5", "2.0"]


@pytest.mark.parametrize("text", ["0", "0.05", "61", "-1", "nan", "1e1", "1,5", "soon"])
def test_an_impossible_pause_of_the_scheduler_is_refused_by_name(text: str):
    with pytest.raises(SettingsError, match=r"LLMBATCH_SCHEDULER_IDLE=.* from 0\.1 to 60;"):
        load({"LLMBATCH_SCHEDULER_IDLE": text})


def test_airflow_sends_its_metrics_with_labels_to_the_port_of_this_stack(tmp_path: Path):
    settings = load({"LLMBATCH_STATE": str(tmp_path), "LLMBATCH_PORT_BASE": "30000"})
    variables = airflow_variables(settings, load_or_create(settings))
    prefix = "AIRFLOW__METRICS__"
    assert {name.removeprefix(prefix): value for name, value in variables.items() if name.startswith(prefix)} == {
        "STATSD_ON": "True",
        "STATSD_HOST": "127.0.0.1",
        "STATSD_PORT": "30054",
        "STATSD_PREFIX": "airflow",
        "STATSD_INFLUXDB_ENABLED": "True",
        "LEGACY_NAMES_ON": "False",
    }


def test_state_folder_can_be_moved(tmp_path: Path):
    settings = load({"LLMBATCH_STATE": str(tmp_path / "elsewhere")})
    assert settings.logs == tmp_path / "elsewhere" / "logs"
    assert settings.runtime != load({}).runtime


def test_socket_paths_stay_short_however_long_the_state_path_is(tmp_path: Path):
    settings = replace(load({}), state=tmp_path / ("x" * 200))
    session = "ray/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store"
    assert len(str(settings.runtime / session)) < 107
