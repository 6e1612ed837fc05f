"""Compile the locks from the `.in` files, or check that they are what compiling gives.

`python -m llmbatch_stack.locks` writes `requirements/*.lock`; with `--check` it compiles copies, starting from the
locks as they are, so that a new release on the index is no drift but an edited `.in` file is.
"""

import difflib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from llmbatch_stack.rooms import TORCH_CPU_INDEX

_UNIVERSAL = ("--universal", "--python-version", "3.11")
# Ray, torch and vLLM have no builds for most other platforms, and the CPU build of torch has them per Python version
_LINUX = ("--python-platform", "x86_64-unknown-linux-gnu", "--python-version", "3.11")
_WITHOUT_VISION = ("--overrides", "overrides.txt")
LOCKS: Mapping[str, tuple[str, ...]] = {
    "airflow": _UNIVERSAL,
    "local-airflow": _UNIVERSAL,
    "ray-gpu": _LINUX,
    "ray-cpu": (*_LINUX, *_WITHOUT_VISION),
    "local-ray": (*_LINUX, *_WITHOUT_VISION),
}


class LockError(RuntimeError):
    """The resolver found no solution; the message is its own."""


def compile_lock(name: str, folder: Path) -> None:
    """Compile `folder/name.in` to `folder/name.lock`, keeping the versions of a lock that is there where they fit.

    Raises:
        LockError: uv found no solution, even with PyTorch's index of CPU builds.
    """
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header", *LOCKS[name]]
    command += [f"{name}.in", "-o", f"{name}.lock"]
    extra = ["--extra-index-url", TORCH_CPU_INDEX, "--index-strategy", "unsafe-best-match"]
    said = ""
    for attempt in (command, [*command, *extra]):
        done = subprocess.run(
            attempt, cwd=folder, env=_uv_environment(), stderr=subprocess.PIPE, text=True, check=False
        )
        if done.returncode == 0:
            lock = folder / f"{name}.lock"
            lines = lock.read_text().splitlines(keepends=True)
            lock.write_text(f"# Made by `make locks` from {name}.in; do not edit.\n" + "".join(_without_sources(lines)))
            return
        said = said or done.stderr
    raise LockError(f"{name}: {said}")


def check(folder: Path) -> list[str]:
    """Return one diff for each lock that is not what its `.in` file gives; nothing in `folder` is changed."""
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / folder.name
        shutil.copytree(folder, copy)
        shutil.copy(folder.parent / "requirements.txt", temporary)
        drift = []
        for name in LOCKS:
            compile_lock(name, copy)
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


def _uv_environment() -> dict[str, str]:
    """Let uv use the sources that pip is told of by its own variables; uv does not read those."""
    pairs = {
        "UV_FIND_LINKS": "PIP_FIND_LINKS",
        "UV_DEFAULT_INDEX": "PIP_INDEX_URL",
        "UV_INDEX": "PIP_EXTRA_INDEX_URL",
        "SSL_CERT_FILE": "PIP_CERT",
    }
    translated = {uv: os.environ[pip] for uv, pip in pairs.items() if pip in os.environ}
    return {**translated, **os.environ}


def main(arguments: list[str]) -> int:
    """Write the locks, or with `--check` compare them; return the exit code."""
    folder = Path(__file__).resolve().parents[3] / "requirements"
    try:
        if arguments == ["--check"]:
            drift = check(folder)
            for text in drift:
                print(text)
            if drift:
                message = f"error: {len(drift)} of {len(LOCKS)} locks do not match their .in files; run `make locks`"
                print(message, file=sys.stderr)
            else:
                print(f"{len(LOCKS)} locks match their .in files")
            return 1 if drift else 0
        for name in LOCKS:
            compile_lock(name, folder)
            print(f"requirements/{name}.lock")
    except LockError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
