"""Two hosts on one machine: network namespaces with a cable between them, a real sshd in the second. Needs root.

Their Docker is the recording fake of ``tests/deploy/setup/fakes``, as are the programs that ask the hardware. ssh,
sshd, ss, ip, getent and the clock are real.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

HEAD, WORKER = "10.231.77.1", "10.231.77.2"
USER = "worker"
"""The user on the second host: a second name of root, whose home is in the folder of the test."""

_FAKES = Path(__file__).parents[1] / "deploy" / "setup" / "fakes"
_FAKED = ("docker", "nvidia-smi", "curl", "timedatectl", "df", "sleep", "record.sh")
_START_SECONDS = 20.0
_HEALTHY = {
    "engine": "28.2.2", "compose": "2.40.3", "runtimes": '{"runc":{}}', "synchronised": "yes", "disk": "100 20",
    "containers": "", "images": "", "remaining": "", "resume": "", "job": "", "ready": "", "dump": "",
    "gpus": "", "cuda": "12.8", "token": '{"access_token":"TOKEN"}',
    "ray": "Active:\n 1 node_a\n 1 node_b\n 1 node_c\nPending:",
}  # fmt: skip


@dataclass(frozen=True)
class Result:
    """What the script said, and what was seen of other processes meanwhile."""

    code: int
    said: str
    command_lines: frozenset[str] = field(repr=False)


class Hosts:
    """The two hosts, with their state in ``folder``; ``sshd`` is the program."""

    def __init__(self, folder: Path, checkout: Path, sshd: Path, libraries: Path) -> None:
        self.folder, self.checkout = folder, checkout
        self.calls = folder / "calls"
        self.home = folder / "home"
        self._sshd, self._libraries = sshd, libraries
        self._names = [f"llmbatch-{os.getpid()}-{host}" for host in ("head", "worker")]
        self._server: subprocess.Popen[bytes] | None = None

    @contextmanager
    def up(self) -> Iterator[Hosts]:
        """Connect them, and start sshd on the worker."""
        self._prepare()
        try:
            self._connect()
            self.start_sshd()
            yield self
        finally:
            self.stop_sshd()
            for name in self._names:
                subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)

    def script(self, *words: str) -> Result:
        """Run ``deploy/setup_production.sh`` on the head."""
        command = ["bash", str(self.checkout / "deploy" / "setup_production.sh"), *words]
        with _watched() as seen:
            done = subprocess.run(
                ["ip", "netns", "exec", self._names[0], "env", *_assignments(self._environment("head")), *command],
                cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                check=False, timeout=120,
            )  # fmt: skip
        return Result(done.returncode, done.stdout, frozenset(seen))

    def called(self) -> list[str]:
        """Return the calls of faked programs, each after the name of its host."""
        return self.calls.read_text(encoding="utf-8").splitlines()

    def forget(self) -> None:
        """Forget the calls."""
        self.calls.write_text("", encoding="utf-8")

    def start_sshd(self) -> None:
        """Start sshd in the worker's network, where its users and its folder under /run are known, and wait for it."""
        config, passwd = self.folder / "sshd_config", self.folder / "passwd"
        namespace = ["ip", "netns", "exec", self._names[1]]
        prepare = f"mount --bind '{passwd}' /etc/passwd && mount -t tmpfs run /run && mkdir -m 0755 /run/sshd"
        with (self.folder / "sshd.log").open("ab") as log:
            self._server = subprocess.Popen(
                [*namespace, "sh", "-c", f"{prepare} && exec '{self._sshd}' -D -e -f '{config}'"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "LD_LIBRARY_PATH": str(self._libraries)},
            )
        deadline = time.monotonic() + _START_SECONDS
        listening = [*namespace, "ss", "-H", "-l", "-t", "-n", "sport = :22"]
        while not subprocess.run(listening, stdout=subprocess.PIPE, check=True).stdout:
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"sshd does not start: {(self.folder / 'sshd.log').read_text(errors='replace')}")
            time.sleep(0.05)

    def stop_sshd(self) -> None:
        """Stop sshd; a second time does nothing."""
        if self._server is not None:
            self._server.terminate()
            self._server.wait()
            self._server = None

    @contextmanager
    def listener(self, port: int) -> Iterator[None]:
        """Let a foreign program listen on a port of the worker."""
        program = f"import socket; s = socket.create_server(('', {port})); print(flush=True); s.accept()"
        command = ["ip", "netns", "exec", self._names[1], "python3", "-c", program]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            try:
                yield
            finally:
                process.kill()

    def authorise(self, *, yes: bool) -> None:
        """Let the head's key log in, or no key."""
        text = (self.folder / "key.pub").read_text(encoding="utf-8") if yes else ""
        (self.folder / "authorized_keys").write_text(text, encoding="utf-8")

    def know_host(self, *, yes: bool) -> None:
        """Let the head know the worker's host key, or no host."""
        key = (self.folder / "host_key.pub").read_text(encoding="utf-8")
        (self.folder / "known_hosts").write_text(f"{WORKER} {key}" if yes else "", encoding="utf-8")

    def _prepare(self) -> None:
        self.home.mkdir()
        self.forget()
        for host in ("head", "worker"):
            (self.folder / host).mkdir()
            for name, text in _HEALTHY.items():
                (self.folder / host / name).write_text(f"{text}\n" if text else "", encoding="utf-8")
        programs = self.folder / "bin"
        programs.mkdir()
        for name in _FAKED:
            (programs / name).symlink_to(_FAKES / name)
        for name in ("key", "host_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name)], check=True)
        self.authorise(yes=True)
        self.know_host(yes=True)
        (self.folder / "ssh_config").write_text(
            f"IdentityFile {self.folder}/key\nIdentitiesOnly yes\nUserKnownHostsFile {self.folder}/known_hosts\n"
            "GlobalKnownHostsFile /dev/null\n"
        )
        (programs / "ssh").write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F "{self.folder}/ssh_config" "$@"\n')
        (programs / "ssh").chmod(0o755)
        (self.folder / "sshd_config").write_text(
            f"ListenAddress {WORKER}\nHostKey {self.folder}/host_key\n"
            f"AuthorizedKeysFile {self.folder}/authorized_keys\n"
            "StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPidFile none\n"
            f"SetEnv {' '.join(_assignments(self._environment('worker')))}\n"
        )
        users = Path("/etc/passwd").read_text(encoding="utf-8").splitlines()
        own = [line for line in users if not line.startswith(("sshd:", f"{USER}:"))]
        own += ["sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin", f"{USER}:x:0:0::{self.home}:/bin/bash"]
        (self.folder / "passwd").write_text("\n".join(own) + "\n", encoding="utf-8")

    def _connect(self) -> None:
        head, worker = self._names
        for command in (
            f"netns add {head}", f"netns add {worker}",
            f"-n {head} link add cable type veth peer name cable netns {worker}",
            f"-n {head} address add {HEAD}/24 dev cable", f"-n {worker} address add {WORKER}/24 dev cable",
            *(f"-n {name} link set {device} up" for name in self._names for device in ("lo", "cable")),
        ):  # fmt: skip
            subprocess.run(["ip", *command.split()], check=True)

    def _environment(self, host: str) -> dict[str, str]:
        return {
            "PATH": f"{self.folder}/bin:/usr/sbin:/usr/bin:/sbin:/bin", "STATE": str(self.folder / host),
            "CALLS": str(self.calls), "FAKES": str(_FAKES),
        }  # fmt: skip


def checkout_of(repository: Path, folder: Path) -> Path:
    """Copy what the script needs of a repository."""
    for name in ("deploy/setup", "deploy/compose", "deploy/security", "config"):
        shutil.copytree(repository / name, folder / name, symlinks=True)
    for name in ("deploy/setup_production.sh", "include/llmbatch/version.py", "docker-compose.yaml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(repository / name, folder / name)
    return folder


def _assignments(variables: dict[str, str]) -> Sequence[str]:
    return [f"{name}={value}" for name, value in variables.items()]


@contextmanager
def _watched() -> Iterator[set[str]]:
    """Collect the command lines of all processes of this machine, as any of its users could."""
    seen: set[str] = set()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    seen.add((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
                except OSError:
                    continue  # it has ended

    watcher = threading.Thread(target=look, name=f"{socket.gethostname()}-processes")
    watcher.start()
    try:
        yield seen
    finally:
        done.set()
        watcher.join()
