"""One command of an installation, with its log. Standard library only."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_LOG_TAIL_LINES = 15
# PYTHONPATH names our own modules; without bytecode every later process would compile all its imports again
_DROPPED = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH")


class InstallError(RuntimeError):
    """A step of an installation failed; the message shows the end of the log and its path."""


def clean_environment() -> dict[str, str]:
    """Return the environment of this process without what changes how another Python loads or compiles."""
    return {name: value for name, value in os.environ.items() if name not in _DROPPED}


def run(log: Path, command: Sequence[str], environment: Mapping[str, str] | None = None, *, hint: str = "") -> str:
    """Run a command, append its output to the log, and return its standard output.

    `environment` is the whole environment of the command; without it the command gets `clean_environment`.

    Raises:
        InstallError: the command failed; the message ends with the last lines of the log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as out:
        out.write(f"$ {' '.join(command)}\n")
        out.flush()
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=out,
            text=True,
            check=False,
            env=clean_environment() if environment is None else environment,
        )
        out.write(done.stdout)
    if done.returncode != 0:
        lines = log.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:]
        failed = f"`{' '.join(command[:4])} ...` failed {hint and f'({hint})'}; the end of {log}:"
        raise InstallError("\n    ".join([failed, *lines]))
    return done.stdout
