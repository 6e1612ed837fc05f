"""Compile the locks from the `.in` files, or check that they are what compiling gives.

`python -m llmbatch_stack.install.locks` writes `requirements/*.lock`. With `--check` it compiles copies,
starting from the locks as they are: an edited `.in` file is drift, a new release on the index is none.
"""

import argparse
import difflib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from llmbatch_stack.install.command import InstallError
from llmbatch_stack.install.rooms import TORCH_CPU_INDEX, one_at_a_time
from llmbatch_stack.install.uv import Uv, ready
from llmbatch_stack.settings import SettingsError, load

_UNIVERSAL = ("--universal", "--python-version", "3.11")
# Ray, torch and vLLM have no builds for most other platforms, and the CPU build of torch has them per Python version
_LINUX = ("--python-platform", "x86_64-unknown-linux-gnu", "--python-version", "3.11")
_WITHOUT_VISION = ("--overrides", "overrides.txt")
# An image is built from what the lock was compiled from, byte for byte, whatever index its builder uses
_HASHED = ("--generate-hashes",)
LOCKS: Mapping[str, tuple[str, ...]] = {
    "airflow": _UNIVERSAL,
    "local-airflow": _UNIVERSAL,
    "image-airflow": (*_UNIVERSAL, *_HASHED),
    "ray-gpu": (*_LINUX, *_HASHED),
    "ray-cpu": (*_LINUX, *_WITHOUT_VISION, *_HASHED),
    "local-ray": (*_LINUX, *_WITHOUT_VISION),
    "image-models": (*_LINUX, *_HASHED, "--no-deps"),  # after local-ray, which has their versions
    "image-sbom": _UNIVERSAL,
    "client-openai-1": _UNIVERSAL,
    "client-openai-2": _UNIVERSAL,
    "client-schemathesis": _UNIVERSAL,
}


class LockError(RuntimeError):
    """The resolver found no solution; the message is its own."""


def compile_lock(name: str, folder: Path, uv: Uv) -> None:
    """Compile `folder/name.in` to `folder/name.lock`, keeping the versions of a lock that is there where they fit.

    Folders of files that this machine has count only if the index alone has no solution: with a CPU build of torch in
    one, the lock for GPUs would name it.

    Raises:
        LockError: uv found no solution, even with pip's extra indexes and PyTorch's index of CPU builds.
    """
    command = [*uv.command, "pip", "compile", "--quiet", "--no-header", *LOCKS[name], *uv.sources.options]
    command += [f"{name}.in", "-o", f"{name}.lock"]
    errors = ""
    attempts = [uv.sources.index_only(), uv.sources.variables, uv.sources.with_extra(TORCH_CPU_INDEX)]
    if attempts[0] == attempts[1]:
        del attempts[0]
    for variables in attempts:
        done = subprocess.run(command, cwd=folder, env=variables, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode == 0:
            lock = folder / f"{name}.lock"
            lines = lock.read_text().splitlines(keepends=True)
            lock.write_text(f"# Made by `make locks` from {name}.in; do not edit.\n" + "".join(_without_sources(lines)))
            return
        errors = errors or done.stderr
    raise LockError(f"{name}: {errors}")


def check(folder: Path, uv: Uv) -> list[str]:
    """Return one diff for each lock that is not what its `.in` file gives; nothing in `folder` is changed."""
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / folder.name
        shutil.copytree(folder, copy)
        shutil.copy(folder.parent / "requirements.txt", temporary)
        drift = []
        for name in LOCKS:
            compile_lock(name, copy, uv)
            file = f"{name}.lock"
            old, new = ((where / file).read_text() if (where / file).exists() else "" for where in (folder, copy))
            lines = difflib.unified_diff(
                old.splitlines(), new.splitlines(), file, f"{file} (compiled now)", "", "", 0, ""
            )
            if text := "\n".join(lines):
                drift.append(text)
        return drift


def _without_sources(lines: list[str]) -> list[str]:
    """Drop our own first line of the last time and any option that would name an index of this machine."""
    return [line for line in lines if not line.startswith(("# Made by", "--"))]


def main() -> int:
    """Write the locks, or with `--check` compare them; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m llmbatch_stack.install.locks", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare the locks with their .in files, write nothing")
    only_check = parser.parse_args().check
    try:
        settings = load()
        folder = settings.repo / "requirements"
        with one_at_a_time(settings):
            uv = ready(settings)
        if only_check:
            drift = check(folder, uv)
            for text in drift:
                print(text)
            if drift:
                message = f"error: {len(drift)} of {len(LOCKS)} locks do not match their .in files; run `make locks`"
                print(message, file=sys.stderr)
            else:
                print(f"{len(LOCKS)} locks match their .in files")
            return 1 if drift else 0
        for name in LOCKS:
            compile_lock(name, folder, uv)
            print(f"requirements/{name}.lock")
    except (InstallError, LockError, SettingsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
