"""A Docker engine that a test starts by hand and ends without a trace; needs root on Linux."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

_START_SECONDS = 60.0
_STOP_SECONDS = 60.0
_TAIL_LINES = 30


class EngineError(RuntimeError):
    """The engine or one of its commands failed; the message has the end of its output."""


class Engine:
    """``dockerd`` with its data in ``folder``, on a socket of its own; a context manager.

    It leaves the machine's firewall and its forwarding alone: containers reach each other, and published ports are
    served by processes of Docker, but no container reaches the outside, except an image that is built on the
    machine's own network.
    """

    def __init__(self, programs: Path, folder: Path, *, keep: bool = False) -> None:
        """``programs`` is the root of the unpacked packages. ``keep``: images and build cache stay in ``folder``."""
        self._programs, self.folder, self._keep = programs, folder, keep
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """What the engine says."""
        return self.folder / "dockerd.log"

    @property
    def environment(self) -> dict[str, str]:
        """Variables for Docker's command line, and for scripts that call it."""
        root = self._programs
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(("DOCKER_", "COMPOSE_"))},
            "PATH": f"{root}/usr/sbin:{root}/usr/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "DOCKER_HOST": f"unix://{self.folder}/docker.sock",
            "DOCKER_CONFIG": str(self.folder / "client"),
        }

    def __enter__(self) -> Self:
        self._end_former()
        (self.folder / "client").mkdir(parents=True, exist_ok=True)
        plugins = self.folder / "client" / "cli-plugins"
        if not plugins.is_symlink():
            plugins.symlink_to(self._programs / "usr" / "libexec" / "docker" / "cli-plugins")
        (self.folder / "daemon.json").write_text("{}")  # not this machine's own in /etc/docker
        libraries = self._programs / "usr" / "lib" / "x86_64-linux-gnu"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command(),
                env=self.environment
                | {"LD_LIBRARY_PATH": str(libraries), "XTABLES_LIBDIR": str(libraries / "xtables"), "TMPDIR": "/tmp"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        while self._run(["docker", "version"], None).returncode != 0:
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = self._tail()
                self._stop()
                raise EngineError(f"dockerd does not start; the end of {self.log}:\n{said}")
            time.sleep(0.2)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        left = self.docker("ps", "--all", "--quiet").split()
        if left:
            self.docker("rm", "--force", *left)
        self.docker("network", "prune", "--force")
        self._stop()

    def docker(self, *words: str, text: str | None = None, timeout_s: float = 600, **variables: str) -> str:
        """Run a Docker command with ``text`` on its standard input and return its standard output.

        Raises:
            EngineError: it failed.
        """
        done = self._run(["docker", *words], text, timeout_s, variables)
        if done.returncode != 0:
            end = "\n".join((done.stdout + done.stderr).splitlines()[-_TAIL_LINES:])
            raise EngineError(f"docker {' '.join(words)} exited {done.returncode}:\n{end}")
        return done.stdout

    def inspect(self, name: str) -> Mapping[str, object]:
        """Return what Docker knows of a container, an image or a network."""
        (found,) = json.loads(self.docker("inspect", name))
        assert isinstance(found, dict)
        return found

    def _command(self) -> list[str]:
        root, folder = self._programs, self.folder
        options = {
            "data-root": folder / "data", "exec-root": folder / "exec", "pidfile": folder / "docker.pid",
            "host": f"unix://{folder}/docker.sock", "storage-driver": "overlay2", "bridge": "none",
            "iptables": "false", "ip6tables": "false", "ip-forward": "false",
            "init-path": root / "usr" / "bin" / "tini-static", "config-file": folder / "daemon.json",
        }  # fmt: skip
        return [f"{root}/usr/sbin/dockerd", *(f"--{name}={value}" for name, value in options.items())]

    def _run(
        self,
        command: Sequence[str],
        text: str | None,
        timeout_s: float = 600,
        variables: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env=self.environment | dict(variables or {}),
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def _tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])

    def _stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process = None
        self._clean()

    def _end_former(self) -> None:
        """End the engine of a run that was killed, and its containers."""
        folders = self.folder / "data" / "containers"
        containers = {one.name for one in folders.iterdir()} if folders.exists() else set()
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes().decode(errors="replace")
                groups = {line.rpartition("/")[2] for line in (process / "cgroup").read_text().splitlines()}
            except OSError:
                continue
            if str(self.folder) in words or groups & containers:  # dockerd, containerd, shims; what is in containers
                os.kill(int(process.name), signal.SIGKILL)
        self._clean()

    def _clean(self) -> None:
        below = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in sorted((one for one in below if one.startswith(f"{self.folder}/")), reverse=True):
            subprocess.run(["umount", "--lazy", mount], check=False)
        for name in ("exec", "docker.sock", "docker.pid"):
            path = self.folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        if not self._keep:
            shutil.rmtree(self.folder / "data", ignore_errors=True)
