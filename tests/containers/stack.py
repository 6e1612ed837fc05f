"""The shipped docker-compose.yaml on the engine of the tests: up, broken, whole again, and gone."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import yaml

from containers.engine import Engine, EngineError

PROJECT = "llmbatch-test"
SHARD_ROWS = 16
_POLL_SECONDS = 0.5
_HERE = Path(__file__).parent


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

    def __init__(self, engine: Engine, repo: Path, folder: Path, settings: Mapping[str, str]) -> None:
        self.engine, self.repo, self.folder = engine, repo, folder
        self.secrets = folder / "secrets"
        self._settings = settings

    def compose(self, *words: str, timeout_s: float = 900) -> str:
        """Run a command of Docker Compose on the project.

        Raises:
            EngineError: it failed.
        """
        files = [self.repo / "docker-compose.yaml", self.folder / "test.yaml"]
        options = ["--project-name", PROJECT, "--project-directory", str(self.repo), "--env-file", str(self.folder / "env")]
        chosen = [word for file in files for word in ("--file", str(file))]
        return self.engine.docker("compose", *options, *chosen, *words, timeout_s=timeout_s)

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
