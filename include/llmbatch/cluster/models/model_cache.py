"""Where models live on a node, and the file lock under which they arrive there."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from llmbatch.cluster.models.cache_space import make_room
from llmbatch.cluster.models.lease import hold
from llmbatch.core.errors import ModelError

CACHE_ENV = "LLMBATCH_MODEL_CACHE"
CHECKSUMS = "llmbatch-checksums.json"
"""Name of the file, inside a cached folder, that lists the SHA-256 of every other file."""

_BLOCK = 4 * 2**20


def cache_root() -> Path:
    """Return the folder of cached models of this node (``LLMBATCH_MODEL_CACHE``)."""
    return Path(os.environ.get(CACHE_ENV) or Path.home() / ".cache" / "llmbatch" / "models")


def cached_folder(name: str, size: int, build: Callable[[Path], None]) -> tuple[Path, str]:
    """Return a verified folder and its digest, building it first if it is absent or damaged.

    ``build`` fills an empty folder beside the final one; a rename makes it visible, so that a crash never leaves half
    a model under the final name. Replicas that start together on one node wait for the first of them. The folder stays
    at least until this process ends. The digest covers the names and contents of all files.

    Args:
        name: of the folder in the cache.
        size: bytes of the model, about; models that are not in use make room for it.
        build: fills the folder.

    Raises:
        ModelError: the folder cannot be written.
    """
    final = cache_root() / name
    final.parent.mkdir(parents=True, exist_ok=True)
    with _locked(final.with_name(f".{final.name}.lock")):
        hold(final)
        digest = _verified_digest(final)
        if digest is None:
            make_room(final.parent, size, keep=final)
            digest = _built(final, build)
    return final, digest


def _built(final: Path, build: Callable[[Path], None]) -> str:
    partial = final.with_name(f".{final.name}.partial")
    for old in (final, partial):
        shutil.rmtree(old, ignore_errors=True)
    try:
        partial.mkdir()
        build(partial)
        digest = _seal(partial)
        partial.rename(final)
    except OSError as error:
        raise ModelError(
            f"{final.name} cannot be written to the model cache {final.parent} ({error}). Free space on this node, "
            f"or set {CACHE_ENV} to a larger disk."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return digest


def _seal(folder: Path) -> str:
    """Write the checksum file, last, and return the folder's digest."""
    sums = {str(path.relative_to(folder)): _sha256(path) for path in _files(folder)}
    (folder / CHECKSUMS).write_text(json.dumps(sums, indent=1), encoding="utf-8")
    return _digest_of(sums)


def _verified_digest(folder: Path) -> str | None:
    """Return the digest if every file is as it was sealed, else None."""
    try:
        sums = json.loads((folder / CHECKSUMS).read_text(encoding="utf-8"))
        intact = isinstance(sums, dict) and all(_sha256(folder / name) == sha for name, sha in sums.items())
    except (OSError, ValueError):
        return None
    return _digest_of(sums) if intact and sums else None


def _digest_of(sums: dict[str, str]) -> str:
    return "sha256:" + hashlib.sha256(json.dumps(sums, sort_keys=True).encode()).hexdigest()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != CHECKSUMS)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock that the kernel releases when its holder dies."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
