"""Ports and paths of the embedded stack."""

from dataclasses import replace
from pathlib import Path

import pytest

from llmbatch_stack.settings import DEFAULT_PORT_BASE, PORT_OFFSETS, RAY_WORKER_OFFSETS, SettingsError, load


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


def test_default_ports_are_not_picked_for_outgoing_connections():
    settings = load({})
    assert max(settings.port(name) for name in PORT_OFFSETS) < 32768


def test_base_moves_every_address():
    settings = load({"LLMBATCH_PORT_BASE": "31000"})
    assert settings.airflow_url == "http://127.0.0.1:31000"
    assert settings.s3_url.endswith(":31010")
    assert settings.ray_url.endswith(":31031")


@pytest.mark.parametrize("text", ["80", "70000", "60000", "abc", "-1", "21000.5"])
def test_impossible_base_is_refused_by_name(text: str):
    with pytest.raises(SettingsError, match="LLMBATCH_PORT_BASE"):
        load({"LLMBATCH_PORT_BASE": text})


def test_highest_allowed_base_keeps_every_port_valid():
    settings = load({"LLMBATCH_PORT_BASE": str(65535 - max(PORT_OFFSETS.values()))})
    assert max(settings.port(name) for name in PORT_OFFSETS) == 65535


def test_state_folder_can_be_moved(tmp_path: Path):
    settings = load({"LLMBATCH_STATE": str(tmp_path / "elsewhere")})
    assert settings.logs == tmp_path / "elsewhere" / "logs"
    assert settings.runtime != load({}).runtime


def test_socket_paths_stay_short_however_long_the_state_path_is(tmp_path: Path):
    settings = replace(load({}), state=tmp_path / ("x" * 200))
    session = "ray/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store"
    assert len(str(settings.runtime / session)) < 107
