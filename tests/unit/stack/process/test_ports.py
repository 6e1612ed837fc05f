"""Ports that are free, that a dead process still holds, and that another program uses."""

import os
import socket
import subprocess
import sys
import threading
from contextlib import closing

import pytest

from llmbatch_stack.process import ports
from llmbatch_stack.process.component import Component
from llmbatch_stack.process.table import is_ending
from llmbatch_stack.settings import HOST, PORT_OFFSETS, Settings, load


@pytest.fixture
def settings() -> Settings:
    """A base at which the first port is free now."""
    with closing(socket.socket()) as found:
        found.bind((HOST, 0))
        base = found.getsockname()[1] - PORT_OFFSETS["ray_api"]
    return load({"LLMBATCH_PORT_BASE": str(base)})


@pytest.fixture
def ray() -> Component:
    return Component(name="ray", command=(), environment={}, check=lambda _: None, ports=("ray_api",))


def listening(settings: Settings) -> socket.socket:
    return socket.create_server((HOST, settings.port("ray_api")))


def test_free_ports_are_no_error(settings: Settings, ray: Component):
    lines: list[str] = []
    ports.require_free(settings, [ray], lines.append)
    assert lines == []


def test_a_port_of_a_live_process_is_an_error_at_once_that_names_it(settings: Settings, ray: Component):
    with listening(settings), pytest.raises(ports.PortTaken) as caught:
        ports.require_free(settings, [ray], lambda _: None, wait_s=3600)
    for word in (f"pid {os.getpid()}", str(settings.port("ray_api")), "ray_api of ray", "LLMBATCH_PORT_BASE"):
        assert word in str(caught.value)


def test_a_port_whose_process_is_dead_is_waited_for(
    settings: Settings, ray: Component, monkeypatch: pytest.MonkeyPatch
):
    # a killed process shows no open files, although the kernel still holds its sockets
    monkeypatch.setattr(ports, "_owner", lambda _port: None)
    held = listening(settings)
    lines: list[str] = []

    def report(line: str) -> None:
        lines.append(line)
        threading.Timer(0.1, held.close).start()

    ports.require_free(settings, [ray], report, wait_s=3600)
    assert len(lines) == 1
    assert str(settings.port("ray_api")) in lines[0]


def test_a_killed_process_that_still_frees_its_memory_is_waited_for(settings: Settings, ray: Component):
    """For a moment it shows no environment, so that no sweep finds it, and still has its sockets."""
    listen_with_a_gib = (
        "import socket, time\n"
        f"held = socket.create_server(('{HOST}', {settings.port('ray_api')}))\n"
        "memory = bytearray(1 << 30)\n"
        "print('listening', flush=True)\n"
        "time.sleep(3600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", listen_with_a_gib], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"listening\n"
        assert not is_ending(process.pid)
        process.kill()
        while not is_ending(process.pid):
            pass
        ports.require_free(settings, [ray], lambda _: None)


def test_a_port_that_stays_taken_is_an_error_in_the_end(
    settings: Settings, ray: Component, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ports, "_owner", lambda _port: None)
    with listening(settings), pytest.raises(ports.PortTaken, match="another program"):
        ports.require_free(settings, [ray], lambda _: None, wait_s=0)
