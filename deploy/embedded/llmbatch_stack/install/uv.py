"""The program uv, which makes the rooms and compiles the locks. Standard library only.

It is an ordinary wheel, installed by pip into an environment of its own. Its version is that of `requirements/uv.txt`.
"""

import subprocess
import sys
from dataclasses import dataclass

from llmbatch_stack.install.command import InstallError, clean_environment, run
from llmbatch_stack.install.package_sources import PackageSources, from_pip
from llmbatch_stack.install.room import Room
from llmbatch_stack.settings import Settings


@dataclass(frozen=True)
class Uv:
    """The words that start uv, and where it takes packages from."""

    command: tuple[str, ...]
    sources: PackageSources


def uv_room(settings: Settings) -> Room:
    """Return the environment that holds uv and nothing else but pip."""
    return Room(
        name="uv",
        lock=settings.repo / "requirements" / "uv.txt",
        venv=settings.venv("uv"),
        log=settings.logs / "install-uv.log",
        probe="import uv",
    )


def ready(settings: Settings) -> Uv:
    """Return uv, installed first where it is missing or has another version.

    Raises:
        InstallError: this Python cannot make environments, or pip failed.
    """
    room = uv_room(settings)
    pip = [str(room.python), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    if not room.is_finished():
        room.begin()
        package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        hint = f"check that Python's venv module is installed (Debian: the package {package})"
        run(room.log, [sys.executable, "-m", "venv", "--clear", str(room.venv)], hint=hint)
        words = ["install", "--no-deps", "--only-binary", ":all:", "--progress-bar", "off", "-r", str(room.lock)]
        run(room.log, [*pip, *words])
        room.finish()
    # in no log: addresses of indexes may hold passwords
    listed = subprocess.run([*pip, "config", "list"], capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        raise InstallError(f"pip cannot read its own configuration:\n{listed.stderr}")
    return Uv((str(room.python), "-m", "uv"), from_pip(listed.stdout, clean_environment()))
