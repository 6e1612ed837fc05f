"""Programs that no Python package brings, unpacked under .llmbatch/tools without root: Alertmanager and amtool.

They come from the machine's own apt sources. Only tests and the monitoring verbs need them, so a machine without
them gets a message with the names of the packages, and its installation goes on. Standard library only.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from llmbatch_stack.settings import Settings

PROGRAMS = {"prometheus-alertmanager": "prometheus-alertmanager", "amtool": "prometheus-alertmanager"}
"""Program and the Debian package that holds it."""
ALIASES = {"prometheus-alertmanager": "alertmanager"}
"""What a program is called where it does not come from Debian."""

_COMPILED_IN = b"/usr/share/prometheus/alertmanager"
_FD = 9
_LOG_TAIL_LINES = 5

Report = Callable[[str], None]


def find(settings: Settings, program: str) -> Path | None:
    """Return a program of ours, else the one on PATH, else None."""
    ours = settings.tools / "bin" / program
    if ours.exists():
        return ours
    found = shutil.which(program) or shutil.which(ALIASES.get(program, program))
    return Path(found) if found else None


def install(settings: Settings, report: Report) -> None:
    """Install the missing programs, if any. Never fails: it reports what must be installed by hand."""
    missing = sorted({package for program, package in PROGRAMS.items() if find(settings, program) is None})
    if not missing:
        return
    by_hand = f"tests of monitoring need {', '.join(PROGRAMS)}: install them so that PATH has them"
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        report(f"tools: this machine has no apt-get; {by_hand}")
        return
    began = time.monotonic()
    log = settings.logs / "install-tools.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("")
    settings.tools.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.tools, prefix="unpacking-") as folder:
        if not _download(log, Path(folder), missing):
            tail = "\n    ".join(log.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:])
            report(f"tools: apt-get cannot download {', '.join(missing)}; {by_hand}. The end of {log}:\n    {tail}")
            return
        for package in Path(folder).glob("*.deb"):
            _run(log, ["dpkg-deb", "-x", str(package), f"{folder}/root"], folder)
        _settle(Path(folder) / "root" / "usr", settings.tools)
    report(f"tools: {', '.join(missing)} ready after {time.monotonic() - began:.0f} s")


def _download(log: Path, folder: Path, packages: Sequence[str]) -> bool:
    """Fetch packages into `folder`; where the machine has no or old package lists, with fresh ones."""
    # apt tries to give up root for a user that may not write here
    sandbox = ["-o", "APT::Sandbox::User=root"] if os.geteuid() == 0 else []
    if _run(log, ["apt-get", *sandbox, "download", *packages], folder):
        return True
    lists, cache = folder / "lists", folder / "cache"
    (lists / "partial").mkdir(parents=True)
    (cache / "archives" / "partial").mkdir(parents=True)
    own = [*sandbox, "-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={cache}"]
    return _run(log, ["apt-get", *own, "update"], folder) and _run(
        log, ["apt-get", *own, "download", *packages], folder
    )


def _settle(unpacked: Path, home: Path) -> None:
    """Move programs and templates to `home`, and let Debian's Alertmanager find its templates there.

    It has their folder under /usr/share compiled in. The text is replaced by one of the same length that names an open
    file; the command opens the folder as that file first.
    """
    shutil.rmtree(home / "share", ignore_errors=True)
    (unpacked / "share" / "prometheus" / "alertmanager").replace(home / "share")
    bins = home / "bin"
    bins.mkdir(exist_ok=True)
    (unpacked / "bin" / "amtool").replace(bins / "amtool")
    server, real = bins / "prometheus-alertmanager", bins / "prometheus-alertmanager.real"
    text = f"/proc/self/fd/{_FD}".encode().ljust(len(_COMPILED_IN), b"/")
    real.write_bytes((unpacked / "bin" / server.name).read_bytes().replace(_COMPILED_IN, text))
    real.chmod(0o755)
    command = home / "command"
    command.write_text(f'#!/bin/sh\nexec {_FD}<"{home / "share"}"\nexec "{real}" "$@"\n')
    command.chmod(0o755)
    command.replace(server)  # last: with it the installation is finished


def _run(log: Path, command: Sequence[str], folder: Path | str) -> bool:
    with log.open("a") as out:
        out.write(f"$ {' '.join(command)}\n")
        out.flush()
        return subprocess.run(command, stdout=out, stderr=out, cwd=folder, check=False).returncode == 0
