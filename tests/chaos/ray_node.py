"""A second Ray node on this machine: a raylet that can be killed while the head lives."""

from __future__ import annotations

import subprocess
import time

import psutil

from llmbatch_stack.credentials import Credentials
from llmbatch_stack.environment import environment
from llmbatch_stack.process.table import MARKER
from llmbatch_stack.settings import HOST, Settings
from llmbatch_stack.wire import call

_PORT_OFFSET = 50
_PORTS = (
    "node-manager-port",
    "object-manager-port",
    "dashboard-agent-listen-port",
    "dashboard-agent-grpc-port",
    "runtime-env-agent-port",
    "metrics-export-port",
)
_WORKER_PORTS = (300, 399)
_START_SECONDS = 300
_CPUS = 2
_OBJECT_STORE_BYTES = 128 * 1024 * 1024


class RayNode:
    """The node's process tree; it belongs to the stack, so the stack's `down` would end it too."""

    def __init__(self, settings: Settings, credentials: Credentials) -> None:
        self._settings, self._credentials = settings, credentials
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and wait until the head counts it.

        Raises:
            TimeoutError: the head does not see it.
        """
        if self.is_running and self._alive_nodes() > 1:
            return
        self.stop()
        settings = self._settings
        base = settings.port_base
        options: dict[str, object] = {name: base + _PORT_OFFSET + place for place, name in enumerate(_PORTS)}
        options |= {"min-worker-port": base + _WORKER_PORTS[0], "max-worker-port": base + _WORKER_PORTS[1]}
        options |= {"address": f"{HOST}:{settings.port('ray_gcs')}", "node-ip-address": HOST, "num-cpus": _CPUS}
        options |= {"object-store-memory": _OBJECT_STORE_BYTES, "include-log-monitor": "false"}
        command = [settings.python("ray"), "-c", "from ray.scripts.scripts import main; main()", "start", "--block"]
        with (settings.logs / "ray-node.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--disable-usage-stats", *(f"--{name}={value}" for name, value in options.items())],
                env={**environment("ray", settings, self._credentials), MARKER: str(settings.state)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
            )
        deadline = time.monotonic() + _START_SECONDS
        while self._alive_nodes() < 2:
            if time.monotonic() > deadline or not self.is_running:
                raise TimeoutError(f"the second Ray node does not come up; see {settings.logs / 'ray-node.log'}")
            time.sleep(0.3)

    def stop(self) -> None:
        """Kill it with everything that runs on it, as a node that loses its power."""
        if self._process is None:
            return
        try:
            family = psutil.Process(self._process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            family = []
        self._process.kill()
        for one in family:
            try:
                one.kill()
            except psutil.NoSuchProcess:
                continue
        self._process.wait()
        self._process = None

    def processes(self) -> list[psutil.Process]:
        """Return what runs on the node."""
        return psutil.Process(self._process.pid).children(recursive=True) if self._process is not None else []

    def _alive_nodes(self) -> int:
        reply = call(f"{self._settings.ray_url}/nodes?view=summary", token=self._credentials.ray_token)
        data = reply.json().get("data")
        nodes = data.get("summary") if isinstance(data, dict) else None
        if not isinstance(nodes, list):
            return 0
        return sum(node.get("raylet", {}).get("state") == "ALIVE" for node in nodes)
