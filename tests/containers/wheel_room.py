"""A clean environment in which the wheel is installed as a user installs it, and commands in it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from llmbatch_stack.environment import plain
from llmbatch_stack.install.uv import ready
from llmbatch_stack.settings import Settings


@dataclass(frozen=True)
class WheelRoom:
    """A virtual environment made of nothing but the wheel and what one of its extras requires."""

    venv: Path

    @classmethod
    def make(cls, venv: Path, wheel: Path, extra: str, settings: Settings) -> WheelRoom:
        """Install ``wheel[extra]`` with the tested versions as constraints."""
        uv = ready(settings)
        constraints = settings.repo / "requirements" / "airflow.lock"
        _run([*uv.command, "venv", "--no-project", "--python", sys.executable, str(venv)], uv.sources.variables)
        words = ["pip", "install", "--python", str(venv / "bin" / "python"), "--constraint", str(constraints)]
        wanted = f"llmbatch[{extra}] @ {wheel.as_uri()}"
        _run([*uv.command, *words, *uv.sources.options, wanted], uv.sources.with_extra())
        return cls(venv)

    def run(self, *command: str, environ: Mapping[str, str] | None = None) -> str:
        """Run a program of the environment, far from the repository; return its stdout."""
        first, *rest = command
        variables = plain() | dict(environ or {})
        return _run([str(self.venv / "bin" / first), *rest], variables)

    def airflow(self, *words: str, environ: Mapping[str, str]) -> list[dict[str, str]]:
        """Run a command of Airflow that lists something; return the list."""
        out = self.run("airflow", *words, "--output", "json", environ=environ)
        found: list[dict[str, str]] = json.loads(out[out.index("[{") :])  # warnings may stand before it
        return found


def resolved(room: WheelRoom, wheel: Path, extra: str, lock: str, settings: Settings) -> set[str]:
    """Return ``name==version`` of all that ``wheel[extra]`` would install, with a lock's versions as constraints."""
    uv = ready(settings)
    constraints = settings.repo / "requirements" / f"{lock}.lock"
    words = ["pip", "install", "--dry-run", "--reinstall", "--python", str(room.venv / "bin" / "python")]
    words += ["--constraint", str(constraints), *uv.sources.options, f"llmbatch[{extra}] @ {wheel.as_uri()}"]
    said = _run([*uv.command, *words], uv.sources.with_extra(), errors=True)
    return {line.removeprefix(" + ").split()[0] for line in said.splitlines() if line.startswith(" + ")}


def build(settings: Settings, folder: Path) -> Path:
    """Build the wheel as ``make wheel`` does."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    done = subprocess.run(command, cwd=settings.repo, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel


def _run(command: Sequence[str], environ: Mapping[str, str], *, errors: bool = False) -> str:
    done = subprocess.run(command, env=dict(environ), cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {(done.stdout + done.stderr)[-3000:]}"
    return done.stderr if errors else done.stdout
