"""The embedded stack as a whole: up, crash, recovery, down; nothing may stay behind.

It runs beside a developer's own stack: another state folder, another port base.
"""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from llmbatch_stack.install import tools
from llmbatch_stack.monitor import PROGRAMS
from llmbatch_stack.process import record
from llmbatch_stack.process.priority import IDLE, WORKING
from llmbatch_stack.process.table import identify, members
from llmbatch_stack.settings import HOST, PORT_OFFSETS, Settings, load
from llmbatch_stack.wire import call

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]
BASE = "22000"
MONITORING = ("statsd-exporter", "alertmanager", "prometheus")


@pytest.fixture(scope="module")
def stack() -> Iterator["Stack"]:
    # not pytest's tmp_path: Postgres may run as another user, and pytest closes its folders to others
    folder = Path(tempfile.mkdtemp(prefix="llmbatch-it-"))
    settings = load({"LLMBATCH_STATE": str(folder), "LLMBATCH_PORT_BASE": BASE})
    assert Path(settings.python("ray")).exists(), "run `make install` first"
    stack = Stack(settings)
    yield stack
    stack.run("down")
    shutil.rmtree(folder)


class Stack:
    """The command line of one stack, and what it left."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        repo = settings.repo
        path = os.pathsep.join([str(repo / "deploy" / "embedded"), str(repo / "include")])
        self.env = os.environ | {"LLMBATCH_STATE": str(settings.state), "LLMBATCH_PORT_BASE": BASE, "PYTHONPATH": path}

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([*self.command, *words], env=self.env, capture_output=True, text=True, check=False)

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", "llmbatch_stack"]

    def pid(self, component: str) -> int:
        found = record.read(self.settings.run, component)
        assert found is not None
        return found.pid

    def assert_nothing_left(self) -> None:
        assert not members(str(self.settings.state), [])
        assert not list(self.settings.run.iterdir())
        assert not self.settings.runtime.exists()
        for name in PORT_OFFSETS:
            with socket.socket() as probe:
                assert probe.connect_ex((HOST, self.settings.port(name))) != 0, name


def test_interrupted_start_leaves_nothing(stack: Stack):
    # A shell starts what it puts into the background with SIGINT ignored, and children inherit that.
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen([*stack.command, "up"], env=stack.env, stdout=subprocess.PIPE, text=True)
    signal.signal(signal.SIGINT, inherited)
    assert process.stdout is not None
    with process.stdout:
        assert "ready" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert "interrupted" in process.stdout.read()
    assert process.wait() == 130
    stack.assert_nothing_left()


def test_killed_start_is_cleaned_by_down(stack: Stack):
    process = subprocess.Popen([*stack.command, "up"], env=stack.env, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        assert "ready" in process.stdout.readline()
        process.kill()
        process.wait()
    assert stack.run("down").returncode == 0
    stack.assert_nothing_left()


def test_taken_port_is_named_with_its_remedy(stack: Stack):
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind((HOST, stack.settings.port("ray_api")))
        squatter.listen()
        done = stack.run("up")
    assert done.returncode == 1
    for word in ("22031", "ray_api of ray", "LLMBATCH_PORT_BASE"):
        assert word in done.stderr
    stack.assert_nothing_left()


def test_up_makes_every_component_healthy_and_is_idempotent(stack: Stack):
    done = stack.run("up")
    assert done.returncode == 0, done.stdout + done.stderr
    status = stack.run("status")
    assert status.returncode == 0, status.stdout
    secrets = json.loads((stack.settings.state / "secrets.json").read_text())
    niceness = {
        name: os.getpriority(os.PRIO_PROCESS, stack.pid(name)) for name in ("ray", "seaweedfs", "airflow-scheduler")
    }
    assert niceness == {"ray": 0, "seaweedfs": 10, "airflow-scheduler": 10}  # all but the engines' parent yield
    secrets.pop("airflow_user")
    assert not [name for name, value in secrets.items() if value in status.stdout + done.stdout]
    pids = {name: one.pid for name, one in record.read_all(stack.settings.run).items()}
    assert "already up" in stack.run("up").stdout
    assert {name: one.pid for name, one in record.read_all(stack.settings.run).items()} == pids


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this kernel does not group processes by session")
def test_sessions_yield_to_engines(stack: Stack):
    def nice_of(component: str) -> int:
        return int(Path(f"/proc/{stack.pid(component)}/autogroup").read_text().split()[-1])

    deadline = time.monotonic() + 600
    serving = ("ray", "postgres", "seaweedfs", "airflow-api-server")
    background = ("airflow-scheduler", "airflow-dag-processor", "airflow-triggerer")
    while not (all(nice_of(one) == WORKING for one in serving) and any(nice_of(one) == IDLE for one in background)):
        assert time.monotonic() < deadline, {one: nice_of(one) for one in serving + background}
        time.sleep(0.2)


def test_a_stopped_and_continued_supervisor_keeps_its_stack(stack: Stack):
    supervisor = stack.pid("supervisor")
    os.kill(supervisor, signal.SIGSTOP)
    time.sleep(4)  # longer than any timeout that it may wait with
    os.kill(supervisor, signal.SIGCONT)
    status = stack.run("status")
    assert status.returncode == 0, status.stdout
    assert stack.pid("supervisor") == supervisor


def test_monitoring_is_put_beside_the_stack(stack: Stack):
    missing = [name for name in PROGRAMS if tools.find(stack.settings, name) is None]
    if missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no {', '.join(missing)}: run `make install`")
    before = stack.pid("airflow-api-server")
    done = stack.run("monitor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert stack.settings.prometheus_url in done.stdout
    assert "already monitored" in stack.run("monitor").stdout
    status = stack.run("status")
    assert status.returncode == 0, status.stdout
    assert all(name in status.stdout for name in MONITORING)
    assert stack.pid("airflow-api-server") == before
    key = stack.settings.state / "monitoring" / "prometheus" / "secrets" / "gateway-key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stack.run("monitor", "--stop").returncode == 0
    assert not any(name in stack.run("status").stdout for name in MONITORING)
    assert stack.run("monitor").returncode == 0  # the tests below are about it as well


def test_nothing_listens_beyond_the_loopback(stack: Stack):
    ours = {stack.settings.port(name) for name in PORT_OFFSETS}
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening += [line.split() for line in Path("/proc/net/tcp6").read_text().splitlines()[1:]]
    addresses = {
        fields[1].split(":")[0] for fields in listening if fields[3] == "0A" and int(fields[1][-4:], 16) in ours
    }
    assert addresses == {"0100007F", "0000000000000000FFFF00000100007F"}


def test_only_s3_answers_about_objects_and_only_with_its_keys(stack: Stack):
    ports = stack.settings.port
    for name, path in [
        ("seaweed_filer", "/"),
        ("seaweed_filer", "/buckets/llmbatch/"),
        ("seaweed_master", "/dir/assign"),
        ("seaweed_master", "/dir/lookup?fileId=1,01&read=yes"),
        ("seaweed_volume", "/1,01"),
        ("s3", "/llmbatch?list-type=2"),
    ]:
        reply = call(f"http://{HOST}:{ports(name)}{path}")
        assert reply.status in {401, 403, 404}, (name, path, reply)
    for name in ("s3_grpc", "seaweed_master_grpc", "seaweed_volume_grpc", "seaweed_filer_grpc"):
        with socket.create_connection((HOST, ports(name)), timeout=5) as plain:
            plain.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
            assert plain.recv(64) == b"", f"{name} speaks without a certificate"


def test_other_users_cannot_look_into_the_stack(stack: Stack):
    passage = 0o711 if os.geteuid() == 0 else 0o700  # root's Postgres runs as another user
    state, runtime = stack.settings.state, stack.settings.runtime
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (state, runtime)} == {passage}
    open_to_others = [
        found
        for folder in (state, runtime)
        for found in folder.iterdir()
        if found.name != "postgres" and stat.S_IMODE(found.lstat().st_mode) & 0o077
    ]
    assert open_to_others == []
    assert stat.S_IMODE((state / "postgres" / "data").stat().st_mode) == 0o700


@pytest.mark.parametrize("component", ["airflow-triggerer", "postgres", "prometheus"])
def test_killed_component_comes_back(stack: Stack, component: str):
    if component in MONITORING and record.read(stack.settings.run, component) is None:
        pytest.skip(f"{component} is not installed")
    before = stack.pid(component)
    killed = identify(before)
    assert killed is not None
    os.kill(before, signal.SIGKILL)
    killed.wait(60)  # its session yields to whatever else runs here, also while it dies
    assert stack.run("up").returncode == 0  # waits until all are ready again
    assert stack.pid(component) != before
    # those that lost their database end and come back at moments of their own
    deadline = time.monotonic() + 600
    while (status := stack.run("status")).returncode != 0:
        assert time.monotonic() < deadline, status.stdout


def test_up_after_a_crash_cleans_the_debris_first(stack: Stack):
    before = stack.pid("supervisor")
    os.kill(before, signal.SIGKILL)
    done = stack.run("up")
    assert done.returncode == 0, done.stderr
    assert stack.pid("supervisor") != before
    status = stack.run("status")
    assert status.returncode == 0, status.stdout
    assert not any(name in status.stdout for name in MONITORING)
    names = {psutil.Process(one.pid).name() for one in members(str(stack.settings.state), [])}
    assert not any(name.startswith("prometheus") for name in names)


def test_down_after_the_supervisor_was_killed_leaves_nothing(stack: Stack):
    os.kill(stack.pid("supervisor"), signal.SIGKILL)
    assert stack.run("status").returncode == 1
    assert stack.run("down").returncode == 0
    stack.assert_nothing_left()
