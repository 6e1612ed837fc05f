"""Programs that no Python package brings, unpacked under .llmbatch/tools: Prometheus, Alertmanager, Docker Compose.

They need no root and come from one Debian suite, whatever this machine's own suite is: they need nothing but libc, and
a stable suite keeps its versions. Its address and key are those of the machine's own Debian. Only tests and the
monitoring verbs need the programs, so a machine that cannot have them gets a message with the names, and its
installation goes on. Docker Compose is a plugin that also runs alone: `docker-compose config` needs neither a client
nor an engine of Docker. Standard library only.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from llmbatch_stack.settings import Settings

SUITE = "trixie"
"""Prometheus 2.53, Alertmanager 0.28, Docker Compose 2.26."""
PROGRAMS = ("prometheus", "promtool", "prometheus-alertmanager", "amtool", "docker-compose")
ALIASES = {"prometheus-alertmanager": "alertmanager"}
"""What a program is called where it does not come from Debian."""

_PACKAGES = ("prometheus", "promtool", "prometheus-alertmanager", "docker-compose")
_FOLDERS = {"docker-compose": "libexec/docker/cli-plugins"}
"""Of programs that are not in ``bin``."""
_RELEASE = Path("/etc/os-release")
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_COMPILED_IN = b"/usr/share/prometheus/alertmanager"
_FD = 9
_LOG_TAIL_LINES = 5

Report = Callable[[str], None]


def find(settings: Settings, program: str) -> Path | None:
    """Return a program of ours, else the one on PATH, else None."""
    ours = settings.tools / SUITE / "bin" / program
    if ours.exists():
        return ours
    found = shutil.which(program) or shutil.which(ALIASES.get(program, program))
    return Path(found) if found else None


def install(settings: Settings, report: Report) -> None:
    """Install the programs if one is missing. Never fails: it reports what must be installed by hand."""
    if all(find(settings, program) for program in PROGRAMS):
        return
    by_hand = f"tests need {', '.join(PROGRAMS)}: install them so that PATH has them"
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        report(f"tools: this machine has no apt-get; {by_hand}")
        return
    began = time.monotonic()
    log = settings.logs / "install-tools.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("")
    settings.tools.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.tools, prefix="unpacking-") as name:
        folder = Path(name)
        if not (_download(log, folder) and _unpack(log, folder)):
            tail = "\n    ".join(log.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:])
            report(f"tools: nothing could be installed from Debian {SUITE}; {by_hand}. The end of {log}:\n    {tail}")
            return
        home = settings.tools / SUITE
        ready = _gather(folder / "root" / "usr", folder / "ready", home)
        if home.exists():
            home.rename(folder / "replaced")
        ready.rename(home)
    report(f"tools: {', '.join(PROGRAMS)} ready after {time.monotonic() - began:.0f} s")


def _download(log: Path, folder: Path) -> bool:
    """Fetch the packages of the suite into `folder`, with package lists of their own."""
    lists, cache, sources = folder / "lists", folder / "cache", folder / "sources.list"
    (lists / "partial").mkdir(parents=True)
    (cache / "archives" / "partial").mkdir(parents=True)
    lines = [f"deb [signed-by={_KEYRING}] {address} {SUITE} main\n" for address in _addresses()]
    sources.write_text("".join(lines))
    options = [
        f"Dir::Etc::SourceList={sources}", "Dir::Etc::SourceParts=/dev/null", f"Dir::State::Lists={lists}",
        f"Dir::Cache={cache}", "Acquire::Languages=none",
    ]  # fmt: skip
    if os.geteuid() == 0:
        options.append("APT::Sandbox::User=root")  # apt would become a user that may not write here
    apt = ["apt-get", *(word for option in options for word in ("-o", option))]
    _run(log, [*apt, "update"], folder)  # fails for an address that is not a mirror of Debian; another may be one
    return _run(log, [*apt, "download", *_PACKAGES], folder)


def _unpack(log: Path, folder: Path) -> bool:
    return all(
        _run(log, ["dpkg-deb", "-x", str(package), f"{folder}/root"], folder) for package in folder.glob("*.deb")
    )


def _addresses() -> list[str]:
    """Return the addresses from which this machine gets its own suite; one or more of them are mirrors of Debian."""
    lines = _RELEASE.read_text().splitlines() if _RELEASE.exists() else []
    words = dict(line.partition("=")[::2] for line in lines)
    own = words.get("VERSION_CODENAME", "").strip('"')
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"]
    targets = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout
    found = [line.split() for line in targets.splitlines()]
    return sorted({target[0] for target in found if target[1:] == [own, "main"]})


def _gather(unpacked: Path, ready: Path, home: Path) -> Path:
    """Move the programs to `ready`, which becomes `home`, and let Debian's Alertmanager find its templates there.

    It has their folder under /usr/share compiled in. The text is replaced by one of the same length that names an open
    file; the command opens the folder as that file first.
    """
    bins = ready / "bin"
    bins.mkdir(parents=True)
    for program in PROGRAMS:
        (unpacked / _FOLDERS.get(program, "bin") / program).rename(bins / program)
    (unpacked / "share" / "prometheus" / "alertmanager").rename(ready / "share")
    server = bins / "prometheus-alertmanager"
    real = server.rename(bins / f"{server.name}.real")
    text = f"/proc/self/fd/{_FD}".encode().ljust(len(_COMPILED_IN), b"/")
    real.write_bytes(real.read_bytes().replace(_COMPILED_IN, text))
    server.write_text(f'#!/bin/sh\nexec {_FD}<"{home / "share"}"\nexec "{home / "bin" / real.name}" "$@"\n')
    server.chmod(0o755)
    return ready


def _run(log: Path, command: Sequence[str], folder: Path) -> bool:
    with log.open("a") as out:
        out.write(f"$ {' '.join(command)}\n")
        out.flush()
        return subprocess.run(command, stdout=out, stderr=out, cwd=folder, check=False).returncode == 0
