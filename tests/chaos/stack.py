"""A stack of its own to be broken: its own ports, state and config, a proxy before its store, and a second Ray node."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import yaml

from chaos.ray_node import RayNode
from chaos.s3_proxy import S3Proxy
from llmbatch.s3.store import S3Store
from llmbatch_stack import settings as stack_settings
from llmbatch_stack.components import seaweedfs
from llmbatch_stack.credentials import Credentials, load_or_create
from llmbatch_stack.demo.airflow_api import AirflowApi
from llmbatch_stack.demo.job_run import open_airflow, open_store
from llmbatch_stack.process import record
from llmbatch_stack.process.table import members

PORT_BASE = 20000
_PROXY_OFFSET = 20
_UP_SECONDS = 1200

Section = Mapping[str, object]
"""One section of config.yaml."""


class ChaosStack:
    """The stack. As a context manager it is up inside and gone after."""

    def __init__(self, *, port_base: int = PORT_BASE) -> None:
        # not under the repository: Postgres may run as another user, who must be able to pass through
        self.folder = Path(tempfile.mkdtemp(prefix="llmbatch-chaos-"))
        self.journal = self.folder / "journal"
        self.env = {
            "LLMBATCH_STATE": str(self.folder / "state"),
            "LLMBATCH_PORT_BASE": str(port_base),
            "LLMBATCH_CONFIG": str(self.folder / "config.yaml"),
            "LLMBATCH_S3_URL": f"http://127.0.0.1:{port_base + _PROXY_OFFSET}",
            # an engine takes 2, so with 3 each of two nodes holds one
            "LLMBATCH_RAY_CPUS": "3",
            "LLMBATCH_SCHEDULER_IDLE": "0.5",
        }
        self.settings = stack_settings.load(self.env)
        self.proxy = S3Proxy(port_base + _PROXY_OFFSET, self.settings.port("s3"))
        self.node = RayNode(self.settings, self.credentials)
        self.store: S3Store = open_store(replace(self.settings, s3_url=self.settings.s3_server_url), self.credentials)
        """Looks past the proxy: faults do not blind the judge."""
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        self.configure({})
        own_models = stack_settings.load({}).models
        if own_models.is_dir():
            self.settings.models.parent.mkdir(parents=True, exist_ok=True)
            self.settings.models.symlink_to(own_models)
        self._closing.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self._closing.callback(self.command, "down")
        self._closing.callback(self.kill)
        self._closing.enter_context(self.proxy)
        try:
            self.up()
        except BaseException:
            self._closing.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._closing.close()

    @property
    def credentials(self) -> Credentials:
        """The stack's secrets."""
        return load_or_create(self.settings)

    def configure(self, engine: Section, **sections: Section) -> None:
        """Write config.yaml: the next job that is accepted runs with this engine, and with other sections if given."""
        config: dict[str, object] = {
            "ray": {"poll_seconds": 1},
            "staging": {"shard_rows": SHARD_ROWS},
            "heartbeat": {"seconds": 1},
            "default_model": "smollm2",
            "models": {"smollm2": {"uri": "bundled:smollm2-135m-instruct", "max_model_len": 2048}},
            "engine": {"cpus_per_replica": 2, "shards_in_flight": SHARDS_IN_FLIGHT, **engine},
            **sections,
        }
        self.folder.joinpath("config.yaml").write_text(yaml.safe_dump(config))

    def up(self) -> None:
        """Start what does not run, and wait until all of it is healthy."""
        self.command("up")

    def mend(self) -> None:
        """Make the stack whole again, with one node and a store that behaves."""
        self.proxy.reset()
        self.up()
        self.node.stop()

    def renew_keys(self) -> None:
        """Start the object store again, whose keys of Airflow and Ray then work below the configured base address."""
        os.kill(self.pid(seaweedfs.NAME), signal.SIGKILL)
        self.mend()

    def kill(self) -> None:
        """Kill everything at once, the supervisor first, as a machine that loses its power."""
        with suppress(LookupError):
            os.kill(self.pid(record.SUPERVISOR), signal.SIGKILL)
        for one in self.processes():
            with suppress(psutil.NoSuchProcess):
                one.kill()
        self.node.stop()

    def api(self) -> AirflowApi:
        """Log in to Airflow. Use as a context manager."""
        return open_airflow(self.settings, self.credentials)

    def pid(self, component: str) -> int:
        """Return the process of a component.

        Raises:
            LookupError: it has none.
        """
        found = record.read(self.settings.run, component)
        if found is None or not found.is_alive():
            raise LookupError(f"{component} does not run")
        return found.pid

    def processes(self) -> list[psutil.Process]:
        """Return every live process of the stack, those of the second node and of Ray jobs included."""
        known = (one.identity for one in record.read_all(self.settings.run).values())
        found = []
        for one in members(str(self.settings.state), [identity for identity in known if identity is not None]):
            try:
                found.append(psutil.Process(one.pid))
            except psutil.NoSuchProcess:
                continue
        return found

    def command(self, *words: str, **variables: str) -> None:
        """Run a verb of the stack's command line.

        Raises:
            RuntimeError: it failed; with its output.
        """
        path = os.pathsep.join(str(self.settings.repo / part) for part in ("deploy/embedded", "include"))
        done = subprocess.run(
            [sys.executable, "-m", "llmbatch_stack", *words],
            env=os.environ | self.env | {"PYTHONPATH": path} | variables,
            capture_output=True,
            text=True,
            timeout=_UP_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"llmbatch_stack {words} failed: {(done.stdout + done.stderr)[-2000:]}")


SHARD_ROWS = 16
SHARDS_IN_FLIGHT = 4
"""Of one replica."""


def echo_engine(journal: Path, seconds_per_row: float) -> Section:
    """Return an engine that answers 24 rows at a time, and notes each of them."""
    echo = {
        "seconds_per_row": seconds_per_row,
        "start_seconds": 1.5,
        "fail_marker": FAIL_MARKER,
        "journal": str(journal),
    }
    return {"kind": "echo", "max_num_seqs": 16, "window_factor": 1.5, "echo": echo}


FAIL_MARKER = "UNANSWERABLE"
"""The fake engine fails rows whose prompt holds this."""


def vllm_engine() -> Section:
    """Return the real engine, with few rows at a time so that a short job has a middle."""
    return {"kind": "vllm", "max_num_seqs": 16, "window_factor": 1.5, "cpu_kvcache_gib": 1}
