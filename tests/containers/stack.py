"""The shipped docker-compose.yaml on the engine of the tests: up, broken, whole again, and gone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import yaml

from containers.engine import Engine, EngineError
from containers.images import Images
from containers.stand_ins import StandIns
from llmbatch.version import VERSION
from llmbatch_stack.settings import load

PROJECT = "llmbatch-test"
TEST_KEY = "llmbatchtests"
SHARD_ROWS = 16
_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Container:
    """A container of a service, as Docker sees it now. ``pid`` is that of its main process on this machine."""

    name: str
    service: str
    state: str
    health: str
    pid: int
    started_at: str
    exit_code: int
    restarts: int

    @property
    def is_well(self) -> bool:
        """Whether it runs, and its health check, if it has one, succeeds; a step that runs once must have succeeded."""
        return (self.state == "running" and self.health in {"", "healthy"}) or (
            self.state == "exited" and self.exit_code == 0
        )


class Stack:
    """One compose project with settings and secrets in ``folder``."""

    def __init__(self, engine: Engine, repo: Path, folder: Path) -> None:
        self.engine, self.repo, self.folder = engine, repo, folder
        self.secrets = folder / "secrets"
        self.services: tuple[str, ...] = ()
        self.left_out: tuple[str, ...] = ()
        """Services whose image cannot be had here."""

    @classmethod
    @contextmanager
    def open(cls, engine: Engine, stand_ins: StandIns, images: Images, folder: Path) -> Iterator[Stack]:
        """Bring the shipped file up with secrets, settings and a fake engine of its own, and take all of it down."""
        stack = cls(engine, load().repo, folder)
        folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "COMPOSE_PROFILES": "cpu,monitoring,s3", "LLMBATCH_VERSION": VERSION,
            "LLMBATCH_AIRFLOW_IMAGE": images.airflow,
            "LLMBATCH_RAY_IMAGE": images.ray, "LLMBATCH_SECRETS": str(stack.secrets), "LLMBATCH_SECRETS_GID": "0",
            "LLMBATCH_CONFIG_FILE": str(folder / "config.yaml"), "S3_ENDPOINT_URL": "http://seaweedfs:8333",
            "LLMBATCH_RAY_SHM": "1g", "LLMBATCH_RAY_MEMORY": "8g",
        }  # fmt: skip
        (folder / "env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        (folder / "config.yaml").write_text(yaml.safe_dump(_configuration(stack.repo)))
        stack.make_secrets()
        shown = json.loads(stack.compose("config", "--format", "json"))["services"]
        own = {images.airflow, images.ray}
        stack.left_out = tuple(
            name for name, one in shown.items() if one["image"] not in own and not stand_ins.make(one["image"])
        )
        stack.services = tuple(name for name in shown if name not in stack.left_out)
        try:
            stack.compose("up", "--detach", "--wait", "--wait-timeout", "900", "--pull", "never", *stack.services)
            yield stack
        except BaseException:
            stack.note_logs()
            raise
        finally:
            stack.compose("down", "--volumes", "--timeout", "20")

    def make_secrets(self) -> None:
        """Make the secrets as a person would."""
        script = self.repo / "deploy" / "compose" / "make-secrets.sh"
        variables = self.engine.environment | {"COMPOSE_PROFILES": "cpu,monitoring,s3"}
        done = subprocess.run(["bash", str(script), str(self.secrets)], env=variables, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        # an identity of the tests' own: neither side's key may do all of what a judge reads and a user writes
        identities = json.loads((self.secrets / "seaweedfs_s3.json").read_text())
        key = {"accessKey": TEST_KEY, "secretKey": TEST_KEY}
        identities["identities"].append(
            {"name": "tests", "credentials": [key], "actions": ["Admin", "Read", "Write", "List", "Tagging"]}
        )
        (self.secrets / "seaweedfs_s3.json").write_text(json.dumps(identities))

    def secret(self, name: str) -> str:
        """Return the text of a secret."""
        return (self.secrets / name).read_text().strip()

    def address(self, service: str, port: int) -> str:
        """Return the address of a service in the network of the containers, which this machine reaches."""
        networks = self.engine.inspect(self.service(service).name)["NetworkSettings"]
        assert isinstance(networks, dict)
        (network,) = networks["Networks"].values()
        return f"http://{network['IPAddress']}:{port}"

    def note_logs(self) -> None:
        """Keep what the containers said, which is gone after them."""
        with suppress(EngineError):
            (self.folder / "logs.txt").write_text(self.compose("logs", "--no-color", "--timestamps"))
            (self.folder / "ps.txt").write_text(self.compose("ps", "--all"))

    def compose(self, *words: str, timeout_s: float = 900) -> str:
        """Run a command of Docker Compose on the project.

        Raises:
            EngineError: it failed.
        """
        options = ["--project-name", PROJECT, "--env-file", str(self.folder / "env")]
        file = str(self.repo / "docker-compose.yaml")
        return self.engine.docker("compose", *options, "--file", file, *words, timeout_s=timeout_s)

    def containers(self) -> dict[str, Container]:
        """Return the containers by name, those that have ended included."""
        ids = self.compose("ps", "--all", "--quiet").split()
        found = [_container(one) for one in json.loads(self.engine.docker("inspect", *ids))] if ids else []
        return {one.name: one for one in found}

    def service(self, name: str) -> Container:
        """Return the one container of a service."""
        (found,) = (one for one in self.containers().values() if one.service == name)
        return found

    def kill(self, name: str) -> Container:
        """Kill the main process of a container, and with it all others in it, as the kernel does without memory.

        Not by ``docker kill``: Docker does not restart what it was told to kill.
        """
        victim = self.containers()[name]
        assert victim.pid > 0, f"{name} does not run"
        os.kill(victim.pid, signal.SIGKILL)
        return victim

    def until_back(self, victim: Container, seconds: float = 180) -> Container:
        """Wait until Docker has started a killed container again, and it is well."""
        self._until(
            lambda: (now := self.containers()[victim.name]).is_well and now.started_at != victim.started_at,
            f"{victim.name} is restarted and healthy",
            seconds,
        )
        return self.containers()[victim.name]

    def until_well(self, seconds: float = 300) -> None:
        """Wait until all containers are well."""
        self._until(lambda: not self.unwell(), "all containers are healthy", seconds)

    def unwell(self) -> dict[str, str]:
        """Return the state of each container that is not well."""
        return {one.name: f"{one.state} {one.health}" for one in self.containers().values() if not one.is_well}

    def _until(self, condition: Callable[[], object], what: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds:g} s: {what}; not well: {self.unwell()}")
            time.sleep(_POLL_SECONDS)


def _container(found: Mapping[str, object]) -> Container:
    """Read what ``docker inspect`` prints."""
    state, config = found["State"], found["Config"]
    assert isinstance(state, dict)
    assert isinstance(config, dict)
    return Container(
        name=str(found["Name"]).removeprefix("/"),
        service=str(config["Labels"]["com.docker.compose.service"]),
        state=str(state["Status"]),
        health=str(state.get("Health", {}).get("Status", "")),
        pid=int(state["Pid"]),
        started_at=str(state["StartedAt"]),
        exit_code=int(state["ExitCode"]),
        restarts=int(str(found["RestartCount"])),
    )


def _configuration(repo: Path) -> dict[str, object]:
    """Return the shipped configuration with the fake engine, and short commits that make a short job visible."""
    config = yaml.safe_load((repo / "config" / "config.yaml").read_text())
    assert isinstance(config, dict)
    echo = {"seconds_per_row": 0.75, "start_seconds": 1.5}
    return {
        **config,
        "staging": {**config["staging"], "shard_rows": SHARD_ROWS},
        "engine": {"kind": "echo", "max_num_seqs": 16, "window_factor": 1.5, "cpus_per_replica": 1, "echo": echo},
    }
